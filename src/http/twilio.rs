//! Twilio's webhooks: a call that is about to come, the end of our leg, and how it fares; and the socket of a Media Stream.
//!
//! ```text
//! request -> signature, account -> parameters -> Switchboard (Announce) -> verdict -> TwiML with a token for the INVITE
//!                                                                                    or, by TWILIO_MODE, for the stream
//! ```
//! Delivering a webhook again changes nothing and gets the same answer ([`Answers`]). Limits: bodies [`BODY_MAX`].

mod answers;
mod outgoing;
mod signed;
mod stream;

use actix_web::{HttpRequest, HttpResponse, web::Data};

use crate::{
    actors::{clock, message::Announce, random},
    config::TwilioMode,
    domain::{Arrival, CallId, CallerId, Direction, RoomName, Verdict, desk::LEG_FAILED},
    http::{Web, problem::Problem},
    twilio::{
        params::{
            CallStatus, CallingParty, DialEnded, IncomingCall, ParamError, StatusChange, StreamFate,
        },
        twiml::{
            self, Connect, ConnectStream, Message, Refusal, SIP_USER, SipTransport, TwimlError,
        },
    },
};

pub(super) use answers::Answers;
pub(super) use outgoing::outgoing;
use signed::Signed;
pub(super) use stream::open as open_stream;

/// Longest body of a webhook, in bytes.
pub(super) const BODY_MAX: usize = 16 * 1024;
/// Longest call, in seconds: Twilio's own default.
const CALL_S_MAX: u32 = 4 * 3600;
/// How long a call may take from the webhook to its INVITE or its stream: the greeting is told in between.
const TOKEN_S: u32 = 300;

const NO_SHOW: &str =
    "There is no show on air right now. Please call again when we are on. Goodbye.";
const LINES_CLOSED: &str = "We take no more calls for this show. Thank you for calling. Goodbye.";
const SORRY: &str = "We are sorry, your call could not be connected. Please try again. Goodbye.";

/// A call is about to come: what to do with it, as TwiML.
pub(super) async fn incoming(
    request: HttpRequest,
    web: Data<Web>,
    answers: Data<Answers>,
    signed: Signed,
) -> Result<HttpResponse, Problem> {
    let call = IncomingCall::read(&signed.params)?;
    let sid = call.call_sid.as_str().to_owned();
    let mut answered = answers.lock().await;
    let now = clock::utc();
    if let Some(twiml) = answered.given(&sid, now) {
        return Ok(xml(twiml.to_owned()));
    }
    if !web.health.takes_calls() {
        let twiml = twiml::reject(Refusal::Busy);
        answered.give(sid, twiml.clone(), now);
        return Ok(xml(twiml));
    }
    let verdict = web
        .switchboard
        .send(Announce(arrival(call)))
        .timeout(answers::PATIENCE)
        .await?;
    let twiml = answer(&request, &web, (&signed.base_url, &sid), verdict).await?;
    answered.give(sid, twiml.clone(), now);
    Ok(xml(twiml))
}

/// Our leg has ended; the caller is still on the line.
pub(super) async fn dial_ended(web: Data<Web>, signed: Signed) -> Result<HttpResponse, Problem> {
    let ended = DialEnded::read(&signed.params)?;
    let sid = ended.call_sid.as_str().to_owned();
    let made_by_us = web.at_desk(move |desk, _| {
        desk.by_call_sid(&sid)
            .is_some_and(|call| call.direction == Direction::Outbound)
    });
    let made_by_us = made_by_us.await?;
    close_row(&web, ended.call_sid.as_str(), ended.status).await?;
    if made_by_us {
        return Ok(xml(twiml::hang_up()));
    }
    Ok(xml(twiml::dial_ended(ended.status, &say(SORRY))))
}

/// How a leg fares. SIP, or the stream, is what counts; this closes only a row whose leg never came.
pub(super) async fn status(web: Data<Web>, signed: Signed) -> Result<HttpResponse, Problem> {
    let change = StatusChange::read(&signed.params)?;
    let parent = change.parent_call_sid.as_ref().unwrap_or(&change.call_sid);
    if let Some(fate) = change.stream {
        if fate == StreamFate::Failed {
            end_row(&web, parent.as_str(), "stream-error").await?;
        }
        return Ok(HttpResponse::NoContent().finish());
    }
    let over = change.status.filter(|status| is_over(*status));
    if let Some(id) = outgoing::call_id(&signed) {
        match over {
            Some(status) => {
                web.at_desk(move |desk, now| desk.carrier_ended(now, id, label(Some(status))))
                    .await?;
            }
            None => outgoing::note(&web, id, &change.call_sid),
        }
    } else if let Some(status) = over {
        close_row(&web, parent.as_str(), Some(status)).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

impl From<ParamError> for Problem {
    fn from(error: ParamError) -> Self {
        Self::bad_request(format!("This is no webhook of a call: {error}."))
    }
}

fn arrival(call: IncomingCall) -> Arrival {
    Arrival {
        new_call: CallId(random::id()),
        new_caller: CallerId(random::id()),
        known: None,
        from: match call.from {
            CallingParty::Number(number) => Some(number),
            CallingParty::Withheld => None,
        },
        dialled: call.to,
        display_name: call.caller_name.unwrap_or_default(),
        twilio_call_sid: Some(call.call_sid.as_str().to_owned()),
        sip_call_id: None,
    }
}

async fn answer(
    request: &HttpRequest,
    web: &Web,
    (base, sid): (&str, &str),
    verdict: Verdict,
) -> Result<String, Problem> {
    match verdict {
        Verdict::Admit { call, .. } if web.config.twilio.mode == TwilioMode::Stream => {
            Ok(connect_stream(web, base, (call, sid), true))
        }
        Verdict::Admit { call, room, .. } => {
            let leg = Leg {
                call,
                room,
                is_greeted: true,
            };
            let connected = connect(request, web, base, leg);
            connected.map_err(|error| Problem::internal(format!("LIVEKIT_SIP_DOMAIN: {error}")))
        }
        Verdict::Announce { call, lines_closed } => {
            // Twilio tells them and hangs up: no leg will ever come to us.
            web.at_desk(move |desk, now| desk.announcement_ended(now, call))
                .await?;
            Ok(twiml::announce(&say(if lines_closed {
                LINES_CLOSED
            } else {
                NO_SHOW
            })))
        }
        Verdict::Refuse { status, .. } => Ok(twiml::reject(if status == 603 {
            Refusal::Blocked
        } else {
            Refusal::Busy
        })),
    }
}

/// A leg that Twilio is to make to us.
struct Leg {
    call: CallId,
    room: RoomName,
    /// Twilio speaks first, if the settings say what.
    is_greeted: bool,
}

fn connect(request: &HttpRequest, web: &Web, base: &str, leg: Leg) -> Result<String, TwimlError> {
    let config = &web.config;
    let id = leg.call.to_string();
    // The gate that checks the token knows nothing of Twilio's ids; our own id of the call is bound.
    let token = web
        .call_tokens
        .make(&id, "", clock::unix_ms() / 1000, TOKEN_S);
    let greeting = config.twilio.greeting.as_deref().map(say);
    let greeting = greeting.filter(|_| leg.is_greeted);
    twiml::connect(&Connect {
        greeting,
        lobby: &leg.room.to_string(),
        domain: &sip_domain(request, web),
        transport: SipTransport::Tcp,
        call_id: &id,
        token: &token,
        credentials: config
            .twilio
            .sip_password
            .as_ref()
            .map(|password| (SIP_USER, password.0.as_str())),
        caller_id: None,
        action: &format!("{base}/api/twilio-sip/dial-ended"),
        status_callback: &format!("{base}/api/twilio-sip/status"),
        time_limit_s: CALL_S_MAX,
        answer_on_bridge: greeting.is_none(),
    })
}

fn connect_stream(web: &Web, base: &str, (call, sid): (CallId, &str), is_greeted: bool) -> String {
    let id = call.to_string();
    let token = web
        .call_tokens
        .make(&id, sid, clock::unix_ms() / 1000, TOKEN_S);
    twiml::connect_stream(&ConnectStream {
        greeting: web
            .config
            .twilio
            .greeting
            .as_deref()
            .filter(|_| is_greeted)
            .map(say),
        url: &stream::url(base),
        call_id: &id,
        token: &token,
        status_callback: &format!("{base}/api/twilio-sip/status"),
    })
}

/// The host that Twilio calls by SIP: as set, else that of `PUBLIC_URL`, else `PUBLIC_IP`, else the one that was asked.
fn sip_domain(request: &HttpRequest, web: &Web) -> String {
    let config = &web.config;
    let host_of = |url: &str| {
        url::Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
    };
    let asked =
        || host_of(&format!("http://{}", request.connection_info().host())).unwrap_or_default();
    let public_ip = || {
        config.sip.public_ip.first().map(|ip| {
            if ip.is_ipv6() {
                format!("[{ip}]")
            } else {
                ip.to_string()
            }
        })
    };
    let set = config.twilio.sip_domain.clone();
    if let Some(domain) = set {
        return domain;
    }
    let host = config
        .http
        .public_url
        .as_deref()
        .and_then(host_of)
        .or_else(public_ip)
        .unwrap_or_else(asked);
    if config.sip.port == 5060 {
        host
    } else {
        format!("{host}:{}", config.sip.port)
    }
}

async fn close_row(web: &Web, sid: &str, status: Option<CallStatus>) -> Result<(), Problem> {
    end_row(web, sid, label(status)).await
}

async fn end_row(web: &Web, sid: &str, how: &'static str) -> Result<(), Problem> {
    let sid = sid.to_owned();
    let closed = web.at_desk(move |desk, now| {
        if let Some(call) = desk.by_call_sid(&sid) {
            // Of a call that Twilio makes for us, this is the leg to us: whom we called has answered.
            let word = match call.direction {
                Direction::Inbound => how,
                Direction::Outbound => LEG_FAILED,
            };
            let id = call.id;
            desk.carrier_ended(now, id, word);
        }
    });
    closed.await
}

fn is_over(status: CallStatus) -> bool {
    match status {
        CallStatus::Completed
        | CallStatus::Busy
        | CallStatus::NoAnswer
        | CallStatus::Failed
        | CallStatus::Canceled => true,
        CallStatus::Queued
        | CallStatus::Initiated
        | CallStatus::Ringing
        | CallStatus::InProgress => false,
    }
}

fn label(status: Option<CallStatus>) -> &'static str {
    match status {
        Some(CallStatus::Queued) => "queued",
        Some(CallStatus::Initiated) => "initiated",
        Some(CallStatus::Ringing) => "ringing",
        Some(CallStatus::InProgress) => "in-progress",
        Some(CallStatus::Completed) => "completed",
        Some(CallStatus::Busy) => "busy",
        Some(CallStatus::NoAnswer) => "no-answer",
        Some(CallStatus::Failed) => "failed",
        Some(CallStatus::Canceled) => "canceled",
        None => "unknown",
    }
}

fn say(text: &str) -> Message<'_> {
    Message::Say {
        text,
        language: None,
    }
}

fn xml(twiml: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(twiml::CONTENT_TYPE)
        .body(twiml)
}
