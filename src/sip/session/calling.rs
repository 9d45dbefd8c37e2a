//! The session of a call that we placed: the same as any other once it is answered.
//!
//! ```text
//! 101-199 with a tag ─> Early ── 2xx ──> Confirmed (the endpoint has sent the ACK)
//! ```
//!
//! The first description counts as the answer to our offer (RFC 3261 section 13.2.1), so that ringing is heard; the one of the 2xx
//! counts more, since gateways answer a ringing call and an answered one from different places. Our offer stays open until
//! then: an offer of the far end that comes before gets 491.

use std::time::Instant;

use rsip::Response;

use super::{InviteSession, MediaAddress, State, refresh, timer::SessionTimer};
use crate::sip::dialog::Dialog;
use crate::sip::sdp::{self, Negotiated, PendingOffer, SdpError};
use crate::sip::{Outgoing, Source, value};

/// Our side of a call that we place.
#[derive(Debug, Clone)]
pub(in crate::sip) struct CallingSide {
    /// The flow of the INVITE.
    pub(in crate::sip) peer: Source,
    /// Our Contact.
    pub(in crate::sip) contact: String,
    /// Where we want media.
    pub(in crate::sip) media: MediaAddress,
    /// The offer in the INVITE.
    pub(in crate::sip) offered: PendingOffer,
}

impl InviteSession {
    /// The early session that a response to `invite` makes.
    pub(in crate::sip) fn calling(
        invite: &Outgoing,
        response: &Response,
        side: CallingSide,
    ) -> Self {
        Self {
            state: State::Early,
            dialog: Dialog::from_answer(invite, response),
            invite: None,
            peer: side.peer,
            contact: side.contact,
            media: Some(side.media),
            descriptions: 1,
            agreed: None,
            offered: Some(side.offered),
            hang_up_after_ack: None,
            timer: None,
            keys: None,
            takes_update: false,
            transfer: None,
        }
    }

    /// A provisional response of its far end; what is agreed about media for now, where that is new.
    pub(in crate::sip) fn progressed(&mut self, response: &Response) -> Option<Negotiated> {
        let offered = self.offered.as_ref()?;
        let early = sdp::accept_answer(offered, description(response)?).ok()?;
        let is_new = self.agreed.as_ref() != Some(&early);
        self.agreed = Some(early.clone());
        is_new.then_some(early)
    }

    /// The 2xx of its far end.
    ///
    /// # Errors
    /// [`SdpError`]: it brings no answer that we can take, and none came before. The session is up; hang it up.
    pub(in crate::sip) fn confirmed(
        &mut self,
        now: Instant,
        invite: &Outgoing,
        response: &Response,
    ) -> Result<Negotiated, SdpError> {
        self.state = State::Confirmed;
        self.dialog.confirm(Dialog::from_answer(invite, response));
        self.takes_update = refresh::takes_update(&response.headers).unwrap_or_default();
        self.timer = SessionTimer::answered(now, response, self.takes_update);
        let offered = self.offered.take().ok_or(SdpError::Mismatch)?;
        let answer = description(response).ok_or(SdpError::NoAudio);
        let agreed = answer.and_then(|answer| sdp::accept_answer(&offered, answer));
        match (agreed, &self.agreed) {
            (Ok(agreed), _) => {
                self.agreed = Some(agreed.clone());
                Ok(agreed)
            }
            (Err(_), Some(early)) => Ok(early.clone()),
            (Err(error), None) => Err(error),
        }
    }
}

/// The session description in a response, if its body is one.
fn description(response: &Response) -> Option<&[u8]> {
    let kind = value::find(&response.headers, "Content-Type")?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_one = kind.eq_ignore_ascii_case("application/sdp") && !response.body.is_empty();
    is_one.then_some(response.body.as_slice())
}
