//! `GET /api/twilio-sip/stream`: the WebSocket that our TwiML sends Twilio to (docs/streams.md).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};

use crate::{
    actors::stream::OpenError,
    config::TwilioMode,
    http::{
        Web,
        problem::Problem,
        twilio::signed::{base_url, signature_of},
    },
    twilio::signature,
};

const PATH: &str = "/api/twilio-sip/stream";

/// The socket's address for a base that begins with `http` or `https`.
pub(super) fn url(base: &str) -> String {
    let secure = base.strip_prefix("https").map(|rest| ("wss", rest));
    let (scheme, rest) = secure
        .or_else(|| base.strip_prefix("http").map(|rest| ("ws", rest)))
        .unwrap_or(("", base));
    format!("{scheme}{rest}{PATH}")
}

/// Upgrades to a WebSocket. Who it is is proven twice: the request by Twilio's signature, the call by its token in `start`.
pub(in crate::http) async fn open(
    request: HttpRequest,
    web: Data<Web>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let settings = &web.config.twilio;
    let Some(auth_token) = settings
        .auth_token
        .as_ref()
        .filter(|_| settings.mode == TwilioMode::Stream)
    else {
        return Err(Problem::not_found(
            "Callers come by SIP here: TWILIO_MODE is not `stream`, or TWILIO_AUTH_TOKEN is not set.",
        ));
    };
    // Twilio signs the address of its TwiML, whose query it strips.
    let signed = url(&base_url(&request, &web));
    if !signature::verify(&auth_token.0, &signed, &[], None, signature_of(&request)) {
        tracing::warn!("a Media Stream with a wrong signature was refused");
        return Err(Problem::forbidden(
            "The signature is not Twilio's for this address; is PUBLIC_URL what Twilio calls?",
        ));
    }
    if !request.headers().contains_key(header::UPGRADE) {
        return Err(Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "This address is a WebSocket.",
        ));
    }
    web.streams
        .open(&request, body)
        .await
        .map_err(|error| match error {
            OpenError::TooMany => Problem::unavailable("Too many streams are open."),
            OpenError::Handshake(error) => {
                Problem::bad_request(format!("This is not a WebSocket handshake: {error}."))
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_web_with_the_scheme_of_a_socket() {
        assert_eq!(
            url("https://radio.example.org"),
            "wss://radio.example.org/api/twilio-sip/stream"
        );
        assert_eq!(
            url("http://127.0.0.1:3001"),
            "ws://127.0.0.1:3001/api/twilio-sip/stream"
        );
    }
}
