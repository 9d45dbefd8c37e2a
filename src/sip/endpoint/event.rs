//! What comes out of the endpoint.

use std::net::SocketAddr;

use bytes::Bytes;
use rsip::{Method, Response};

use crate::sip::{DialogKey, FlowId, Incoming, Reason, Transport, TxnKey};

/// Octets to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The flow to send on.
    pub flow: FlowId,
    /// The peer on that flow.
    pub to: SocketAddr,
    /// What kind of flow it is.
    pub transport: Transport,
    /// One whole message, or the CRLF that answers a ping.
    pub bytes: Bytes,
}

/// What happened that a call must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointEvent {
    /// A new call. 100 has been sent; register its dialog and respond.
    Invited {
        /// Answer under this key.
        txn: TxnKey,
        /// The INVITE.
        request: Box<Incoming>,
    },
    /// A request within a registered dialog. Respond to it.
    InDialog {
        /// The dialog.
        dialog: DialogKey,
        /// Answer under this key.
        txn: TxnKey,
        /// The request.
        request: Box<Incoming>,
    },
    /// The caller gave up before the call was answered. The CANCEL has its 200; answer the INVITE
    /// with 487. A 2xx that is on its way to the endpoint does not go out any more.
    Cancelled {
        /// The INVITE's key.
        txn: TxnKey,
        /// Why, if the caller said so.
        reason: Option<Reason>,
    },
    /// The ACK of a 2xx, once.
    Acked {
        /// The dialog.
        dialog: DialogKey,
        /// Its body: the answer, where the 2xx carried our offer.
        body: Bytes,
    },
    /// A 2xx was repeated for 64 * T1 and never acknowledged: hang up.
    AckTimedOut {
        /// The dialog.
        dialog: DialogKey,
    },
    /// A provisional response to our INVITE, 100 included.
    Progressed {
        /// The INVITE's key.
        txn: TxnKey,
        /// The response.
        response: Box<Response>,
    },
    /// The 2xx to our INVITE: the first, and acknowledged already. Other far ends of a forked INVITE
    /// that answer later are hung up without a word here.
    Accepted {
        /// The INVITE's key.
        txn: TxnKey,
        /// The response.
        response: Box<Response>,
    },
    /// The end of our INVITE after [`super::Endpoint::cancel`], whatever it was: nothing is left
    /// at the far end.
    GivenUp {
        /// The INVITE's key; nothing more will come of it.
        txn: TxnKey,
    },
    /// The final response to a request of ours; of an INVITE a refusal, acknowledged already.
    Answered {
        /// The request's key.
        txn: TxnKey,
        /// The response.
        response: Box<Response>,
    },
    /// No final response within the time allowed: to a request of ours, or by ourselves, in which
    /// case the caller has got 504.
    TimedOut {
        /// The transaction; nothing more will come of it.
        txn: TxnKey,
        /// What was asked.
        method: Method,
    },
    /// The connection closed under a request of ours, or was closed already: connect to the
    /// dialog's [`NextHop`](crate::sip::NextHop) and ask again.
    FlowLost {
        /// The transaction, which is over.
        txn: TxnKey,
    },
}
