//! How the switch is, in one place: written by those who know, read by `/health` and the dashboards.

mod certificates;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use serde_json::{Value, json};

use crate::{actors::clock, actors::overload::Strain, domain::UnixMs};

pub use certificates::Certificates;

/// The state of the switch's parts.
#[derive(Debug, Default)]
pub struct Health {
    calls: AtomicI64,
    sip: AtomicBool,
    draining: Mutex<Draining>,
    overload: Mutex<Vec<Strain>>,
    database: Mutex<Database>,
    livekit: Mutex<LiveKit>,
    certificates: Mutex<Option<Certificates>>,
}

/// Whether new calls are sent away on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Draining {
    /// They are taken.
    #[default]
    No,
    /// An operator wants none.
    Asked {
        /// The operator's name.
        by: String,
    },
    /// The process goes down.
    GoingDown {
        /// Calls that are up may go on until then.
        until: UnixMs,
    },
}

/// Why new calls are sent away.
struct Refusing {
    why: &'static str,
    text: String,
    until: Option<UnixMs>,
    strains: Vec<&'static str>,
}

impl Refusing {
    fn new(draining: &Draining, overload: &[Strain]) -> Option<Self> {
        let (why, text, until) = match draining {
            Draining::GoingDown { until } => (
                "shutting-down",
                "This switch is shutting down; no new calls. Calls that are up may go on until the deadline.".to_owned(),
                Some(*until),
            ),
            Draining::Asked { by } => (
                "drained",
                format!("{by} has set this switch to take no new calls. Calls that are up go on."),
                None,
            ),
            Draining::No => {
                let first = overload.first()?.in_words();
                let text = format!("New callers get busy for now: {first}. Calls that are up go on.");
                ("overloaded", text, None)
            }
        };
        Some(Self {
            why,
            text,
            until,
            strains: overload.iter().map(|strain| strain.label()).collect(),
        })
    }

    fn view(&self) -> Value {
        json!({ "why": self.why, "text": self.text, "until": self.until, "strains": self.strains })
    }
}

/// How the books are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// Every row is written.
    #[default]
    Ok,
    /// Rows wait in the journal.
    Behind,
    /// The database cannot be reached; rows wait in the journal.
    Down,
}

impl Database {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Behind => "behind",
            Self::Down => "down",
        }
    }
}

/// Where the rooms live, and whether they can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LiveKit {
    /// In the switch itself.
    #[default]
    Embedded,
    /// On a LiveKit server.
    Ok,
    /// On a LiveKit server that cannot be reached.
    Lost {
        /// A sentence for a person.
        why: String,
        /// Since when.
        since: UnixMs,
    },
}

impl LiveKit {
    fn label(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Ok => "ok",
            Self::Lost { .. } => "lost",
        }
    }

    fn lost_since(&self) -> Option<UnixMs> {
        match self {
            Self::Embedded | Self::Ok => None,
            Self::Lost { since, .. } => Some(*since),
        }
    }

    fn note(&self) -> Option<String> {
        match self {
            Self::Embedded | Self::Ok => None,
            Self::Lost { why, .. } => Some(format!(
                "LiveKit is lost: callers are safe, browsers are cut off until it is back. ({why})"
            )),
        }
    }
}

impl Health {
    /// Calls that are up.
    pub fn set_calls(&self, calls: i64) {
        self.calls.store(calls, Ordering::Relaxed);
    }

    /// SIP listens.
    pub fn set_sip(&self, up: bool) {
        self.sip.store(up, Ordering::Relaxed);
    }

    /// No more calls are taken.
    pub fn set_draining(&self, state: Draining) {
        *self.draining.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether new calls are sent away on purpose.
    pub fn draining(&self) -> Draining {
        let draining = self.draining.lock();
        draining.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why one more call would be too much; empty: it would not be.
    pub fn set_overload(&self, strains: Vec<Strain>) {
        *self.overload.lock().unwrap_or_else(PoisonError::into_inner) = strains;
    }

    fn refusing(&self) -> Option<Refusing> {
        let overload = self.overload.lock().unwrap_or_else(PoisonError::into_inner);
        Refusing::new(&self.draining(), &overload)
    }

    /// How the books are.
    pub fn set_database(&self, state: Database) {
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Where the rooms live, and whether they can be reached.
    pub fn set_livekit(&self, state: LiveKit) {
        *self.livekit.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// How the certificates of SIP over TLS are; `None` where there are none.
    pub fn set_certificates(&self, state: Option<Certificates>) {
        *self
            .certificates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether calls can be taken.
    pub fn takes_calls(&self) -> bool {
        self.sip.load(Ordering::Relaxed) && self.refusing().is_none()
    }

    /// As `/health` and the dashboards show it.
    pub fn view(&self) -> Value {
        let database = *self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let livekit = self
            .livekit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let refusing = self.refusing();
        let mut notes: Vec<String> = Vec::new();
        notes.extend(refusing.as_ref().map(|refusing| refusing.text.clone()));
        match database {
            Database::Ok => {}
            Database::Behind => {
                notes.push("The database is slow; rows are kept in the journal.".into())
            }
            Database::Down => {
                notes.push("The database cannot be reached; rows are kept in the journal.".into())
            }
        }
        notes.extend(livekit.note());
        let certificates = self.certificates.lock();
        let certificates = certificates.unwrap_or_else(PoisonError::into_inner).clone();
        let certificates = certificates.as_ref();
        notes.extend(certificates.iter().flat_map(|all| all.notes(clock::utc())));
        let whole = database == Database::Ok
            && livekit.lost_since().is_none()
            && certificates.is_none_or(Certificates::are_valid);
        let status = match (self.takes_calls(), whole) {
            (false, _) => "down",
            (true, true) => "ok",
            (true, false) => "degraded",
        };
        let sip = match (self.sip.load(Ordering::Relaxed), &refusing) {
            (false, _) => "down",
            (true, Some(refusing)) if refusing.why == "overloaded" => "overloaded",
            (true, Some(_)) => "draining",
            (true, None) => "ok",
        };
        json!({
            "status": status, "sip": sip, "database": database.label(),
            "sipTls": certificates.map_or("off", Certificates::label),
            "sipTlsExpires": certificates.map(|all| all.expires),
            "livekit": livekit.label(), "livekitLostSince": livekit.lost_since(),
            "calls": self.calls.load(Ordering::Relaxed), "notes": notes,
            "refusing": refusing.map(|refusing| refusing.view()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_database_degrades_and_no_sip_is_down() {
        let health = Health::default();
        assert_eq!(health.view()["status"], "down");
        health.set_sip(true);
        assert_eq!(health.view()["status"], "ok");
        health.set_database(Database::Down);
        let view = health.view();
        assert_eq!(
            (&view["status"], &view["database"]),
            (&json!("degraded"), &json!("down"))
        );
        assert!(
            view["notes"][0]
                .as_str()
                .is_some_and(|note| note.contains("journal"))
        );
        health.set_draining(Draining::GoingDown { until: UnixMs(9) });
        assert!(!health.takes_calls());
        let view = health.view();
        assert_eq!(
            (
                &view["sip"],
                &view["refusing"]["why"],
                &view["refusing"]["until"]
            ),
            (&json!("draining"), &json!("shutting-down"), &json!(9))
        );
    }

    #[test]
    fn an_overloaded_switch_takes_no_calls_until_it_is_over() {
        let health = Health::default();
        health.set_sip(true);
        health.set_overload(vec![Strain::Calls, Strain::Late]);
        assert!(!health.takes_calls());
        let view = health.view();
        assert_eq!(
            (&view["status"], &view["sip"], &view["refusing"]["strains"]),
            (
                &json!("down"),
                &json!("overloaded"),
                &json!(["max-calls", "audio-late"])
            )
        );
        assert!(
            view["notes"][0]
                .as_str()
                .is_some_and(|note| note.contains("MAX_CALLS"))
        );
        health.set_overload(Vec::new());
        assert!(health.takes_calls() && health.view()["refusing"].is_null());
    }

    #[test]
    fn an_expired_certificate_degrades() {
        let health = Health::default();
        health.set_sip(true);
        assert_eq!(health.view()["sipTls"], "off");
        let now = clock::utc();
        let until = |ms| Some(Certificates::new(now, now.plus_ms(ms), None));
        health.set_certificates(until(1_000_000_000_000));
        let view = health.view();
        assert_eq!(
            (&view["status"], &view["sipTls"]),
            (&json!("ok"), &json!("ok"))
        );
        assert_eq!(view["sipTlsExpires"], json!(now.0 + 1_000_000_000_000));
        health.set_certificates(until(-1));
        let view = health.view();
        assert_eq!(
            (&view["status"], &view["sipTls"]),
            (&json!("degraded"), &json!("expired"))
        );
    }

    #[test]
    fn a_lost_livekit_degrades_and_is_never_down() {
        let health = Health::default();
        health.set_sip(true);
        assert_eq!(health.view()["livekit"], "embedded");
        health.set_livekit(LiveKit::Ok);
        assert_eq!(
            (&health.view()["status"], &health.view()["livekit"]),
            (&json!("ok"), &json!("ok"))
        );
        health.set_livekit(LiveKit::Lost {
            why: "wss://livekit.example.org cannot be reached.".into(),
            since: UnixMs(7),
        });
        let view = health.view();
        assert_eq!(
            (&view["status"], &view["livekit"], &view["livekitLostSince"]),
            (&json!("degraded"), &json!("lost"), &json!(7))
        );
        assert_eq!(
            view["notes"],
            json!([
                "LiveKit is lost: callers are safe, browsers are cut off until it is back. \
                 (wss://livekit.example.org cannot be reached.)"
            ])
        );
        health.set_livekit(LiveKit::Ok);
        let view = health.view();
        assert_eq!(
            (&view["status"], &view["livekitLostSince"]),
            (&json!("ok"), &Value::Null)
        );
    }
}
