//! Blind transfer (RFC 3515): we ask the far end to call somebody else, and hear what came of it.
//!
//! ```text
//! REFER ─> 202 ─> NOTIFY SIP/2.0 100 ─> NOTIFY SIP/2.0 200 ─> Ended(200): hang up
//!       └> 300-699: Refused         └─> NOTIFY SIP/2.0 486 ─> Ended(486): the call goes on
//! ```
//!
//! The subscription that a REFER makes is the only one there is: any other NOTIFY gets 481.

use rsip::{Method, Response};

use super::{InviteSession, SessionAction, SessionEvent, State};
use crate::sip::incoming::Incoming;
use crate::sip::reply::{self, ALLOW};
use crate::sip::value::{self, uri};
use crate::sip::{Outgoing, wire};

/// How a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// The far end takes the order.
    Taken,
    /// What the new call's far end said last, a provisional status.
    Progressed(u16),
    /// The order was refused with this status.
    Refused(u16),
    /// The new call got this final status: a 2xx is success, after which the call is to be hung up.
    Ended(u16),
    /// Nothing more is to be heard of it: no outcome was told, or none in time.
    Unknown,
}

/// Why no transfer can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The call is not up.
    #[error("the call is not up")]
    NotUp,
    /// Another transfer of this call is under way.
    #[error("a transfer is under way already")]
    UnderWay,
    /// Neither a number nor a SIP or telephone URI.
    #[error("this is neither a number nor a SIP address")]
    Target,
}

/// A transfer that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    /// The number of the REFER, which names its subscription.
    cseq: u32,
}

impl InviteSession {
    /// The REFER that asks the far end to call `target`: a number, or a `sip:`, `sips:` or `tel:` URI. Tell
    /// [`Self::transfer_answered`] of its answer.
    ///
    /// # Errors
    /// [`TransferError`].
    pub fn transfer(&mut self, target: &str) -> Result<Outgoing, TransferError> {
        if self.state != State::Confirmed {
            return Err(TransferError::NotUp);
        }
        if self.transfer.is_some() {
            return Err(TransferError::UnderWay);
        }
        let target = self.referred(target).ok_or(TransferError::Target)?;
        let by = self.dialog.local_uri().unwrap_or_default();
        let headers = vec![
            wire::header("Contact", self.contact.clone()),
            wire::header("Refer-To", format!("<{target}>")),
            wire::header("Referred-By", format!("<{by}>")),
            wire::header("Allow", ALLOW.to_owned()),
        ];
        let refer = self.dialog.request(Method::Refer, headers);
        let cseq = value::find(&refer.request.headers, "CSeq").and_then(value::cseq);
        self.transfer = Some(Pending {
            cseq: cseq.map_or(0, |(number, _)| number),
        });
        Ok(refer)
    }

    /// The final answer to the REFER; `None` when there was none in time.
    pub fn transfer_answered(&mut self, answer: Option<&Response>) -> Option<Transfer> {
        self.transfer?;
        let code = answer.map_or(408, |answer| answer.status_code.code());
        if (200..300).contains(&code) {
            return Some(Transfer::Taken);
        }
        self.transfer = None;
        Some(Transfer::Refused(code))
    }

    /// No outcome came in the time that was given to it: the call goes on.
    pub fn transfer_timed_out(&mut self) -> Option<Transfer> {
        self.transfer.take().map(|_| Transfer::Unknown)
    }

    /// A NOTIFY (RFC 3515 section 2.4.4, RFC 6665 section 4.1.3).
    pub(super) fn notified(&mut self, request: &Incoming) -> SessionAction {
        let Some(pending) = self.transfer else {
            return self.only(request, 481);
        };
        let event = request.header("Event").unwrap_or_default();
        let package = event.split(';').next().unwrap_or_default().trim();
        if !package.eq_ignore_ascii_case("refer") {
            let mut action = self.only(request, 489);
            action.response = reply::with(action.response, "Allow-Events", "refer");
            return action;
        }
        let id = value::param(event, "id");
        if id.is_some_and(|id| value::decimal(id) != Some(pending.cseq)) {
            return self.only(request, 481);
        }
        let Some(state) = request.header("Subscription-State") else {
            return self.only(request, 400);
        };
        let state = state.split(';').next().unwrap_or_default().trim();
        let is_over = state.eq_ignore_ascii_case("terminated");
        let told = match status(request) {
            Some(code @ 200..) => Transfer::Ended(code),
            _ if is_over => Transfer::Unknown,
            Some(code) => Transfer::Progressed(code),
            None => return self.only(request, 400),
        };
        if is_over || matches!(told, Transfer::Ended(_)) {
            self.transfer = None;
        }
        let mut action = self.only(request, 200);
        action.event = Some(SessionEvent::Transfer(told));
        action
    }

    /// The URI of a target: a number is one at the far end's host.
    fn referred(&self, target: &str) -> Option<String> {
        let target = target.trim();
        if uri::is_dialable(target) {
            return uri::of_number(target, self.dialog.remote_host()?, None);
        }
        let parsed = uri::Uri::parse(target).filter(|_| target.is_ascii())?;
        let is_phone = parsed.scheme.eq_ignore_ascii_case("tel");
        let calls = parsed.is_sip() || (is_phone && uri::is_dialable(parsed.host));
        let is_plain = !parsed.has_headers && !target.contains(['\\', '`', '{', '}', '|', '^']);
        (calls && is_plain && target.len() <= uri::BYTES_MAX).then(|| target.to_owned())
    }
}

/// The status in the body of a NOTIFY (RFC 3420).
fn status(notify: &Incoming) -> Option<u16> {
    if !notify.content_type("message/sipfrag") {
        return None;
    }
    let line = notify.body().split(|octet| *octet == b'\n').next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("SIP/2.0 ")?;
    let code = value::decimal(rest.split_whitespace().next()?)?;
    u16::try_from(code)
        .ok()
        .filter(|code| (100..700).contains(code))
}
