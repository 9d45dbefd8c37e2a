//! Whether browsers can be heard, from the state of every link: a sentence for people, told when it changes.
//!
//! A link that is down for an instant is nobody's business: listeners have [`LISTENER_GRACE`], callers [`CALLER_GRACE`].

use std::time::{Duration, Instant};

use super::super::message::TransportState;
use crate::livekit::{LinkRole, LinkTrouble};

/// How long a room's ear may be gone before LiveKit counts as lost.
const LISTENER_GRACE: Duration = Duration::from_secs(1);
/// How long a caller's link may be gone.
const CALLER_GRACE: Duration = Duration::from_secs(3);

/// A link that is wanted.
#[derive(Debug, Clone)]
pub(super) struct LinkState {
    pub(super) role: LinkRole,
    /// `None` when it is up.
    pub(super) down_since: Option<Instant>,
    pub(super) trouble: Option<LinkTrouble>,
}

/// What was told last.
#[derive(Debug)]
pub(super) struct Health {
    server: String,
    lost: Option<(String, u64)>,
    is_told: bool,
}

impl Health {
    /// `server` as people write it: its URL.
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            lost: None,
            is_told: false,
        }
    }

    /// What is to be told now, and when to ask again at the latest. `api`: what LiveKit's API said last, which counts while
    /// no link is wanted.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        unix_ms: u64,
        links: &[LinkState],
        api: Option<&str>,
    ) -> (Option<TransportState>, Option<Instant>) {
        let due = |link: &LinkState| link.down_since.map(|since| since + grace(link.role));
        let next = links.iter().filter_map(due).filter(|at| *at > now).min();
        let overdue = links
            .iter()
            .filter(|link| due(link).is_some_and(|at| at <= now))
            .min_by_key(|link| (weight(link), link.down_since));
        let why = match overdue {
            Some(link) => Some(sentence(&self.server, link.trouble.as_ref())),
            None if links.is_empty() => api.map(str::to_owned),
            None => None,
        };
        let since = overdue
            .and_then(|link| link.down_since)
            .map_or(unix_ms, |at| {
                let ago = now.saturating_duration_since(at).as_millis();
                unix_ms.saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX))
            });
        let all_up = links.iter().all(|link| link.down_since.is_none());
        (self.tell(why, since, all_up), next)
    }

    fn tell(&mut self, why: Option<String>, since: u64, all_up: bool) -> Option<TransportState> {
        match (why, &self.lost) {
            (Some(why), Some((former, _))) if why == *former => None,
            (Some(why), former) => {
                let since_unix_ms = former.as_ref().map_or(since, |(_, since)| *since);
                self.lost = Some((why.clone(), since_unix_ms));
                self.is_told = true;
                Some(TransportState::Lost { why, since_unix_ms })
            }
            (None, lost) if all_up && (lost.is_some() || !self.is_told) => {
                self.lost = None;
                self.is_told = true;
                Some(TransportState::Up)
            }
            (None, _) => None,
        }
    }
}

fn grace(role: LinkRole) -> Duration {
    match role {
        LinkRole::Listener => LISTENER_GRACE,
        LinkRole::Caller => CALLER_GRACE,
    }
}

/// Which trouble says most: what a person has to put right comes before what heals by itself.
fn weight(link: &LinkState) -> u8 {
    match link.trouble {
        Some(LinkTrouble::Refused(_)) => 0,
        Some(LinkTrouble::RelayForced) => 1,
        Some(LinkTrouble::UdpBlocked) => 2,
        Some(LinkTrouble::Unreachable(_)) => 3,
        Some(LinkTrouble::Signalling(_)) => 4,
        Some(LinkTrouble::Media) => 5,
        None => 6,
    }
}

fn sentence(server: &str, trouble: Option<&LinkTrouble>) -> String {
    match trouble {
        Some(LinkTrouble::Unreachable(why)) => {
            format!("LiveKit at {server} cannot be reached ({why}).")
        }
        Some(LinkTrouble::Refused(why)) => {
            format!("LiveKit at {server} refuses the API key or its secret ({why}).")
        }
        Some(LinkTrouble::UdpBlocked) => format!(
            "LiveKit at {server} answers, but its media does not come through: outgoing UDP is blocked. Only TURN would \
             work, which the switch does not speak."
        ),
        Some(LinkTrouble::RelayForced) => format!(
            "LiveKit at {server} wants all media to go through TURN, which the switch does not speak."
        ),
        Some(LinkTrouble::Media) => {
            format!("Media from LiveKit at {server} has stopped, although it still answers.")
        }
        Some(LinkTrouble::Signalling(why)) => {
            format!("The connection to LiveKit at {server} was lost ({why}).")
        }
        None => format!("LiveKit at {server} has not let the switch in yet."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0_MS: u64 = 1_000_000;

    fn up(role: LinkRole) -> LinkState {
        LinkState {
            role,
            down_since: None,
            trouble: None,
        }
    }

    fn down(role: LinkRole, since: Instant, trouble: LinkTrouble) -> LinkState {
        LinkState {
            role,
            down_since: Some(since),
            trouble: Some(trouble),
        }
    }

    fn at(t0: Instant, ms: u64) -> (Instant, u64) {
        (t0 + Duration::from_millis(ms), T0_MS + ms)
    }

    #[test]
    fn a_short_loss_is_not_told_a_long_one_is_with_its_begin() {
        let t0 = Instant::now();
        let mut health = Health::new("ws://lk".to_owned());
        let listener = || up(LinkRole::Listener);
        assert_eq!(
            health.judge(t0, T0_MS, &[listener()], None),
            (Some(TransportState::Up), None)
        );
        let lost = [down(LinkRole::Listener, t0, LinkTrouble::Media)];
        let (now, ms) = at(t0, 900);
        assert_eq!(
            health.judge(now, ms, &lost, None),
            (None, Some(t0 + LISTENER_GRACE))
        );
        assert_eq!(health.judge(now, ms, &[listener()], None), (None, None));
        let (now, ms) = at(t0, 1500);
        let (told, next) = health.judge(now, ms, &lost, None);
        let Some(TransportState::Lost { why, since_unix_ms }) = told else {
            panic!("{told:?}");
        };
        assert!(why.contains("ws://lk") && why.contains("Media"), "{why}");
        assert_eq!((since_unix_ms, next), (T0_MS, None));
        assert_eq!(health.judge(now, ms, &lost, None).0, None, "told once");
        assert_eq!(
            health.judge(now, ms, &[listener()], None).0,
            Some(TransportState::Up)
        );
    }

    #[test]
    fn all_links_must_be_there_before_it_is_up_again() {
        let t0 = Instant::now();
        let mut health = Health::new("ws://lk".to_owned());
        let unreachable = || LinkTrouble::Unreachable("connection refused".to_owned());
        let both = [
            down(LinkRole::Listener, t0, unreachable()),
            down(LinkRole::Caller, t0, unreachable()),
        ];
        let (now, ms) = at(t0, 2000);
        let told = health.judge(now, ms, &both, None).0;
        assert!(
            matches!(told, Some(TransportState::Lost { .. })),
            "{told:?}"
        );
        let one = [
            up(LinkRole::Listener),
            down(LinkRole::Caller, t0, unreachable()),
        ];
        assert_eq!(
            health.judge(now, ms, &one, None),
            (None, Some(t0 + CALLER_GRACE))
        );
        let none = [up(LinkRole::Listener), up(LinkRole::Caller)];
        assert_eq!(
            health.judge(now, ms, &none, None).0,
            Some(TransportState::Up)
        );
    }

    #[test]
    fn what_a_person_has_to_put_right_is_said_first_and_a_change_is_told() {
        let t0 = Instant::now();
        let mut health = Health::new("ws://lk".to_owned());
        let (now, ms) = at(t0, 5000);
        let why = |told: Option<TransportState>| match told {
            Some(TransportState::Lost { why, since_unix_ms }) => (why, since_unix_ms),
            other => panic!("{other:?}"),
        };
        let media = down(LinkRole::Listener, t0, LinkTrouble::Media);
        let first = why(health.judge(now, ms, std::slice::from_ref(&media), None).0);
        assert!(first.0.contains("Media"));
        let blocked = down(LinkRole::Caller, t0, LinkTrouble::UdpBlocked);
        let second = why(health.judge(now, ms + 10, &[media, blocked], None).0);
        assert!(second.0.contains("TURN"), "{}", second.0);
        assert_eq!(second.1, first.1, "since the same moment");
    }

    #[test]
    fn without_links_the_api_has_the_word() {
        let t0 = Instant::now();
        let mut health = Health::new("ws://lk".to_owned());
        let refused = Some("LiveKit refuses the API key");
        assert!(matches!(
            health.judge(t0, T0_MS, &[], refused).0,
            Some(TransportState::Lost { .. })
        ));
        let told = health.judge(t0, T0_MS, &[], None).0;
        assert_eq!(told, Some(TransportState::Up));
        assert_eq!(
            health
                .judge(t0, T0_MS, &[up(LinkRole::Listener)], refused)
                .0,
            None
        );
    }
}
