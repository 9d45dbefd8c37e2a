//! Where a call is, and how it ended: the words of its owner.

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The phone hung up, and the far end knows.
    HungUp,
    /// The phone gave up before an answer, and the far end knows.
    Cancelled,
    /// The far end hung up.
    FarEndHungUp {
        /// Value of the BYE's Reason header (RFC 3326).
        reason: Option<String>,
    },
    /// The far end refused the call.
    Refused {
        /// SIP status.
        status: u16,
    },
    /// The far end did not answer a request.
    NoAnswer,
    /// The far end's answer named no audio that the phone speaks.
    NoCommonFormat,
}

/// Where a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was heard from the far end yet.
    Calling,
    /// The far end works on it.
    Ringing,
    /// Answered.
    Up,
    /// Hung up; the far end has not said yes yet.
    Leaving,
    /// Over.
    Ended(End),
}
