//! Why a call ended: one label for the log, the metric and the database row.

use std::borrow::Cow;

/// The one reason a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The caller hung up (BYE).
    CallerHungUp,
    /// The caller gave up before the call was answered (CANCEL).
    Cancelled,
    /// An operator dropped the call.
    Dropped {
        /// The operator's name.
        by: String,
    },
    /// Removed from its room on the LiveKit side.
    RemovedFromRoom,
    /// The number is blocked, or was blocked during the call.
    Blocked,
    /// The lobby was full (486).
    LobbyFull,
    /// Busy-all was on (486).
    BusyAll,
    /// No episode was live with its lines open.
    NoShow,
    /// The show ended.
    ShowEnded,
    /// No RTP came for too long.
    RtpTimeout,
    /// The WebSocket of a Media Stream was lost, or took nothing any more.
    StreamLost,
    /// A Media Stream sent what none may send.
    StreamError,
    /// The far end did not keep the session alive (RFC 4028).
    SessionExpired,
    /// The far end never acknowledged our 200.
    NoAck,
    /// The far end offered no audio that we can take (488).
    NoCommonCodec,
    /// The webhook announced a call whose SIP leg never came.
    NeverArrived,
    /// SIP signalling failed with this status.
    SipError(u16),
    /// No RTP port or other local means was left (503).
    OutOfResources,
    /// The switch was shut down.
    Shutdown,
    /// The switch died and was restarted; the row was closed at start.
    SwitchRestarted,
    /// The call's own actor failed: a fault of ours.
    InternalError,
    /// Whom we called was busy.
    Busy,
    /// Whom we called did not answer.
    NoAnswer,
    /// Whom we called refused the call.
    Declined,
    /// The number that we called does not exist or cannot be reached.
    Unreachable,
    /// Whoever called left the dashboard before anybody answered.
    DiallerLeft,
    /// Passed on to another number.
    Transferred,
    /// Twilio reported this end of its leg, or refused it with this code.
    Carrier(String),
}

impl Cause {
    /// The label: log field, metric label and database value.
    pub fn label(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::CallerHungUp => "caller-hung-up",
            Self::Cancelled => "cancelled",
            Self::Dropped { .. } => "dropped",
            Self::RemovedFromRoom => "removed-from-room",
            Self::Blocked => "blocked",
            Self::LobbyFull => "lobby-full",
            Self::BusyAll => "busy-all",
            Self::NoShow => "no-show",
            Self::ShowEnded => "show-ended",
            Self::RtpTimeout => "rtp-timeout",
            Self::StreamLost => "stream-lost",
            Self::StreamError => "stream-error",
            Self::SessionExpired => "session-expired",
            Self::NoAck => "no-ack",
            Self::NoCommonCodec => "no-common-codec",
            Self::NeverArrived => "never-arrived",
            Self::SipError(code) => return Cow::Owned(format!("sip-{code}")),
            Self::OutOfResources => "out-of-resources",
            Self::Shutdown => "shutdown",
            Self::SwitchRestarted => "switch-restarted",
            Self::InternalError => "internal-error",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::DiallerLeft => "dialler-left",
            Self::Transferred => "transferred",
            Self::Carrier(status) => return Cow::Owned(format!("carrier-{status}")),
        })
    }

    /// A sentence for a person.
    pub fn in_words(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::CallerHungUp => "The caller hung up.",
            Self::Cancelled => "The caller gave up before we answered.",
            Self::Dropped { by } => return Cow::Owned(format!("Dropped by {by}.")),
            Self::RemovedFromRoom => "Removed from the room in LiveKit.",
            Self::Blocked => "This caller is blocked.",
            Self::LobbyFull => "The lobby was full.",
            Self::BusyAll => "All lines were set busy.",
            Self::NoShow => "No show was on air.",
            Self::ShowEnded => "The show ended.",
            Self::RtpTimeout => "The line went dead: no audio arrived.",
            Self::StreamLost => "The connection to the carrier was lost.",
            Self::StreamError => "The carrier sent something that is no call's audio; see the log.",
            Self::SessionExpired => "The caller's side gave no sign of life any more.",
            Self::NoAck => "The caller's side never confirmed our answer.",
            Self::NoCommonCodec => "The caller's side offered no audio format that we take.",
            Self::NeverArrived => "Announced by the carrier, but the call never arrived here.",
            Self::SipError(code) => {
                return Cow::Owned(format!("The telephone line failed (SIP {code})."));
            }
            Self::OutOfResources => "The switch had no line left.",
            Self::Shutdown => "The switch was shut down.",
            Self::SwitchRestarted => "The switch was restarted.",
            Self::InternalError => "The switch failed; see the log.",
            Self::Busy => "The line was busy.",
            Self::NoAnswer => "Nobody answered.",
            Self::Declined => "The call was refused.",
            Self::Unreachable => "The number cannot be reached.",
            Self::DiallerLeft => "Whoever made the call left before anybody answered.",
            Self::Transferred => "Passed on to another number.",
            Self::Carrier(status) => {
                return Cow::Owned(format!("The carrier ended the call ({status})."));
            }
        })
    }

    /// The operator who caused the end, where one did.
    pub fn by(&self) -> Option<&str> {
        if let Self::Dropped { by } = self {
            Some(by)
        } else {
            None
        }
    }
}
