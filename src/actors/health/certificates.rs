//! How the certificates of SIP over TLS are.

use crate::domain::UnixMs;

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Renewals are due a month before the end, so that two weeks mean that one has failed.
const SOON_MS: i64 = 14 * DAY_MS;

/// The certificates of SIP over TLS, as the one that expires first has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// When the first of them expires.
    pub expires: UnixMs,
    /// Why the newest files were not taken, as a sentence.
    pub refused: Option<String>,
    soon: bool,
    over: bool,
}

impl Certificates {
    /// As it is `now`.
    pub fn new(now: UnixMs, expires: UnixMs, refused: Option<String>) -> Self {
        Self {
            expires,
            refused,
            soon: expires < now.plus_ms(SOON_MS),
            over: expires <= now,
        }
    }

    /// Whether peers can still connect: they refuse a certificate that has expired.
    pub fn are_valid(&self) -> bool {
        !self.over
    }

    /// As `/health` calls it.
    pub fn label(&self) -> &'static str {
        match (self.over, self.soon, &self.refused) {
            (true, ..) => "expired",
            (false, true, _) => "expiring",
            (false, false, Some(_)) => "not-renewed",
            (false, false, None) => "ok",
        }
    }

    /// What to do about the date, if anything.
    pub fn expiry_note(&self, now: UnixMs) -> Option<String> {
        if self.over {
            let text = "The certificate of SIP over TLS has expired: callers over TLS cannot get in. Renew it.";
            return Some(text.to_owned());
        }
        let days = self.expires.since(now) / DAY_MS;
        self.soon.then(|| {
            format!(
                "The certificate of SIP over TLS expires within {} days: renew it.",
                days + 1
            )
        })
    }

    /// Everything that an operator should know.
    pub(super) fn notes(&self, now: UnixMs) -> Vec<String> {
        let refused = self.refused.as_ref().map(|why| {
            format!("A new certificate of SIP over TLS cannot be used, the old one stays: {why}.")
        });
        self.expiry_note(now).into_iter().chain(refused).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_weeks_before_its_end_a_certificate_is_expiring() {
        let now = UnixMs(1_000 * DAY_MS);
        let at = |days: i64| Certificates::new(now, now.plus_ms(days * DAY_MS), None);
        let labels = [15, 13, 0, -1].map(|days| at(days).label());
        assert_eq!(labels, ["ok", "expiring", "expired", "expired"]);
        assert_eq!(at(15).notes(now), [""; 0]);
        assert!(at(2).notes(now)[0].contains("within 3 days"));
        assert!(!at(-1).are_valid() && at(-1).notes(now)[0].contains("has expired"));
    }

    #[test]
    fn a_renewal_that_failed_is_told_with_its_reason() {
        let now = UnixMs(0);
        let why = Some("a.key is not the key of the certificate in a.pem".to_owned());
        let kept = Certificates::new(now, UnixMs(90 * DAY_MS), why);
        assert_eq!(kept.label(), "not-renewed");
        assert!(kept.notes(now)[0].contains("a.key"));
    }
}
