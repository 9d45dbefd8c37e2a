//! Far ends that ring: each has an early dialog of its own (RFC 3261 section 12.1), and may play something.

use std::time::Instant;

use rsip::Response;

use super::OutgoingCall;
use crate::sip::incoming::tag;
use crate::sip::sdp::Negotiated;
use crate::sip::{DialogKey, Incoming, InviteSession, SessionAction, SessionEvent, value};

/// Far ends that may ring at once; more ring unheard.
const EARLY_MAX: usize = 8;

/// What a provisional response brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// A dialog that is new: register it.
    pub dialog: Option<DialogKey>,
    /// It rings (180), or something like it.
    pub rings: bool,
    /// What the far end plays comes from here from now on.
    pub media: Option<Negotiated>,
}

impl OutgoingCall {
    /// A provisional response.
    pub fn heard(&mut self, response: &Response) -> Heard {
        let code = response.status_code.code();
        let tag = tag(value::find(&response.headers, "To"));
        let Some(invite) = self.invite.as_ref().filter(|_| code > 100) else {
            return Heard::default();
        };
        let rings = matches!(code, 180..=183);
        let mut heard = Heard {
            rings,
            ..Heard::default()
        };
        if tag.is_empty() {
            return heard;
        }
        let place = match self.early_of(tag) {
            Some(place) => place,
            None if self.early.len() >= EARLY_MAX => return heard,
            None => {
                let session = InviteSession::calling(invite, response, self.side());
                heard.dialog = Some(session.dialog_key().clone());
                self.early.push(session);
                self.early.len() - 1
            }
        };
        let session = self.early.get_mut(place);
        heard.media = session.and_then(|session| session.progressed(response));
        heard
    }

    /// A request of a far end that rings: its answer, and what it plays from now on, where that changes.
    pub fn handle_request(
        &mut self,
        now: Instant,
        request: &Incoming,
    ) -> Option<(rsip::Response, Option<Negotiated>)> {
        let key = request.dialog_key();
        let place = self.early_of(&key.remote_tag)?;
        let session = self.early.get_mut(place)?;
        let SessionAction { response, event } = session.handle_request(now, request);
        let media = match event {
            Some(SessionEvent::Reoffered(agreed)) => Some(agreed),
            Some(
                SessionEvent::HungUp { .. } | SessionEvent::Dtmf { .. } | SessionEvent::Transfer(_),
            )
            | None => None,
        };
        Some((response, media))
    }

    /// All early dialogs are over.
    pub fn forget_early(&mut self) -> Vec<DialogKey> {
        let early = self.early.drain(..);
        early.map(|session| session.dialog_key().clone()).collect()
    }

    pub(super) fn early_of(&self, tag: &str) -> Option<usize> {
        let mut early = self.early.iter();
        early.position(|session| session.dialog_key().remote_tag == tag)
    }
}
