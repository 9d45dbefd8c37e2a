//! Calls out: a trunk with room, its addresses in turn, and whatever its far ends say until one has answered.
//!
//! ```text
//! DialOut -> trunk -> addresses (the system's resolver) -> [ways.rs: connect, INVITE] -> 1xx, 2xx, 3xx-6xx [here]
//!                                     └──────── silence, 503, no connection: the next address (RFC 3263 section 4.3)
//! Accepted -> call (DialNews::Up); it takes the dialog over by DialogUp, else the dialog gets BYE
//! ```
//! An operator's press is all that leads here: nothing that comes in by SIP makes a [`DialOut`].

mod ways;

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use actix::{AsyncContext, Context, Handler, SpawnHandle};

use crate::{
    actors::{
        clock,
        message::{DialNews, DialOut, GiveUpDial, OnDial},
        random,
        sip::SipActor,
    },
    domain::{CallId, Cause, number::Masked},
    sip::{
        CallNames, DialogKey, EndpointEvent, Incoming, Outgoing, OutgoingCall, Parties, Reason,
        Refusal, Source, Transport, TxnKey,
        sdp::SrtpRule,
        trunk::{NoLine, Trunk},
    },
};

/// A call that is dialled.
pub(super) struct Dial {
    order: DialOut,
    trunk: Arc<Trunk>,
    parties: Parties,
    /// Names it at the gate.
    slot: TxnKey,
    /// Addresses that were not tried yet.
    ways: VecDeque<SocketAddr>,
    call: Option<OutgoingCall>,
    stage: Stage,
    /// What the last address that failed said.
    failure: Option<(Cause, Option<Reason>)>,
    alarms: Vec<SpawnHandle>,
}

enum Stage {
    /// Looking the host up, or connecting.
    Connecting,
    /// The INVITE is out.
    Inviting {
        txn: TxnKey,
        /// Somebody there has said something.
        is_heard: bool,
    },
    /// Nobody waits for it any more; its INVITE is on its way out.
    GivingUp { txn: TxnKey },
    /// Answered: the call has the dialog, or is about to.
    Answered {
        key: DialogKey,
        peer: Source,
        farewell: Box<Outgoing>,
    },
}

impl Dial {
    fn tell(&self, news: DialNews) {
        self.order.news.do_send(OnDial(news));
    }

    fn is_for(&self, wanted: TxnKey) -> bool {
        match self.stage {
            Stage::Inviting { txn, .. } | Stage::GivingUp { txn } => txn == wanted,
            Stage::Connecting | Stage::Answered { .. } => false,
        }
    }
}

/// Why a refused call failed.
fn cause_of(status: u16) -> Cause {
    match status {
        486 | 600 => Cause::Busy,
        408 | 480 | 487 => Cause::NoAnswer,
        603 | 607 | 608 => Cause::Declined,
        404 | 410 | 484 | 485 | 604 => Cause::Unreachable,
        status => Cause::SipError(status),
    }
}

impl SipActor {
    fn begin(&mut self, mut order: DialOut, ctx: &mut Context<Self>) {
        let slot = self.endpoint.reserve();
        let refuse = |order: &DialOut, cause: Cause| {
            let reason = None;
            let news = DialNews::Failed { cause, reason };
            order.news.do_send(OnDial(news));
        };
        let out = match self.gate.call_out(slot) {
            Ok(out) => out,
            Err(error) => {
                tracing::warn!(call.id = %order.call, %error, "cannot dial");
                return refuse(
                    &order,
                    match error {
                        NoLine::Full => Cause::OutOfResources,
                        NoLine::NoTrunk => Cause::Unreachable,
                    },
                );
            }
        };
        let gauge = &self.metrics.trunks.calls;
        let gauge = gauge.with_label_values(&[out.trunk.name.as_str()]);
        gauge.set(out.calls.into());
        let parties = out.trunk.parties(&order.number);
        let (Some(parties), Some(dial)) = (parties, &out.trunk.dial) else {
            self.call_over(slot);
            return refuse(&order, Cause::Unreachable);
        };
        tracing::info!(
            call.id = %order.call,
            sip.trunk = %out.trunk.name,
            call.to = %Masked(&order.number),
            "dialling"
        );
        let (id, hop) = (order.call, dial.hop());
        let audio = &out.trunk.media;
        let needs_tls = audio.srtp == SrtpRule::Required && audio.srtp_needs_tls;
        if needs_tls && hop.transport != Transport::Tls {
            tracing::warn!(call.id = %id, sip.trunk = %out.trunk.name, "cannot dial: keys of encrypted audio go over TLS alone");
            self.call_over(slot);
            return refuse(&order, Cause::Unreachable);
        }
        order.media.prefer.clone_from(&audio.codecs);
        order.media.srtp.rule = audio.srtp;
        order.media.srtp.needs_tls = audio.srtp_needs_tls;
        let no_answer = ctx.run_later(order.ring_max, move |sip, ctx| {
            sip.fail(id, Cause::NoAnswer, None);
            sip.settle(ctx);
        });
        let dial = Dial {
            order,
            trunk: out.trunk,
            parties,
            slot,
            ways: VecDeque::new(),
            call: None,
            stage: Stage::Connecting,
            failure: None,
            alarms: vec![no_answer],
        };
        self.dials.insert(id, dial);
        self.look_up(id, hop, ctx);
    }

    /// The INVITE of a dial, in the words of its parties; names are drawn once for each call.
    fn outgoing(parties: &Parties, way: (Source, String), order: &DialOut) -> OutgoingCall {
        let names = CallNames {
            call_id: order.sip_call_id.clone(),
            tag: format!("{:016x}", random::u64()),
            client_nonce: format!("{:016x}", random::u64()),
        };
        OutgoingCall::new(parties.clone(), names, way, order.media.clone())
    }

    /// The Call-ID of an INVITE of ours.
    pub(super) fn dialled_as(&self, txn: TxnKey) -> Option<&str> {
        let dial = self.dials.values().find(|dial| dial.is_for(txn))?;
        dial.call.as_ref().map(OutgoingCall::call_id)
    }

    /// An event of an INVITE of ours; false when it is none.
    pub(super) fn on_dial(&mut self, event: &EndpointEvent, ctx: &mut Context<Self>) -> bool {
        let (EndpointEvent::Progressed { txn, .. }
        | EndpointEvent::Accepted { txn, .. }
        | EndpointEvent::Answered { txn, .. }
        | EndpointEvent::TimedOut { txn, .. }
        | EndpointEvent::FlowLost { txn }
        | EndpointEvent::GivenUp { txn }) = event
        else {
            return false;
        };
        let mut dials = self.dials.iter();
        let Some((&id, _)) = dials.find(|(_, dial)| dial.is_for(*txn)) else {
            return false;
        };
        match event {
            EndpointEvent::Progressed { response, .. } => self.progressed(id, response),
            EndpointEvent::Accepted { response, .. } => self.accepted(id, response, ctx),
            EndpointEvent::Answered { response, .. } => self.refused(id, response, ctx),
            EndpointEvent::TimedOut { .. } | EndpointEvent::FlowLost { .. } => {
                self.next_way(id, Some((Cause::Unreachable, None)), ctx);
            }
            EndpointEvent::GivenUp { .. } => self.dial_over(id, ctx),
            EndpointEvent::Invited { .. }
            | EndpointEvent::InDialog { .. }
            | EndpointEvent::Cancelled { .. }
            | EndpointEvent::Acked { .. }
            | EndpointEvent::AckTimedOut { .. } => {}
        }
        true
    }

    fn progressed(&mut self, id: CallId, response: &rsip::Response) {
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        if let Stage::Inviting { is_heard, .. } = &mut dial.stage {
            *is_heard = true;
        }
        let Some(heard) = dial.call.as_mut().map(|call| call.heard(response)) else {
            return;
        };
        if heard.rings {
            dial.tell(DialNews::Ringing);
        }
        if heard.media.is_some() {
            dial.tell(DialNews::EarlyMedia);
        }
        if let Some(key) = heard.dialog {
            self.endpoint.register_dialog(key.clone());
            self.early.insert(key, id);
        }
    }

    fn accepted(&mut self, id: CallId, response: &rsip::Response, ctx: &mut Context<Self>) {
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        for alarm in dial.alarms.drain(..) {
            ctx.cancel_future(alarm);
        }
        let call = dial.call.as_mut();
        let Some(answered) = call.and_then(|call| call.answered(clock::now(), response)) else {
            return;
        };
        let key = answered.session.dialog_key().clone();
        dial.stage = Stage::Answered {
            key: key.clone(),
            peer: answered.session.peer(),
            farewell: Box::new(answered.session.farewell()),
        };
        let (txn, call) = (dial.slot, dial.order.dialog.clone());
        let flow = answered.session.peer().flow;
        let lost = answered.lost.clone();
        let news = DialNews::Up {
            txn,
            answered: Box::new(answered),
            media: Arc::clone(&dial.trunk.media),
        };
        dial.tell(news);
        self.forget_early(lost);
        self.early.remove(&key);
        self.endpoint.register_dialog(key.clone());
        self.dialogs.insert(key, call);
        self.flows.call_on(txn, flow);
    }

    fn refused(&mut self, id: CallId, response: &rsip::Response, ctx: &mut Context<Self>) {
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        let Some(call) = dial.call.as_mut() else {
            return;
        };
        match call.refused(response) {
            Refusal::Again { lost } => {
                self.forget_early(lost);
                self.invite(id);
            }
            Refusal::Over { code, reason, lost } => {
                self.forget_early(lost);
                tracing::info!(call.id = %id, sip.status = code, "refused by the far end");
                // The trunk's other addresses may be better off (RFC 3263 section 4.3).
                if code == 503 {
                    self.next_way(id, Some((Cause::SipError(code), reason)), ctx);
                } else {
                    self.fail(id, cause_of(code), reason);
                }
            }
        }
    }

    /// A request within an early dialog; false when it is in none.
    pub(super) fn in_early_dialog(&mut self, event: &EndpointEvent) -> bool {
        let EndpointEvent::InDialog {
            dialog,
            txn,
            request,
        } = event
        else {
            return false;
        };
        let Some(id) = self.early.get(dialog) else {
            return false;
        };
        let call = self.dials.get_mut(id).and_then(|dial| dial.call.as_mut());
        let request: &Incoming = request;
        let answer = call.and_then(|call| call.handle_request(clock::now(), request));
        if let Some((response, _)) = answer {
            self.endpoint.respond(clock::now(), *txn, response);
        }
        true
    }

    pub(super) fn forget_early(&mut self, lost: Vec<DialogKey>) {
        for key in lost {
            self.endpoint.forget_dialog(&key);
            self.early.remove(&key);
        }
    }

    /// The call came to nothing: its actor is told at once, and an INVITE that is still out is taken back.
    pub(super) fn fail(&mut self, id: CallId, cause: Cause, reason: Option<Reason>) {
        let Some(dial) = self.dials.get(&id) else {
            return;
        };
        let own = Reason::q850(19, "No answer");
        dial.tell(DialNews::Failed { cause, reason });
        self.give_up(id, own);
    }

    /// Takes the INVITE back; of a call that has its final response nothing but the entry is left.
    fn give_up(&mut self, id: CallId, reason: Reason) {
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        let stage = std::mem::replace(&mut dial.stage, Stage::Connecting);
        let lost = dial.call.as_mut().map(OutgoingCall::forget_early);
        match stage {
            Stage::Inviting { txn, .. } | Stage::GivingUp { txn } if self.endpoint.is_open(txn) => {
                dial.stage = Stage::GivingUp { txn };
                self.endpoint.cancel(clock::now(), txn, Some(reason));
            }
            Stage::Answered {
                key,
                peer,
                farewell,
            } => {
                // The call never took its dialog over.
                self.endpoint.request(clock::now(), peer, *farewell);
                self.endpoint.forget_dialog(&key);
                self.dialogs.remove(&key);
                self.drop_dial(id);
            }
            Stage::Inviting { .. } | Stage::GivingUp { .. } | Stage::Connecting => {
                self.drop_dial(id);
            }
        }
        self.forget_early(lost.unwrap_or_default());
    }

    fn drop_dial(&mut self, id: CallId) {
        if let Some(dial) = self.dials.remove(&id) {
            self.call_over(dial.slot);
        }
    }

    fn dial_over(&mut self, id: CallId, ctx: &mut Context<Self>) {
        if let Some(dial) = self.dials.get_mut(&id) {
            for alarm in dial.alarms.drain(..) {
                ctx.cancel_future(alarm);
            }
        }
        self.drop_dial(id);
    }

    /// The call has taken its dialog over.
    pub(super) fn handed_over(&mut self, txn: TxnKey) {
        self.dials.retain(|_, dial| dial.slot != txn);
    }
}

impl Handler<DialOut> for SipActor {
    type Result = ();

    fn handle(&mut self, order: DialOut, ctx: &mut Self::Context) {
        self.begin(order, ctx);
        self.settle(ctx);
    }
}

impl Handler<GiveUpDial> for SipActor {
    type Result = ();

    fn handle(&mut self, given_up: GiveUpDial, ctx: &mut Self::Context) {
        self.give_up(given_up.call, given_up.reason);
        self.settle(ctx);
    }
}
