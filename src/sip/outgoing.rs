//! A call that we place, until it is answered: one INVITE after another, and the far ends that ring.
//!
//! ```text
//! OutgoingCall::new ─> INVITE ─┬ 1xx ─> heard: early dialogs, early media
//!                              ├ 401, 407, 422 ─> once more with credentials, with a longer session
//!                              ├ 2xx ─> answered: the InviteSession of the call
//!                              └ 3xx-6xx, silence ─> over, or the next address (RFC 3263 section 4.3)
//! ```
//!
//! Redirections are not followed: who answers our calls does not choose whom we pay for next. Credentials go into INVITEs to
//! the trunk that was called and nowhere else.

mod early;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Instant;

use rsip::{Header, Method, Request, Response, Version};

use super::digest::Login;
use super::sdp::{self, LocalMedia, Negotiated, PendingOffer, SdpError};
use super::session::CallingSide;
use super::value::{self, uri::Uri};
use super::wire::header;
use super::{DialogKey, InviteSession, MediaAddress, Outgoing, Reason, Source, Transport, reply};

pub use early::Heard;
pub use retry::Refusal;

/// How long a session may go without a sign of life, in seconds (RFC 4028 section 4 recommends it).
const SESSION_EXPIRES_S: u32 = 1800;

/// Whom to call, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// Request-URI and To: `sip:+15550123@host;user=phone`.
    pub target: String,
    /// From, without a tag: a URI in brackets, with a display name or not.
    pub from: String,
    /// Further headers of the INVITE, such as `P-Asserted-Identity`.
    pub headers: Vec<(String, String)>,
    /// What answers a challenge.
    pub login: Option<Login>,
}

/// What names a call that we place; all of it random and new for each call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallNames {
    /// Call-ID.
    pub call_id: String,
    /// The tag of From.
    pub tag: String,
    /// Makes the client's nonces.
    pub client_nonce: String,
}

/// A call that we place.
#[derive(Debug)]
pub struct OutgoingCall {
    parties: Parties,
    names: CallNames,
    peer: Source,
    contact: String,
    media: MediaAddress,
    offered: PendingOffer,
    offer: Vec<u8>,
    cseq: u32,
    retries: retry::Retries,
    /// The INVITE that is under way.
    invite: Option<Outgoing>,
    /// Far ends that ring.
    early: Vec<InviteSession>,
}

/// A call that was answered.
#[derive(Debug)]
pub struct Answered {
    /// The call from now on.
    pub session: Box<InviteSession>,
    /// What was agreed about media; with an error the call is to be hung up.
    pub agreed: Result<Negotiated, SdpError>,
    /// Early dialogs of others, which are over.
    pub lost: Vec<DialogKey>,
}

impl OutgoingCall {
    /// A call over the flow of `peer`, on which we are reached at `contact`. Send [`Self::invite`].
    #[must_use]
    pub fn new(
        parties: Parties,
        names: CallNames,
        (peer, contact): (Source, String),
        media: MediaAddress,
    ) -> Self {
        let (offered, offer) = offer(&media, peer.transport);
        Self {
            parties,
            names,
            peer,
            contact,
            media,
            offered,
            offer,
            cseq: 0,
            retries: retry::Retries::default(),
            invite: None,
            early: Vec::new(),
        }
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.names.call_id
    }

    /// The flow that it goes over.
    #[must_use]
    pub fn peer(&self) -> Source {
        self.peer
    }

    /// The next try goes over another flow, where its far ends know nothing of the former ones. The dialogs that are over.
    pub fn reroute(
        &mut self,
        (peer, contact): (Source, String),
        media: MediaAddress,
    ) -> Vec<DialogKey> {
        let transport = self.peer.transport;
        (self.peer, self.contact) = (peer, contact);
        if media != self.media || peer.transport != transport {
            (self.offered, self.offer) = offer(&media, peer.transport);
            self.media = media;
        }
        self.retries = retry::Retries::default();
        self.forget_early()
    }

    /// The INVITE (RFC 3261 section 8.1.1), each time under a new number.
    pub fn invite(&mut self) -> Outgoing {
        self.cseq += 1;
        let Parties {
            target,
            from,
            headers: further,
            ..
        } = &self.parties;
        let mut headers: Vec<Header> = vec![
            header("Max-Forwards", "70".to_owned()),
            header("From", format!("{from};tag={}", self.names.tag)),
            header("To", format!("<{target}>")),
            header("Call-ID", self.names.call_id.clone()),
            header("CSeq", format!("{} INVITE", self.cseq)),
            header("Contact", self.contact.clone()),
            header("Allow", reply::ALLOW.to_owned()),
            header("Supported", "timer".to_owned()),
        ];
        headers.extend(self.retries.headers(SESSION_EXPIRES_S));
        let further = further.iter();
        headers.extend(further.map(|(name, value)| header(name, value.clone())));
        headers.push(header("Content-Type", "application/sdp".to_owned()));
        let invite = Outgoing {
            request: Request {
                method: Method::Invite,
                uri: Uri::parse(target).map(Uri::to_model).unwrap_or_default(),
                version: Version::V2,
                headers: headers.into(),
                body: self.offer.clone(),
            },
            target: target.clone(),
        };
        self.invite = Some(invite.clone());
        invite
    }

    /// The first 2xx.
    pub fn answered(&mut self, now: Instant, response: &Response) -> Option<Answered> {
        let invite = self.invite.take()?;
        let tag = super::incoming::tag(value::find(&response.headers, "To"));
        let place = self.early_of(tag);
        let mut session = match place {
            Some(place) => self.early.swap_remove(place),
            None => InviteSession::calling(&invite, response, self.side()),
        };
        let agreed = session.confirmed(now, &invite, response);
        Some(Answered {
            session: Box::new(session),
            agreed,
            lost: self.forget_early(),
        })
    }

    /// A refusal: what to do about it.
    pub fn refused(&mut self, response: &Response) -> Refusal {
        let code = response.status_code.code();
        if self
            .retries
            .can_retry(&self.parties, &self.names, self.cseq, response)
        {
            let lost = self.forget_early();
            return Refusal::Again { lost };
        }
        let reason = value::all(&response.headers, "Reason").find_map(Reason::parse);
        let lost = self.forget_early();
        Refusal::Over { code, reason, lost }
    }

    fn side(&self) -> CallingSide {
        CallingSide {
            peer: self.peer,
            contact: self.contact.clone(),
            media: self.media.clone(),
            offered: self.offered.clone(),
        }
    }
}

fn offer(media: &MediaAddress, transport: Transport) -> (PendingOffer, Vec<u8>) {
    let local = LocalMedia {
        addr: media.addr,
        port: media.port,
        session_id: media.session_id,
        version: 1,
        prefer: &media.prefer,
        srtp: media.srtp.local(transport, 1, None),
    };
    sdp::offer(&local, None)
}
