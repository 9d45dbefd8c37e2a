//! A call that came in by SIP: answered at once.

use std::{sync::Arc, time::Instant};

use actix::{AsyncContext, Context};

use crate::{
    actors::{
        call::{CallActor, FarEnd, dialog::SipFarEnd, encryption},
        clock,
        message::{DialogUp, Respond},
        random, studio,
    },
    domain::Cause,
    net::address,
    sip::{
        Incoming, InviteSession, MediaAddress, SessionError, TxnKey, sdp, trunk::TrunkMedia,
        warning,
    },
};

/// An INVITE that was let in.
pub struct Invitation {
    /// Its transaction.
    pub txn: TxnKey,
    /// The INVITE.
    pub request: Box<Incoming>,
    /// When it came in.
    pub at: Instant,
    /// How its trunk's audio comes.
    pub media: Arc<TrunkMedia>,
}

impl CallActor {
    pub(super) fn answer(
        &mut self,
        invitation: Invitation,
        ctx: &mut Context<Self>,
    ) -> Result<(), Cause> {
        let Invitation {
            txn,
            request,
            at,
            media: trunk,
        } = invitation;
        let (now, local) = (clock::now(), request.source().local.ip());
        let far = request.sdp().and_then(sdp::audio_ip);
        let far = far.filter(|ip| studio::with(|studio| studio.serves(*ip)) == Some(true));
        let mut session = match InviteSession::new(request) {
            Ok(session) => session,
            Err(response) => {
                let status = response.status_code.code();
                self.respond(txn, *response);
                return Err(Cause::SipError(status));
            }
        };
        let Some(port) = studio::with(|studio| studio.open_port(now)).flatten() else {
            self.reject(
                txn,
                &mut session,
                503,
                &[("Retry-After", &random::retry_after_s())],
            );
            return Err(Cause::OutOfResources);
        };
        let media = MediaAddress {
            addr: address::for_media(self.public_ip, local, far),
            port: port.number,
            session_id: random::u64() >> 2,
            prefer: trunk.codecs.clone(),
            srtp: encryption::of_call(&trunk),
        };
        self.hold_port(port);
        let answer = match session.answer(now, media, &[("X-Call-Id", &self.id.to_string())]) {
            Ok(answer) => answer,
            Err(SessionError::Sdp(error)) => {
                tracing::info!(call.id = %self.id, %error, "refused: no audio that we take");
                let warning = warning(&error.to_string());
                self.reject(txn, &mut session, 488, &[("Warning", &warning)]);
                self.give_back_port();
                return Err(Cause::NoCommonCodec);
            }
            Err(error) => {
                tracing::error!(call.id = %self.id, %error, "cannot answer");
                return Err(Cause::InternalError);
            }
        };
        self.peers.sip.do_send(DialogUp {
            key: session.dialog_key().clone(),
            txn,
            call: ctx.address().recipient(),
        });
        self.respond(txn, answer.response);
        let waited = clock::now().saturating_duration_since(at);
        let histogram = &self.peers.metrics.invite_to_answer;
        histogram.observe(waited.as_secs_f64());
        self.far_end = FarEnd::Sip(Box::new(SipFarEnd::new(txn, session, trunk)));
        self.set_session_timer(ctx);
        if let Some(agreed) = answer.negotiated {
            self.leg_up(&agreed, ctx);
        }
        Ok(())
    }

    fn reject(
        &self,
        txn: TxnKey,
        session: &mut InviteSession,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        if let Ok(response) = session.reject(status, None, headers) {
            self.respond(txn, response);
        }
    }

    fn respond(&self, txn: TxnKey, response: rsip::Response) {
        self.peers.sip.do_send(Respond { txn, response });
    }
}
