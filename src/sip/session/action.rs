//! What goes into a session and what comes out of it.

use std::net::IpAddr;

use rsip::Response;

use super::{CallSrtp, Reason, Transfer};
use crate::sip::Outgoing;
use crate::sip::sdp::{Codec, Negotiated};

/// Where we want media, the same for the whole call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAddress {
    /// Address that the caller can send RTP to.
    pub addr: IpAddr,
    /// UDP port of RTP there.
    pub port: u16,
    /// Any number that names the session (RFC 8866 section 5.2).
    pub session_id: u64,
    /// Codecs in our order of preference.
    pub prefer: Vec<Codec>,
    /// Whether it is encrypted.
    pub srtp: CallSrtp,
}

/// A call answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The 200.
    pub response: Response,
    /// What was agreed; `None` when the INVITE had no offer and the ACK will bring the answer to
    /// ours.
    pub negotiated: Option<Negotiated>,
}

/// What to do about a request within the dialog: always answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionAction {
    /// The response.
    pub response: Response,
    /// What it means for the call, if anything.
    pub event: Option<SessionEvent>,
}

/// What a request within the dialog means for the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// Media changes from now on: address, codec or direction.
    Reoffered(Negotiated),
    /// The caller hung up.
    HungUp {
        /// Why, if the caller said so.
        reason: Option<Reason>,
        /// The answer to the INVITE, when it had none.
        unanswered: Option<Response>,
    },
    /// News of the transfer that we asked for.
    Transfer(Transfer),
    /// A key was pressed, told by INFO.
    Dtmf {
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// How long, in milliseconds.
        duration_ms: u16,
    },
}

/// How a call tells of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPath {
    /// In its audio (RFC 4733).
    Rtp,
    /// By INFO.
    Info,
}

/// What an ACK brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AckOutcome {
    /// What was agreed, when the ACK carried the answer to our offer.
    pub negotiated: Option<Negotiated>,
    /// The BYE to send, when the call was to be hung up or cannot go on.
    pub bye: Option<Outgoing>,
}

/// How a call ends that we end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HangUp {
    /// Send this.
    Bye(Box<Outgoing>),
    /// The ACK is awaited, before which no BYE may be sent (RFC 3261 section 15): the BYE comes
    /// from [`super::InviteSession::handle_ack`] or [`super::InviteSession::ack_timed_out`].
    AfterAck,
    /// The call was not answered: use [`super::InviteSession::reject`].
    Unanswered,
    /// It is over already.
    Over,
}
