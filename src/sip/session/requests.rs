//! Requests within the dialog, each with its answer.

use std::time::Instant;

use rsip::Method;

use super::{
    InviteSession, KeyPath, Reason, SessionAction, SessionEvent, State, Wish, info, refresh,
};
use crate::sip::{Incoming, reply};

impl InviteSession {
    /// A request within the dialog.
    pub fn handle_request(&mut self, now: Instant, request: &Incoming) -> SessionAction {
        if !self.dialog.admits(request) {
            return self.only(request, 500);
        }
        self.peer = request.source;
        if self.state == State::Over {
            return self.only(request, 481);
        }
        match request.method() {
            // Who is called may not hang up what it has not answered (RFC 3261 section 15).
            Method::Bye if self.state == State::Early => self.only(request, 481),
            Method::Bye => self.hung_up(request),
            Method::Invite | Method::Update => self.reoffered(now, request),
            Method::Info => self.informed(request),
            Method::Notify => self.notified(request),
            Method::Options => self.only(request, 200),
            Method::Ack
            | Method::Cancel
            | Method::Message
            | Method::PRack
            | Method::Publish
            | Method::Refer
            | Method::Register
            | Method::Subscribe => {
                let mut action = self.only(request, 405);
                action.response = reply::with_allow(action.response);
                action
            }
        }
    }

    fn hung_up(&mut self, request: &Incoming) -> SessionAction {
        let unanswered = self.cancelled().ok();
        self.state = State::Over;
        let reason = request.headers("Reason").find_map(Reason::parse);
        let mut action = self.only(request, 200);
        action.event = Some(SessionEvent::HungUp { reason, unanswered });
        action
    }

    /// A re-INVITE or UPDATE (RFC 3261 section 14.2, RFC 3311 section 5.2).
    fn reoffered(&mut self, now: Instant, request: &Incoming) -> SessionAction {
        if request.has_foreign_body() {
            let mut action = self.only(request, 415);
            action.response = reply::with(action.response, "Accept", "application/sdp");
            return action;
        }
        if Wish::read(request).is_some_and(|wish| wish.is_too_short()) {
            return SessionAction {
                response: refresh::too_short(request),
                event: None,
            };
        }
        let has_offer = request.sdp().is_some();
        if request.method() == Method::Update && !has_offer {
            self.dialog.refresh_target(request);
            self.agree_timer(now, request);
            return SessionAction {
                response: self.accepting(request),
                event: None,
            };
        }
        let rings = self.state == State::Early && request.method() == Method::Invite;
        if self.invite.is_some() || rings {
            let mut action = self.only(request, 500);
            let after_s = (request.cseq() % 10).to_string();
            action.response = reply::with(action.response, "Retry-After", after_s);
            return action;
        }
        if self.offered.is_some() {
            return self.only(request, 491);
        }
        let body = match self.describe(request) {
            Ok(body) => body,
            Err(error) => {
                let mut action = self.only(request, 488);
                action.response = reply::with_warning(action.response, &error.to_string());
                return action;
            }
        };
        self.dialog.refresh_target(request);
        self.agree_timer(now, request);
        let response = reply::with_sdp(self.accepting(request), body);
        self.keys = None;
        let agreed = self.agreed.clone().filter(|_| has_offer);
        SessionAction {
            response,
            event: agreed.map(SessionEvent::Reoffered),
        }
    }

    fn informed(&mut self, request: &Incoming) -> SessionAction {
        match info::read(request) {
            info::Told::Nothing => self.only(request, 200),
            info::Told::Unreadable => {
                let mut action = self.only(request, 415);
                action.response = reply::with(action.response, "Accept", info::ACCEPT);
                action
            }
            info::Told::Digit { digit, duration_ms } => {
                let mut action = self.only(request, 200);
                let is_heard = self.hears_key(KeyPath::Info);
                action.event = is_heard.then_some(SessionEvent::Dtmf { digit, duration_ms });
                action
            }
        }
    }

    pub(super) fn only(&self, request: &Incoming, code: u16) -> SessionAction {
        SessionAction {
            response: self.base(request, code.into()),
            event: None,
        }
    }
}
