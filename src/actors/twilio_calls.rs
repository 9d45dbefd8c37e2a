//! Calls out by Twilio's API: the one place that asks Twilio for something.
//!
//! ```text
//! Switchboard -> PlaceCall -> queue, one a second -> POST Calls.json -> Dialling, or NotDialled with Twilio's sentence
//!             -> GiveUpCall -> POST Calls/{sid}.json                    PassOn -> TransferEnded
//! ```
//! A call is ordered once: whatever comes of the request, it is never sent again. Limits: [`ORDERS_MAX`] calls wait, a request
//! takes [`PATIENCE`] at most, its answer has [`ANSWER_LEN_MAX`] bytes.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt as _, Addr, AsyncContext, Context, Handler, WrapFuture as _};

use crate::{
    actors::{
        clock,
        message::{Dialling, GiveUpCall, NotDialled, PassOn, PlaceCall, RequestsUp, TransferEnded},
        switchboard::Switchboard,
    },
    config::Secret,
    domain::{CallId, Cause},
    twilio::{
        calls::{self, Account, ApiError, ApiRequest, CallResource, NewCall},
        params::{CallSid, CallStatus},
        twiml,
    },
};

/// Between two orders: Twilio starts one call a second for an account, and queues or refuses more.
const PACE: Duration = Duration::from_secs(1);
/// Calls that wait for their turn.
const ORDERS_MAX: usize = 32;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read, in bytes.
const ANSWER_LEN_MAX: usize = 64 * 1024;
/// Longest call, in seconds: Twilio's own default.
const CALL_S_MAX: u32 = 4 * 3600;

/// How Twilio is reached and how it reaches us.
#[derive(Clone, Debug)]
pub struct TwilioCallsConfig {
    /// Whose calls, and where the API is.
    pub account: Account,
    /// The account's auth token.
    pub auth_token: Secret,
    /// How Twilio reaches us, without a slash at the end.
    pub public_url: String,
    /// How long a call may ring.
    pub ring: Duration,
}

/// What is left to do about a call that was ordered and has no name yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ordered {
    Wanted,
    GivenUp,
}

/// Asks Twilio's API for calls, and to end them.
pub struct TwilioCalls {
    config: TwilioCallsConfig,
    client: reqwest::Client,
    switchboard: Addr<Switchboard>,
    waiting: VecDeque<PlaceCall>,
    /// When the next order may go out.
    free_at: Option<Instant>,
    ordered: HashMap<CallId, Ordered>,
    /// Each request that is under way holds one more.
    under_way: Rc<()>,
}

/// Twilio's answer did not come, or it says no.
enum Failed {
    /// Nothing was sent.
    NoConnection,
    /// Something was sent; whether it was done is not known.
    NoAnswer,
    Refused(ApiError),
}

impl Failed {
    fn label(&self) -> String {
        match self {
            Self::NoConnection => "no-connection".to_owned(),
            Self::NoAnswer => "no-answer".to_owned(),
            Self::Refused(error) => error.label(),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::NoConnection => "Twilio cannot be reached.".to_owned(),
            Self::NoAnswer => "Twilio did not answer in time.".to_owned(),
            Self::Refused(error) => error.to_string(),
        }
    }
}

impl TwilioCalls {
    /// The client that asks.
    ///
    /// # Errors
    /// When no TLS client can be made.
    pub fn client() -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(PATIENCE)
            .build()
    }

    /// An actor that has asked for nothing yet.
    pub fn new(
        config: TwilioCallsConfig,
        client: reqwest::Client,
        switchboard: Addr<Switchboard>,
    ) -> Self {
        Self {
            config,
            client,
            switchboard,
            waiting: VecDeque::new(),
            free_at: None,
            ordered: HashMap::new(),
            under_way: Rc::new(()),
        }
    }

    /// Sends the first order that waits, if it is time; else sees that it is sent then.
    fn order_next(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        if self.free_at.is_some_and(|at| at > now) {
            return;
        }
        let Some(order) = self.waiting.pop_front() else {
            return;
        };
        self.free_at = Some(now + PACE);
        ctx.run_later(PACE, Self::order_next);
        self.ordered.insert(order.call, Ordered::Wanted);
        let base = &self.config.public_url;
        let request = self.config.account.create(&NewCall {
            to: &order.to,
            from: &order.from,
            url: &format!("{base}/api/twilio-sip/outgoing-call?callId={}", order.call),
            status_callback: &format!("{base}/api/twilio-sip/status?callId={}", order.call),
            ring_s: u32::try_from(self.config.ring.as_secs()).unwrap_or(u32::MAX),
            time_limit_s: CALL_S_MAX,
        });
        let answer = self.send(request);
        ctx.spawn(
            answer
                .into_actor(self)
                .map(move |answer, api, ctx| api.ordered(order.call, answer, ctx)),
        );
    }

    fn ordered(
        &mut self,
        call: CallId,
        answer: Result<CallResource, Failed>,
        ctx: &mut Context<Self>,
    ) {
        let wanted = self.ordered.remove(&call) == Some(Ordered::Wanted);
        match answer {
            Ok(made) => {
                tracing::info!(call.id = %call, twilio.call_sid = made.sid.as_str(), "Twilio calls");
                if !wanted {
                    self.end(call, made.sid.clone(), ctx);
                }
                self.switchboard.do_send(Dialling {
                    call,
                    call_sid: made.sid.as_str().to_owned(),
                });
            }
            Err(failed) => {
                tracing::warn!(call.id = %call, twilio.error = failed.label(), "Twilio does not call");
                self.switchboard.do_send(NotDialled {
                    call,
                    cause: Cause::Carrier(failed.label()),
                    why: failed.sentence(),
                });
            }
        }
    }

    /// Gives a call up; one that was answered before Twilio read that is ended.
    fn end(&self, call: CallId, sid: CallSid, ctx: &mut Context<Self>) {
        let answer = self.send(self.config.account.cancel(&sid));
        ctx.spawn(answer.into_actor(self).map(move |answer, api, ctx| {
            match answer {
                Ok(CallResource {
                    status: Some(CallStatus::InProgress),
                    ..
                })
                // Twilio refuses to cancel what is not queued or ringing any more.
                | Err(Failed::Refused(ApiError::Refused { .. })) => api.complete(call, &sid, ctx),
                Ok(_) => tracing::info!(call.id = %call, "Twilio gave the call up"),
                Err(failed) => {
                    tracing::warn!(call.id = %call, twilio.error = failed.label(), "Twilio was not told to give up");
                }
            }
        }));
    }

    fn complete(&self, call: CallId, sid: &CallSid, ctx: &mut Context<Self>) {
        let answer = self.send(self.config.account.complete(sid));
        ctx.spawn(answer.into_actor(self).map(move |answer, _, _| {
            if let Err(failed) = answer {
                tracing::warn!(call.id = %call, twilio.error = failed.label(), "Twilio did not end the call");
            }
        }));
    }

    fn send(
        &self,
        request: ApiRequest,
    ) -> impl Future<Output = Result<CallResource, Failed>> + 'static {
        let sent = self
            .client
            .post(request.url)
            .basic_auth(&self.config.account.sid, Some(&self.config.auth_token.0))
            .form(&request.form)
            .send();
        let under_way = Rc::clone(&self.under_way);
        async move {
            let _until_answered = under_way;
            let mut answer = sent.await.map_err(|error| {
                if error.is_connect() {
                    Failed::NoConnection
                } else {
                    Failed::NoAnswer
                }
            })?;
            let status = answer.status().as_u16();
            let mut body = Vec::new();
            while let Some(part) = answer.chunk().await.map_err(|_| Failed::NoAnswer)? {
                if body.len() + part.len() > ANSWER_LEN_MAX {
                    return Err(Failed::Refused(ApiError::Unreadable { status }));
                }
                body.extend_from_slice(&part);
            }
            calls::read(status, &body).map_err(Failed::Refused)
        }
    }
}

impl Actor for TwilioCalls {
    type Context = Context<Self>;
}

impl Handler<PlaceCall> for TwilioCalls {
    type Result = ();

    fn handle(&mut self, order: PlaceCall, ctx: &mut Self::Context) {
        if self.waiting.len() >= ORDERS_MAX {
            return self.switchboard.do_send(NotDialled {
                call: order.call,
                cause: Cause::OutOfResources,
                why: "too many calls wait to be made.".to_owned(),
            });
        }
        self.waiting.push_back(order);
        self.order_next(ctx);
    }
}

impl Handler<GiveUpCall> for TwilioCalls {
    type Result = ();

    fn handle(&mut self, GiveUpCall { call, call_sid }: GiveUpCall, ctx: &mut Self::Context) {
        self.waiting.retain(|order| order.call != call);
        if let Some(ordered) = self.ordered.get_mut(&call) {
            *ordered = Ordered::GivenUp;
            return;
        }
        if let Some(sid) = call_sid.as_deref().and_then(CallSid::read) {
            self.end(call, sid, ctx);
        }
    }
}

impl Handler<RequestsUp> for TwilioCalls {
    type Result = usize;

    fn handle(&mut self, _: RequestsUp, _: &mut Self::Context) -> usize {
        Rc::strong_count(&self.under_way) - 1
    }
}

impl Handler<PassOn> for TwilioCalls {
    type Result = ();

    fn handle(&mut self, order: PassOn, ctx: &mut Self::Context) {
        let Some(sid) = CallSid::read(&order.call_sid) else {
            return self.switchboard.do_send(TransferEnded {
                call: order.call,
                outcome: Err("Twilio's name of the call is not known.".to_owned()),
            });
        };
        let twiml = twiml::pass_on(&order.number, CALL_S_MAX);
        let answer = self.send(self.config.account.redirect(&sid, twiml));
        ctx.spawn(answer.into_actor(self).map(move |answer, api, _| {
            let outcome = answer.map(drop).map_err(|failed| {
                tracing::warn!(call.id = %order.call, twilio.error = failed.label(), "Twilio does not pass the call on");
                failed.sentence()
            });
            let call = order.call;
            api.switchboard.do_send(TransferEnded { call, outcome });
        }));
    }
}
