//! The session kept alive, or ended by the clock: see [`super::timer`].

use std::time::Instant;

use rsip::{Headers, Method, Response, StatusCode};

use super::timer::{Due, MIN_SE_S, SessionTimer, Wish};
use super::{InviteSession, Reason, State};
use crate::sip::reply::{self, ALLOW, SUPPORTED};
use crate::sip::{Incoming, Outgoing, value, wire};

/// What the session timer wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// The UPDATE that keeps the session alive; tell [`InviteSession::handle_answer`] of its answer.
    Ask(Box<Outgoing>),
    /// The BYE: nobody is at the other end any more.
    Expired(Box<Outgoing>),
}

impl InviteSession {
    /// When to call [`Self::handle_timeout`], if ever. Every request and answer may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let is_up = matches!(self.state, State::Answered | State::Confirmed);
        self.timer.filter(|_| is_up).map(|timer| timer.next())
    }

    /// Does what is due: refreshes the session, or ends it when it was not refreshed.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Refresh> {
        self.poll_timeout()?;
        match self.timer.as_mut()?.due(now)? {
            Due::Refresh => self.refresh(),
            Due::End => self.expired(),
        }
    }

    /// The final answer to our UPDATE; `None` when there was none in time.
    pub fn handle_answer(&mut self, now: Instant, answer: Option<&Response>) -> Option<Refresh> {
        let code = answer.map_or(408, |answer| answer.status_code.code());
        let timer = self.timer.as_mut()?;
        match (code, answer) {
            (200..300, Some(answer)) => {
                self.timer = timer.refreshed(now, answer);
                self.dialog.refresh_target_by(answer);
            }
            (422, Some(answer)) => timer.lengthen(now, answer),
            // The other end knows nothing of the call (RFC 3261 section 12.2.1.2).
            (408 | 481, _) => return self.expired(),
            _ => timer.postpone(now),
        }
        self.handle_timeout(now)
    }

    /// Takes the timer that accepting `request` starts; none when it asks for none.
    pub(super) fn agree_timer(&mut self, now: Instant, request: &Incoming) {
        self.takes_update = takes_update(&request.request.headers).unwrap_or(self.takes_update);
        let wish = Wish::read(request);
        self.timer = wish.and_then(|wish| SessionTimer::agree(now, wish, self.takes_update));
    }

    /// A 200 to INVITE or UPDATE, without a body.
    pub(super) fn accepting(&self, request: &Incoming) -> Response {
        let response = reply::with_allow(self.base(request, StatusCode::OK));
        let response = reply::with(response, "Contact", self.contact.as_str());
        let response = reply::with(response, "Supported", SUPPORTED);
        let Some(timer) = &self.timer else {
            return response;
        };
        let response = reply::with(response, "Session-Expires", timer.in_answer());
        if timer.is_required() {
            reply::with(response, "Require", "timer")
        } else {
            response
        }
    }

    fn refresh(&mut self) -> Option<Refresh> {
        let interval = self.timer?.in_refresh();
        let headers = vec![
            wire::header("Contact", self.contact.clone()),
            wire::header("Allow", ALLOW.to_owned()),
            wire::header("Supported", SUPPORTED.to_owned()),
            wire::header("Session-Expires", interval),
        ];
        let update = self.dialog.request(Method::Update, headers);
        Some(Refresh::Ask(Box::new(update)))
    }

    fn expired(&mut self) -> Option<Refresh> {
        let bye = self.bye(&Reason::q850(102, "Session expired"))?;
        Some(Refresh::Expired(Box::new(bye)))
    }
}

/// Whether the peer says that it takes UPDATE, if it says what it takes.
pub(super) fn takes_update(headers: &Headers) -> Option<bool> {
    let mut methods = value::all(headers, "Allow")
        .flat_map(|value| value.split(','))
        .peekable();
    methods.peek()?;
    Some(methods.any(|method| method.trim() == "UPDATE"))
}

/// The 422 (RFC 4028 section 9).
pub(super) fn too_short(request: &Incoming) -> Response {
    let status = StatusCode::Other(422, "Session Interval Too Small".to_owned());
    let response = reply::response(&request.request, status, Some(&request.local_tag));
    reply::with(response, "Min-SE", MIN_SE_S.to_string())
}
