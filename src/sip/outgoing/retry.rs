//! Refusals that say how to ask better: a challenge (RFC 3261 section 22), a session that is too short (RFC 4028 section 7.3).

use rsip::{Header, Response};

use super::{CallNames, Parties};
use crate::sip::session::timer::{MIN_SE_S, seconds};
use crate::sip::wire::header;
use crate::sip::{DialogKey, Reason, digest, value};

/// Challenges of one asker that are answered: the first, and one more where its nonce was too old.
const CHALLENGES_MAX: u8 = 2;

/// What follows a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Send [`super::OutgoingCall::invite`] once more.
    Again {
        /// Early dialogs, which are over.
        lost: Vec<DialogKey>,
    },
    /// The call is refused.
    Over {
        /// The status, 300 to 699.
        code: u16,
        /// Why, in the words of the network.
        reason: Option<Reason>,
        /// Early dialogs, which are over.
        lost: Vec<DialogKey>,
    },
}

/// What was learned from refusals so far.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// `Authorization`, `Proxy-Authorization`: one of each.
    credentials: Vec<Credentials>,
    /// The far end's Min-SE, in seconds.
    session_min_s: Option<u32>,
}

#[derive(Debug)]
struct Credentials {
    header: &'static str,
    value: String,
    challenges: u8,
}

impl Retries {
    /// The headers that they add to an INVITE. The far end is asked to refresh the session where it can.
    pub(super) fn headers(&self, session_expires_s: u32) -> Vec<Header> {
        let min_s = self.session_min_s.unwrap_or(MIN_SE_S);
        let expires_s = session_expires_s.max(min_s);
        let expires = format!("{expires_s};refresher=uas");
        let mut headers = vec![
            header("Session-Expires", expires),
            header("Min-SE", min_s.to_string()),
        ];
        let credentials = self.credentials.iter();
        headers.extend(credentials.map(|own| header(own.header, own.value.clone())));
        headers
    }

    /// Whether there is something better to ask after this refusal of the INVITE numbered `cseq`.
    pub(super) fn can_retry(
        &mut self,
        parties: &Parties,
        names: &CallNames,
        cseq: u32,
        response: &Response,
    ) -> bool {
        match response.status_code.code() {
            401 => self.challenged(parties, names, cseq, response, &UAS),
            407 => self.challenged(parties, names, cseq, response, &PROXY),
            422 => self.too_short(response),
            _ => false,
        }
    }

    fn challenged(
        &mut self,
        parties: &Parties,
        names: &CallNames,
        cseq: u32,
        response: &Response,
        (asks, answers): &(&'static str, &'static str),
    ) -> bool {
        let Some(login) = &parties.login else {
            return false;
        };
        let challenges = || value::all(&response.headers, asks);
        let mut known = self.credentials.iter();
        let answered = known.find(|own| own.header == *answers);
        let answered = answered.map_or(0, |own| own.challenges);
        // Asked again for what was answered: wrong, unless the nonce alone was too old.
        let is_stale = answered > 0 && digest::is_stale(challenges());
        if answered >= CHALLENGES_MAX || (answered > 0 && !is_stale) {
            return false;
        }
        let client_nonce = format!("{}{cseq:x}", names.client_nonce);
        let target = &parties.target;
        let credentials = digest::answer(login, "INVITE", target, challenges(), &client_nonce);
        let Some(value) = credentials else {
            return false;
        };
        self.credentials.retain(|own| own.header != *answers);
        self.credentials.push(Credentials {
            header: answers,
            value,
            challenges: answered + 1,
        });
        true
    }

    fn too_short(&mut self, response: &Response) -> bool {
        let wanted = value::find(&response.headers, "Min-SE").and_then(seconds);
        let is_first = self.session_min_s.is_none();
        match wanted.filter(|wanted| is_first && *wanted > super::SESSION_EXPIRES_S) {
            Some(wanted) => {
                self.session_min_s = Some(wanted);
                true
            }
            None => false,
        }
    }
}

/// What asks and what answers: the far end, and a proxy before it.
const UAS: (&str, &str) = ("WWW-Authenticate", "Authorization");
const PROXY: (&str, &str) = ("Proxy-Authenticate", "Proxy-Authorization");
