//! A call that we place: the RTP port first, then the SIP actor dials, and the leg is up with the answer.
//!
//! ```text
//! port, offer -> DialOut -> SIP actor: trunk, addresses, INVITE
//!                           Ringing, EarlyMedia -> heard by nobody: rooms hear who has answered
//!                           Up -> dialog, leg, room;   Failed -> cause
//! ```
//! However the call ends before its answer, [`GiveUpDial`] follows: the SIP actor sends CANCEL, or BYE where the answer crossed it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix::{ActorContext, AsyncContext, Context, Handler};

use crate::{
    actors::{
        call::{
            CallActor, FarEnd,
            dialog::{SipFarEnd, reason},
        },
        clock,
        message::{DialNews, DialOut, DialledAs, DialogUp, GiveUpDial, OnDial},
        random, studio,
    },
    domain::Cause,
    sip::{Answered, CallSrtp, MediaAddress, TxnKey, sdp::Codec, trunk::TrunkMedia},
};

/// A number that is to be called.
pub struct Dialling {
    /// As it is dialled: `+15550123`.
    pub number: String,
    /// How long it may take until somebody answers.
    pub ring_max: Duration,
}

impl CallActor {
    pub(super) fn dial(
        &mut self,
        Dialling { number, ring_max }: Dialling,
        ctx: &mut Context<Self>,
    ) -> Result<(), Cause> {
        let now = clock::now();
        let port = studio::with(|studio| studio.open_port(now)).flatten();
        let port = port.ok_or(Cause::OutOfResources)?;
        let media = MediaAddress {
            addr: IpAddr::from([0, 0, 0, 0]),
            port: port.number,
            session_id: random::u64() >> 2,
            prefer: Codec::ALL.to_vec(),
            srtp: CallSrtp {
                secret: random::secret(),
                ..CallSrtp::OFF
            },
        };
        self.hold_port(port);
        self.far_end = FarEnd::Dialled;
        let sip_call_id = random::token();
        self.peers.switchboard.do_send(DialledAs {
            call: self.id,
            sip_call_id: sip_call_id.clone(),
        });
        self.peers.sip.do_send(DialOut {
            call: self.id,
            sip_call_id,
            number,
            media,
            public_ip: self.public_ip,
            ring_max,
            news: ctx.address().recipient(),
            dialog: ctx.address().recipient(),
        });
        Ok(())
    }

    /// Nobody waits for an answer any more.
    pub(super) fn give_up_dial(&self, cause: &Cause) {
        self.peers.sip.do_send(GiveUpDial {
            call: self.id,
            reason: reason(cause),
        });
    }

    fn up(
        &mut self,
        txn: TxnKey,
        answered: Answered,
        trunk: Arc<TrunkMedia>,
        ctx: &mut Context<Self>,
    ) {
        let session = *answered.session;
        self.peers.sip.do_send(DialogUp {
            key: session.dialog_key().clone(),
            txn,
            call: ctx.address().recipient(),
        });
        self.far_end = FarEnd::Sip(Box::new(SipFarEnd::new(txn, session, trunk)));
        self.set_session_timer(ctx);
        match answered.agreed {
            Ok(agreed) => {
                if let Some(port) = &mut self.port {
                    // What the far end played while it rang is not part of the conversation.
                    port.flush();
                }
                self.leg_up(&agreed, ctx);
            }
            Err(error) => {
                tracing::info!(call.id = %self.id, %error, "answered without audio that we take");
                self.hang_up(Cause::NoCommonCodec, ctx);
            }
        }
    }
}

impl Handler<OnDial> for CallActor {
    type Result = ();

    fn handle(&mut self, OnDial(news): OnDial, ctx: &mut Self::Context) {
        // On its way out already, it leaves the dialog to who dialled: see [`GiveUpDial`].
        if self.cause.is_some() || !matches!(self.far_end, FarEnd::Dialled) {
            return;
        }
        match news {
            DialNews::Ringing => tracing::debug!(call.id = %self.id, "it rings"),
            DialNews::EarlyMedia => {
                tracing::debug!(call.id = %self.id, "the far end plays something before it answers");
            }
            DialNews::Up {
                txn,
                answered,
                media,
            } => self.up(txn, *answered, media, ctx),
            DialNews::Failed { cause, reason } => {
                self.far_end = FarEnd::Nobody;
                self.far_reason = reason;
                self.cause.get_or_insert(cause);
                ctx.stop();
            }
        }
    }
}
