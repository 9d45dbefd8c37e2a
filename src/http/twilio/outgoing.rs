//! Calls that Twilio makes for us: somebody has answered, and Twilio asks what to do with them.
//!
//! ```text
//! POST Calls.json -> Twilio rings them -> they answer -> outgoing-call -> TwiML with a token: Twilio dials us by SIP,
//!                                                                         or opens a Media Stream (TWILIO_MODE)
//! ```
//! The address in Twilio's order has our id of the call, so nothing depends on which of its requests comes first.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use super::{Leg, Signed, connect, connect_stream, xml};
use crate::{
    actors::message::Dialling,
    config::TwilioMode,
    domain::{CallId, Desk, Direction, RoomName},
    http::{Web, problem::Problem},
    twilio::{
        params::{CallSid, StatusChange},
        twiml,
    },
};

/// Our id of a call, in the query of what Twilio was told to ask.
const CALL_ID: &str = "callId";

/// Somebody answered: into the screening room with them, unless who called has given up.
pub(in crate::http) async fn outgoing(
    request: HttpRequest,
    web: Data<Web>,
    signed: Signed,
) -> Result<HttpResponse, Problem> {
    let change = StatusChange::read(&signed.params)?;
    let id =
        call_id(&signed).ok_or_else(|| Problem::bad_request("Which call? callId is missing."))?;
    note(&web, id, &change.call_sid);
    let room = web.at_desk(move |desk, _| waits_in(desk, id)).await?;
    let Some(room) = room else {
        return Ok(xml(twiml::hang_up()));
    };
    if web.config.twilio.mode == TwilioMode::Stream {
        let call = (id, change.call_sid.as_str());
        return Ok(xml(connect_stream(&web, &signed.base_url, call, false)));
    }
    let leg = Leg {
        call: id,
        room,
        is_greeted: false,
    };
    let connected = connect(&request, &web, &signed.base_url, leg);
    let twiml =
        connected.map_err(|error| Problem::internal(format!("LIVEKIT_SIP_DOMAIN: {error}")))?;
    Ok(xml(twiml))
}

/// The room in which an operator waits for them, while they are still waited for.
fn waits_in(desk: &Desk, id: CallId) -> Option<RoomName> {
    let call = desk
        .call(id)
        .filter(|call| call.direction == Direction::Outbound && call.ringing())?;
    Some(RoomName::Screening(call.episode_id?, id))
}

/// Our id of the call, where Twilio was told it.
pub(super) fn call_id(signed: &Signed) -> Option<CallId> {
    let mut params = signed.params.iter();
    let (_, id) = params.find(|(name, _)| name == CALL_ID)?;
    id.parse().ok()
}

/// Twilio's name of the call. Should it have been given up meanwhile, the switchboard tells Twilio to stop.
pub(super) fn note(web: &Web, call: CallId, sid: &CallSid) {
    web.switchboard.do_send(Dialling {
        call,
        call_sid: sid.as_str().to_owned(),
    });
}
