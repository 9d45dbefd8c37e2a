//! Symmetric RTP with a memory: which sender a leg listens to, and answers.
//!
//! The SDP names an address; its packets are taken at once. A caller behind a NAT sends from another one: the first
//! such source that could be the caller and is consistent within the first seconds is latched, once. Everybody else is
//! foreign: neither heard nor answered. Within the latched source one SSRC speaks at a time, and never faster than 150
//! packets a second.
//!
//! Who could be the caller: the host that the SDP names, at another port; the host that the signalling came from; a host
//! in the ranges that the trunk lists; and, where the audio is encrypted, whoever has the key.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::rtp::RtpIn;

/// How long after set-up a source other than the SDP's may still be latched.
const LATCH_WINDOW: Duration = Duration::from_secs(10);
/// Consistent packets that make an unannounced address credible (RFC 3550 A.1 asks for 2).
const PROBATION_PACKETS: u8 = 5;
/// Consistent packets of a new SSRC that let it take over from one that has fallen silent (RFC 3550 A.1).
const SSRC_PROBATION_PACKETS: u8 = 2;
/// An SSRC silent for this long may be replaced; before, it may not.
const SSRC_SILENCE: Duration = Duration::from_millis(200);
/// Packets per second taken from a leg: three times the busiest legal sender at 20 ms.
const RATE_MAX: u32 = 150;
/// A forward step in the sequence that still counts as the same stream (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 100;

/// Where a caller's audio may come from, besides the address in the SDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The host that the signalling came from.
    pub signalling: IpAddr,
    /// What the trunk lists.
    pub ranges: Arc<[IpNet]>,
}

impl Sources {
    /// From nowhere else than the signalling.
    #[must_use]
    pub fn of(signalling: IpAddr) -> Self {
        Self {
            signalling: signalling.to_canonical(),
            ranges: Arc::default(),
        }
    }

    fn hold(&self, source: IpAddr) -> bool {
        source == self.signalling.to_canonical()
            || self.ranges.iter().any(|range| range.contains(&source))
    }
}

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Hear it.
    Accept,
    /// Hear it; it begins a stream, so forget what came before.
    AcceptNewStream,
    /// A newcomer that may yet be accepted.
    Probation,
    /// From a stranger.
    Foreign,
    /// Beyond the rate cap.
    OverRate,
}

/// The memory of one leg.
#[derive(Debug, Clone)]
pub struct SourceLatch {
    signalled: SocketAddr,
    sources: Sources,
    armed_at: Instant,
    source: Option<SocketAddr>,
    stranger: Option<(SocketAddr, Candidate)>,
    ssrc: Option<u32>,
    /// The first one since the source was latched.
    first_ssrc: Option<u32>,
    heard_at: Instant,
    next_ssrc: Option<Candidate>,
    second: Instant,
    second_count: u32,
}

impl SourceLatch {
    /// A latch that expects the address from the SDP.
    #[must_use]
    pub fn new(signalled: SocketAddr, sources: Sources, now: Instant) -> Self {
        Self {
            signalled: canonical(signalled),
            sources,
            armed_at: now,
            source: None,
            stranger: None,
            ssrc: None,
            first_ssrc: None,
            heard_at: now,
            next_ssrc: None,
            second: now,
            second_count: 0,
        }
    }

    /// Takes the address of a new SDP; latches anew only when it differs from the last one.
    pub fn signal(&mut self, signalled: SocketAddr, now: Instant) {
        if canonical(signalled) != self.signalled {
            *self = Self::new(signalled, self.sources.clone(), now);
        }
    }

    /// Where to send: the latched source, else the SDP's address; nowhere while that is not an
    /// address one can send to (0.0.0.0, the hold of RFC 2543).
    #[must_use]
    pub fn target(&self) -> Option<SocketAddr> {
        let target = self.source.unwrap_or(self.signalled);
        (!target.ip().is_unspecified() && target.port() != 0).then_some(target)
    }

    /// The source that has been latched, if any.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Whether packets from `from` at `at` are foreign whatever is in them.
    #[must_use]
    pub fn is_foreign(&self, from: SocketAddr, at: Instant) -> bool {
        let from = canonical(from);
        self.source != Some(from) && from != self.signalled && self.is_settled(at)
    }

    /// Judges a packet that arrived from `from` at `at`. `is_authentic`: it can only be from who has the key.
    pub fn admit(
        &mut self,
        from: SocketAddr,
        at: Instant,
        packet: &RtpIn<'_>,
        is_authentic: bool,
    ) -> Verdict {
        let from = canonical(from);
        let verdict = self.admit_address(from, at, packet, is_authentic);
        if verdict != Verdict::Accept {
            return verdict;
        }
        let verdict = self.admit_ssrc(at, packet);
        // Only what would be heard counts: others at the same address must not use up the caller's share.
        if verdict == Verdict::Accept && self.is_over_rate(at) {
            return Verdict::OverRate;
        }
        verdict
    }

    /// Nobody is latched any more.
    fn is_settled(&self, at: Instant) -> bool {
        self.source.is_some() || at.saturating_duration_since(self.armed_at) > LATCH_WINDOW
    }

    fn admit_address(
        &mut self,
        from: SocketAddr,
        at: Instant,
        packet: &RtpIn<'_>,
        is_authentic: bool,
    ) -> Verdict {
        if self.source == Some(from) {
            return Verdict::Accept;
        }
        // The signalled address outranks a guess, so a stranger who was first cannot keep the call.
        if from == self.signalled {
            self.take(from);
            return Verdict::Accept;
        }
        let could_be_it =
            || from.ip() == self.signalled.ip() || is_authentic || self.sources.hold(from.ip());
        if self.is_settled(at) || !could_be_it() {
            return Verdict::Foreign;
        }
        let count = match &mut self.stranger {
            Some((address, candidate)) if *address == from => candidate.count(packet),
            // One candidate at a time: a flood of strangers must not reset the honest one.
            Some((_, candidate)) if candidate.is_alive(at) => return Verdict::Foreign,
            Some(_) | None => {
                self.stranger = Some((from, Candidate::new(packet, at)));
                1
            }
        };
        if let Some((_, candidate)) = &mut self.stranger {
            candidate.seen_at = at;
        }
        if count < PROBATION_PACKETS {
            return Verdict::Probation;
        }
        self.take(from);
        Verdict::Accept
    }

    fn take(&mut self, source: SocketAddr) {
        self.source = Some(source);
        self.stranger = None;
        self.ssrc = None;
        self.first_ssrc = None;
        self.next_ssrc = None;
    }

    fn is_over_rate(&mut self, at: Instant) -> bool {
        if at.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            self.second = at;
            self.second_count = 0;
        }
        self.second_count = self.second_count.saturating_add(1);
        self.second_count > RATE_MAX
    }

    fn admit_ssrc(&mut self, at: Instant, packet: &RtpIn<'_>) -> Verdict {
        if self.ssrc == Some(packet.ssrc) {
            self.heard_at = at;
            return Verdict::Accept;
        }
        if self.ssrc.is_some() {
            let silent = at.saturating_duration_since(self.heard_at) >= SSRC_SILENCE;
            // Who speaks is not interrupted, but by who was there first: who broke into a pause goes when it is over.
            if !silent && self.first_ssrc != Some(packet.ssrc) {
                return Verdict::Probation;
            }
            let count = match &mut self.next_ssrc {
                Some(candidate) if candidate.ssrc == packet.ssrc => candidate.count(packet),
                Some(_) | None => {
                    self.next_ssrc = Some(Candidate::new(packet, at));
                    1
                }
            };
            if count < SSRC_PROBATION_PACKETS {
                return Verdict::Probation;
            }
        }
        self.first_ssrc.get_or_insert(packet.ssrc);
        self.ssrc = Some(packet.ssrc);
        self.next_ssrc = None;
        self.heard_at = at;
        Verdict::AcceptNewStream
    }
}

/// A newcomer on probation.
#[derive(Debug, Clone)]
struct Candidate {
    ssrc: u32,
    last_sequence: u16,
    consistent: u8,
    seen_at: Instant,
}

impl Candidate {
    fn new(packet: &RtpIn<'_>, at: Instant) -> Self {
        Self {
            ssrc: packet.ssrc,
            last_sequence: packet.sequence,
            consistent: 1,
            seen_at: at,
        }
    }

    /// Counts a packet of the same SSRC with an advancing sequence; anything else starts over.
    fn count(&mut self, packet: &RtpIn<'_>) -> u8 {
        let step = packet.sequence.wrapping_sub(self.last_sequence);
        let consistent = packet.ssrc == self.ssrc && (1..=DROPOUT_MAX).contains(&step);
        self.consistent = if consistent {
            self.consistent.saturating_add(1)
        } else {
            1
        };
        self.ssrc = packet.ssrc;
        self.last_sequence = packet.sequence;
        self.consistent
    }

    fn is_alive(&self, at: Instant) -> bool {
        at.saturating_duration_since(self.seen_at) < SSRC_SILENCE
    }
}

/// A dual-stack socket reports IPv4 senders as mapped IPv6; the SDP does not.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(_) => address,
        IpAddr::V6(_) => SocketAddr::new(address.ip().to_canonical(), address.port()),
    }
}

#[cfg(test)]
mod tests;
