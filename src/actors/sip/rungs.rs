//! What the ladders are told of: every message that is read or sent, and the timers that ran out.

use std::net::SocketAddr;

use rsip::Method;

use crate::{
    actors::sip::{SipActor, UDP},
    sip::{EndpointEvent, Source, Transmit, Transport},
};

impl SipActor {
    /// A datagram that the gate has let in.
    pub(super) fn heard_datagram(&self, local: SocketAddr, from: SocketAddr, octets: &[u8]) {
        let source = Source {
            flow: UDP,
            transport: Transport::Udp,
            local,
            from,
        };
        self.heard(&source, octets);
    }

    /// A message that the gate has let in.
    pub(super) fn heard(&self, source: &Source, octets: &[u8]) {
        if self.ladders.is_on() {
            let listed = self.gate.is_trusted(source.from.ip());
            self.ladders.received(source, octets, listed);
        }
    }

    /// A message on its way out.
    pub(super) fn said(&self, out: &Transmit) {
        let ours = || self.gate.local_address(self.udp_local, out.to);
        self.ladders.sent(out, self.doors.why(), ours);
    }

    /// What no message tells.
    pub(super) fn note(&self, event: &EndpointEvent) {
        let (call_id, note) = match event {
            EndpointEvent::AckTimedOut { dialog } => (
                dialog.call_id.as_str(),
                "no ACK for our answer: given up".to_owned(),
            ),
            EndpointEvent::TimedOut { txn, .. } | EndpointEvent::FlowLost { txn } => {
                let pending = self.pending.get(txn).map(|pending| &pending.request);
                let asked =
                    pending.map(|asked| (asked.outgoing.request.method, &*asked.dialog.call_id));
                let dialled = || {
                    self.dialled_as(*txn)
                        .map(|call_id| (Method::Invite, call_id))
                };
                let Some((method, call_id)) = asked.or_else(dialled) else {
                    return;
                };
                let note = if matches!(event, EndpointEvent::TimedOut { .. }) {
                    format!("no answer to our {method}: given up")
                } else {
                    format!("the connection is gone under our {method}")
                };
                (call_id, note)
            }
            EndpointEvent::Invited { .. }
            | EndpointEvent::InDialog { .. }
            | EndpointEvent::Cancelled { .. }
            | EndpointEvent::Acked { .. }
            | EndpointEvent::Progressed { .. }
            | EndpointEvent::Accepted { .. }
            | EndpointEvent::GivenUp { .. }
            | EndpointEvent::Answered { .. } => return,
        };
        self.ladders.noted(call_id, note);
    }
}
