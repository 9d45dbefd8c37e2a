//! New calls at the gate: handed to the switchboard and counted, or refused.

use std::time::Instant;

use crate::{
    actors::{clock, message::Invited, sip::SipActor},
    domain::number::Masked,
    sip::{
        Incoming, InviteSession, TxnKey,
        trunk::{Refused, Ruling},
    },
};

impl SipActor {
    pub(super) fn invited(&mut self, txn: TxnKey, request: Box<Incoming>) {
        let now = clock::now();
        let (known, ruling) = self.gate.rule(now, txn, &request);
        match ruling {
            Ruling::Accepted(accepted) => {
                let trunk = accepted.trunk.as_str();
                let calls = self.metrics.trunks.calls.with_label_values(&[trunk]);
                calls.set(accepted.calls.into());
                self.flows.call_on(txn, request.source().flow);
                self.ladders.accepted(request.call_id(), trunk);
                self.switchboard.do_send(Invited {
                    txn,
                    request,
                    fields: accepted.fields,
                    media: accepted.media,
                    at: now,
                    known,
                });
            }
            Ruling::Refused(refused) => self.refuse(now, txn, request, &refused),
        }
    }

    /// A call was refused or is over; told of other transactions, too.
    pub(super) fn call_over(&mut self, txn: TxnKey) {
        self.flows.call_over(txn);
        if let Some((trunk, calls)) = self.gate.call_over(txn) {
            let gauge = self
                .metrics
                .trunks
                .calls
                .with_label_values(&[trunk.as_str()]);
            gauge.set(calls.into());
        }
    }

    fn refuse(&mut self, now: Instant, txn: TxnKey, request: Box<Incoming>, refused: &Refused) {
        let labels = [refused.trunk.as_str(), refused.cause.label()];
        self.ladders
            .refused(request.call_id(), labels[0], labels[1]);
        self.metrics.trunks.refused.with_label_values(&labels).inc();
        let is_trusted = self.gate.is_trusted(request.source().from.ip());
        let from = request.from_user().unwrap_or_default();
        tracing::debug!(
            sip.trunk = %refused.trunk,
            call.cause = refused.cause.label(),
            call.from = %Masked(&from),
            "call refused at the gate"
        );
        if let Some(length) = refused.banned_for {
            self.metrics.trunks.bans.inc();
            let peer = request.source().from.ip();
            tracing::warn!(%peer, ban_s = length.as_secs(), "banned for wrong logins");
        }
        let headers: Vec<(&str, &str)> = refused
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let response = match InviteSession::new(request) {
            Ok(mut session) => session.reject(refused.status, None, &headers).ok(),
            Err(response) => Some(*response),
        };
        match response {
            Some(response) if is_trusted => self.endpoint.respond(now, txn, response),
            Some(response) => self.endpoint.refuse_and_forget(txn, response),
            None => {}
        }
    }
}
