//! How the switch is, in one place: written by those who know, read by `/health` and the dashboards.

mod certificates;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use serde_json::{Value, json};

use crate::{actors::clock, domain::UnixMs};

pub use certificates::Certificates;

/// The state of the switch's parts.
#[derive(Debug, Default)]
pub struct Health {
    calls: AtomicI64,
    sip: AtomicBool,
    draining: AtomicBool,
    database: Mutex<Database>,
    livekit: Mutex<LiveKit>,
    certificates: Mutex<Option<Certificates>>,
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
    pub fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Relaxed);
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
        self.sip.load(Ordering::Relaxed) && !self.draining.load(Ordering::Relaxed)
    }

    /// As `/health` and the dashboards show it.
    pub fn view(&self) -> Value {
        let database = *self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let livekit = self
            .livekit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut notes: Vec<String> = Vec::new();
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
        let sip = if !self.sip.load(Ordering::Relaxed) {
            "down"
        } else if self.draining.load(Ordering::Relaxed) {
            "draining"
        } else {
            "ok"
        };
        json!({
            "status": status, "sip": sip, "database": database.label(),
            "sipTls": certificates.map_or("off", Certificates::label),
            "sipTlsExpires": certificates.map(|all| all.expires),
            "livekit": livekit.label(), "livekitLostSince": livekit.lost_since(),
            "calls": self.calls.load(Ordering::Relaxed), "notes": notes,
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
        health.set_draining(true);
        assert!(!health.takes_calls());
        assert_eq!(health.view()["sip"], "draining");
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
