//! How many connections there may be, and whose: strangers never take the seats of a trunk.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// How many connections are held.
#[derive(Clone, Copy, Debug)]
pub(in crate::actors::sip) struct SeatLimits {
    /// Of all trunks.
    pub trusted: usize,
    /// Of one address that a trunk lists.
    pub trusted_source: usize,
    /// Of everybody else.
    pub strangers: usize,
    /// Of one of them; IPv6: of its /64.
    pub stranger_source: usize,
    /// Connections of strangers that are taken in a second: each may cost a handshake.
    pub strangers_per_second: u32,
}

impl Default for SeatLimits {
    fn default() -> Self {
        Self {
            trusted: 1024,
            trusted_source: 512,
            strangers: 128,
            stranger_source: 4,
            strangers_per_second: 50,
        }
    }
}

/// A place that a connection takes, given back when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    source: IpAddr,
    trusted: bool,
}

impl Seat {
    /// Whether a trunk lists the peer.
    pub(super) fn is_trusted(self) -> bool {
        self.trusted
    }
}

/// Who sits where.
#[derive(Debug)]
pub(super) struct Seats {
    limits: SeatLimits,
    sources: HashMap<IpAddr, usize>,
    trusted: usize,
    strangers: usize,
    /// The second that is being counted, and the strangers who came in it.
    second: Option<(Instant, u32)>,
}

impl Seats {
    pub(super) fn new(limits: SeatLimits) -> Self {
        Self {
            limits,
            sources: HashMap::new(),
            trusted: 0,
            strangers: 0,
            second: None,
        }
    }

    /// Takes a seat for a connection that came in; the reason for the counter when there is none.
    pub(super) fn take(
        &mut self,
        now: Instant,
        peer: IpAddr,
        trusted: bool,
    ) -> Result<Seat, &'static str> {
        let seat = Seat {
            source: if trusted { peer } else { neighbourhood(peer) },
            trusted,
        };
        let theirs = self.sources.get(&seat.source).copied().unwrap_or(0);
        let limits = self.limits;
        if trusted {
            if self.trusted >= limits.trusted || theirs >= limits.trusted_source {
                return Err("tcp-full");
            }
        } else if theirs >= limits.stranger_source {
            return Err("tcp-stranger");
        } else if self.strangers >= limits.strangers || !self.counts_stranger(now) {
            return Err("tcp-strangers");
        }
        self.sit(seat);
        Ok(seat)
    }

    /// Takes a seat for a connection of our own, which is never too many: each has a request of a call behind it.
    pub(super) fn take_own(&mut self, peer: IpAddr) -> Seat {
        let seat = Seat {
            source: peer,
            trusted: true,
        };
        self.sit(seat);
        seat
    }

    pub(super) fn give_back(&mut self, seat: Seat) {
        if let Some(theirs) = self.sources.get_mut(&seat.source) {
            *theirs = theirs.saturating_sub(1);
            if *theirs == 0 {
                self.sources.remove(&seat.source);
            }
        }
        let count = self.count(seat);
        *count = count.saturating_sub(1);
    }

    fn sit(&mut self, seat: Seat) {
        *self.sources.entry(seat.source).or_default() += 1;
        *self.count(seat) += 1;
    }

    fn count(&mut self, seat: Seat) -> &mut usize {
        if seat.trusted {
            &mut self.trusted
        } else {
            &mut self.strangers
        }
    }

    fn counts_stranger(&mut self, now: Instant) -> bool {
        let begun = self
            .second
            .filter(|(since, _)| now.saturating_duration_since(*since) < Duration::from_secs(1));
        let (since, came) = begun.unwrap_or((now, 0));
        self.second = Some((since, came.saturating_add(1)));
        came < self.limits.strangers_per_second
    }
}

/// Whom one stranger can pretend to be: an address, or with IPv6 a /64.
fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::clock;

    fn seats() -> Seats {
        Seats::new(SeatLimits {
            trusted: 4,
            trusted_source: 3,
            strangers: 5,
            stranger_source: 2,
            strangers_per_second: 100,
        })
    }

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn strangers_fill_their_own_seats_and_no_others() {
        let (mut seats, now) = (seats(), clock::now());
        for source in [1, 1, 2, 2, 3] {
            seats.take(now, ip(source), false).unwrap();
        }
        assert_eq!(seats.take(now, ip(2), false), Err("tcp-stranger"));
        assert_eq!(seats.take(now, ip(4), false), Err("tcp-strangers"));
        let trunk = |seats: &mut Seats, last| seats.take(now, ip(last), true);
        let first = trunk(&mut seats, 9).unwrap();
        for _ in 0..2 {
            trunk(&mut seats, 9).unwrap();
        }
        assert_eq!(trunk(&mut seats, 9), Err("tcp-full"));
        trunk(&mut seats, 8).unwrap();
        assert_eq!(trunk(&mut seats, 7), Err("tcp-full"));
        seats.give_back(first);
        trunk(&mut seats, 7).unwrap();
    }

    #[test]
    fn a_network_of_one_stranger_is_one_stranger() {
        let (mut seats, now) = (seats(), clock::now());
        let of = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, last, 0, 0, 1));
        let first = seats.take(now, of(1), false).unwrap();
        seats.take(now, of(2), false).unwrap();
        assert_eq!(seats.take(now, of(3), false), Err("tcp-stranger"));
        seats.give_back(first);
        assert!(seats.take(now, of(3), false).is_ok());
        assert!(seats.sources.len() == 1 && seats.strangers == 2);
    }

    #[test]
    fn strangers_come_at_a_limited_rate() {
        let now = clock::now();
        let mut seats = Seats::new(SeatLimits {
            strangers_per_second: 2,
            ..SeatLimits::default()
        });
        let mut comes = |at, last| seats.take(at, ip(last), false).is_ok();
        assert_eq!([1, 2, 3].map(|last| comes(now, last)), [true, true, false]);
        assert!(comes(now + Duration::from_secs(1), 4));
    }
}
