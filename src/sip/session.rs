//! One call, whoever placed it: its dialog and what was agreed about media. Owned by the call, which
//! carries requests in from the endpoint and responses back to it.
//!
//! ```text
//! Ringing ── answer ──> Answered ── ACK ──> Confirmed ── BYE from either side ──> Over
//!     └── reject, cancelled, BYE ─────────────────│───────────────────────────────^
//! Early (we called) ── 2xx ───────────────────────^
//! ```
//!
//! One offer may be open at a time (RFC 3264 section 4): an offer that crosses ours gets 491. A
//! re-INVITE that cannot be answered gets 488 and leaves the session as it was.

mod action;
mod calling;
mod encryption;
mod info;
mod reason;
mod refresh;
mod requests;
#[cfg(test)]
mod tests;
pub(super) mod timer;
mod transfer;

use std::time::Instant;

use rsip::{Method, Response, StatusCode};

use super::dialog::{Dialog, DialogKey, NextHop, Outgoing};
use super::incoming::Incoming;
use super::reply;
use super::sdp::{self, LocalMedia, Negotiated, PendingOffer};
use super::{SessionError, Source, wire};

pub use action::{AckOutcome, Answer, HangUp, KeyPath, MediaAddress, SessionAction, SessionEvent};
pub(super) use calling::CallingSide;
pub use encryption::CallSrtp;
pub use reason::Reason;
pub use refresh::Refresh;
use timer::{SessionTimer, Wish};
pub use transfer::{Transfer, TransferError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ringing,
    /// We called, and it rings there.
    Early,
    Answered,
    Confirmed,
    Over,
}

/// One call.
#[derive(Debug)]
pub struct InviteSession {
    state: State,
    dialog: Dialog,
    /// The INVITE, until its final response.
    invite: Option<Box<Incoming>>,
    peer: Source,
    contact: String,
    media: Option<MediaAddress>,
    /// Descriptions sent so far.
    descriptions: u64,
    agreed: Option<Negotiated>,
    offered: Option<PendingOffer>,
    hang_up_after_ack: Option<Reason>,
    timer: Option<SessionTimer>,
    /// The path of the first key since media was agreed.
    keys: Option<KeyPath>,
    /// Whether the peer takes UPDATE, by its last Allow.
    takes_update: bool,
    /// The transfer that we asked for.
    transfer: Option<transfer::Pending>,
}

impl InviteSession {
    /// The call that `invite` asks for.
    ///
    /// # Errors
    /// The answer when there can be no call: 400 where the INVITE has no Contact to answer to, 422
    /// where its session would expire too soon.
    pub fn new(invite: Box<Incoming>) -> Result<Self, Box<Response>> {
        let Some(dialog) = Dialog::from_invite(&invite) else {
            let status = StatusCode::Other(400, "Missing Contact".to_owned());
            let tag = Some(invite.local_tag.as_str());
            return Err(Box::new(reply::response(&invite.request, status, tag)));
        };
        if Wish::read(&invite).is_some_and(|wish| wish.is_too_short()) {
            return Err(Box::new(refresh::too_short(&invite)));
        }
        Ok(Self {
            takes_update: refresh::takes_update(&invite.request.headers).unwrap_or_default(),
            transfer: None,
            timer: None,
            keys: None,
            state: State::Ringing,
            dialog,
            peer: invite.source,
            contact: invite.local_contact.clone(),
            invite: Some(invite),
            media: None,
            descriptions: 0,
            agreed: None,
            offered: None,
            hang_up_after_ack: None,
        })
    }

    /// What names the dialog: register it with the endpoint.
    #[must_use]
    pub fn dialog_key(&self) -> &DialogKey {
        self.dialog.key()
    }

    /// The flow that the far end's last request came on, or our INVITE went on, for requests of ours.
    #[must_use]
    pub fn peer(&self) -> Source {
        self.peer
    }

    /// Where to connect when that flow is gone.
    #[must_use]
    pub fn next_hop(&self) -> Option<NextHop> {
        self.dialog.next_hop()
    }

    /// What is agreed about media right now.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.agreed.as_ref()
    }

    /// The 180.
    ///
    /// # Errors
    /// [`SessionError::AlreadyFinal`].
    pub fn ringing(&self) -> Result<Response, SessionError> {
        let invite = self.invite.as_deref().ok_or(SessionError::AlreadyFinal)?;
        let response = reply::with_allow(self.base(invite, StatusCode::Ringing));
        Ok(reply::with(response, "Contact", self.contact.as_str()))
    }

    /// The 200, with our answer to the INVITE's offer or with an offer of ours. `extra` are headers
    /// such as `("X-Call-Id", "...")`.
    ///
    /// # Errors
    /// [`SessionError::Sdp`] when the offer cannot be answered: the call still rings, reject it
    /// with 488. [`SessionError::AlreadyFinal`].
    pub fn answer(
        &mut self,
        now: Instant,
        media: MediaAddress,
        extra: &[(&str, &str)],
    ) -> Result<Answer, SessionError> {
        let invite = self.invite.take().ok_or(SessionError::AlreadyFinal)?;
        let former = self.media.replace(media);
        let body = match self.describe(&invite) {
            Ok(body) => body,
            Err(error) => {
                self.invite = Some(invite);
                self.media = former;
                return Err(error);
            }
        };
        self.state = State::Answered;
        self.agree_timer(now, &invite);
        let mut response = reply::with_sdp(self.accepting(&invite), body);
        for (name, value) in extra {
            response = reply::with(response, name, *value);
        }
        let negotiated = self.agreed.clone().filter(|_| self.offered.is_none());
        Ok(Answer {
            response,
            negotiated,
        })
    }

    /// A final response from 300 to 699. `extra` are headers such as `("Retry-After", "5")`.
    ///
    /// # Errors
    /// [`SessionError::AlreadyFinal`].
    pub fn reject(
        &mut self,
        code: u16,
        reason: Option<&str>,
        extra: &[(&str, &str)],
    ) -> Result<Response, SessionError> {
        let invite = self.invite.take().ok_or(SessionError::AlreadyFinal)?;
        self.state = State::Over;
        let status = match reason {
            Some(reason) => StatusCode::Other(code, reason.to_owned()),
            None => code.into(),
        };
        let mut response = self.base(&invite, status);
        for (name, value) in extra {
            response = reply::with(response, name, *value);
        }
        Ok(response)
    }

    /// The 487, when the caller gave up first.
    ///
    /// # Errors
    /// [`SessionError::AlreadyFinal`]: the 200 and the CANCEL crossed, a BYE will follow.
    pub fn cancelled(&mut self) -> Result<Response, SessionError> {
        self.reject(487, None, &[])
    }

    /// The ACK of a 2xx with its body.
    pub fn handle_ack(&mut self, body: &[u8]) -> AckOutcome {
        if self.state == State::Answered {
            self.state = State::Confirmed;
        }
        let mut outcome = AckOutcome::default();
        let mut reason = self.hang_up_after_ack.take();
        if let Some(offered) = self.offered.take() {
            match sdp::accept_answer(&offered, body) {
                Ok(negotiated) => {
                    self.agreed = Some(negotiated.clone());
                    outcome.negotiated = Some(negotiated);
                }
                Err(_) if self.agreed.is_some() => {}
                Err(error) => {
                    reason = reason.or_else(|| Some(Reason::sip(488, &error.to_string())));
                }
            }
        }
        outcome.bye = reason.and_then(|reason| self.bye(&reason));
        outcome
    }

    /// Nobody acknowledged the 2xx: the BYE to send (RFC 3261 section 13.3.1.4).
    pub fn ack_timed_out(&mut self) -> Option<Outgoing> {
        let unheard = Reason::sip(408, "ACK timeout");
        let reason = self.hang_up_after_ack.take().unwrap_or(unheard);
        self.bye(&reason)
    }

    /// Hangs up.
    pub fn hang_up(&mut self, reason: Reason) -> HangUp {
        match self.state {
            State::Ringing => HangUp::Unanswered,
            State::Answered => {
                self.hang_up_after_ack = Some(reason);
                HangUp::AfterAck
            }
            State::Confirmed => match self.bye(&reason) {
                Some(bye) => HangUp::Bye(Box::new(bye)),
                None => HangUp::Over,
            },
            // A call that rings at the other end is given up by its CANCEL.
            State::Early | State::Over => HangUp::Over,
        }
    }

    /// Whether a key told on `path` counts. Phones that tell of each by RTP and by INFO are heard on
    /// the path of the first one, until media is agreed anew.
    pub fn hears_key(&mut self, path: KeyPath) -> bool {
        *self.keys.get_or_insert(path) == path
    }

    /// The BYE that ends the call for whoever never comes to have it.
    #[must_use]
    pub fn farewell(&self) -> Outgoing {
        let reason = Reason::q850(31, "Nobody waits for the answer any more");
        let reason = wire::header("Reason", reason.to_string());
        self.dialog.clone().request(Method::Bye, vec![reason])
    }

    /// The BYE once more under a new number, for a new connection after the former one was lost.
    pub fn hang_up_again(&mut self, reason: &Reason) -> Outgoing {
        self.state = State::Over;
        self.dialog.request(
            Method::Bye,
            vec![wire::header("Reason", reason.to_string())],
        )
    }

    /// The description that answers `request`: an answer to its offer, or an offer where it has
    /// none.
    fn describe(&mut self, request: &Incoming) -> Result<Vec<u8>, SessionError> {
        let media = self.media.as_ref().ok_or(SessionError::AlreadyFinal)?;
        let local = LocalMedia {
            addr: media.addr,
            port: media.port,
            session_id: media.session_id,
            version: self.descriptions + 1,
            prefer: &media.prefer,
            srtp: media.srtp.local(
                request.source.transport,
                self.descriptions + 1,
                self.agreed.as_ref().and_then(|agreed| agreed.srtp),
            ),
        };
        let body = match request.sdp() {
            Some(offer) => {
                let (negotiated, body) = sdp::negotiate(offer, &local)?;
                self.agreed = Some(negotiated);
                body
            }
            None => {
                let (offered, body) = sdp::offer(&local, self.agreed.as_ref());
                self.offered = Some(offered);
                body
            }
        };
        self.descriptions += 1;
        Ok(body)
    }

    fn bye(&mut self, reason: &Reason) -> Option<Outgoing> {
        if self.state == State::Over {
            return None;
        }
        Some(self.hang_up_again(reason))
    }

    fn base(&self, request: &Incoming, status: StatusCode) -> Response {
        reply::response(&request.request, status, Some(&self.dialog.key().local_tag))
    }
}
