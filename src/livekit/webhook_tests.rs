use std::time::Duration;

use livekit_api::access_token::AccessToken;
use proptest::prelude::*;

use super::*;

const KEY: &str = "devkey";
const SECRET: &str = "a secret of some length";
/// The token's times are the wall clock's, so this is what the caller's clock is held against.
const TTL: Duration = Duration::from_secs(300);

/// As livekit-server 1.13 sends it.
const FINISHED: &str = r#"{"event":"room_finished","room":{"sid":"RM_1","name":"live-01","emptyTimeout":300,
 "creationTime":"1795238986","enabledCodecs":[{"mime":"audio/opus"}]},"id":"EV_1","createdAt":"1795239999"}"#;

fn keys() -> TokenKeys {
    TokenKeys::new(KEY, SECRET)
}

fn sign(key: &str, secret: &str, body: &[u8]) -> String {
    let token = AccessToken::with_api_key(key, secret).with_ttl(TTL);
    token
        .with_sha256(&STANDARD.encode(Sha256::digest(body)))
        .to_jwt()
        .unwrap()
}

/// When `token` was made.
fn made_s(token: &str) -> u64 {
    livekit_api::access_token::Claims::from_unverified(token)
        .unwrap()
        .nbf as u64
}

fn read(body: &str, token: &str) -> Result<WebhookEvent, WebhookError> {
    keys().webhook(body.as_bytes(), token, made_s(token))
}

#[test]
fn a_signed_event_is_read() {
    let token = sign(KEY, SECRET, FINISHED.as_bytes());
    let event = WebhookEvent {
        id: "EV_1".into(),
        kind: WebhookKind::RoomFinished,
        room: "live-01".into(),
        identity: String::new(),
    };
    assert_eq!(read(FINISHED, &token).as_ref(), Ok(&event));
    let as_bearer = keys().webhook(
        FINISHED.as_bytes(),
        &format!("Bearer {token}"),
        made_s(&token),
    );
    assert_eq!(as_bearer, Ok(event));
}

#[test]
fn every_kind_has_a_name_and_unknown_ones_are_others() {
    for (name, label) in [
        ("room_started", "room-started"),
        ("room_finished", "room-finished"),
        ("participant_joined", "participant-joined"),
        ("participant_left", "participant-left"),
        (
            "participant_connection_aborted",
            "participant-connection-aborted",
        ),
        ("track_published", "track-published"),
        ("track_unpublished", "track-unpublished"),
        ("egress_ended", "other"),
        ("\\u0007 not yet invented", "other"),
    ] {
        let body = format!(r#"{{"event":"{name}","participant":{{"identity":"call:1"}}}}"#);
        let event = read(&body, &sign(KEY, SECRET, body.as_bytes())).unwrap();
        assert_eq!(
            (event.kind.label(), event.identity.as_str()),
            (label, "call:1"),
            "{name}"
        );
    }
}

#[test]
fn forged_stale_and_foreign_events_are_refused() {
    let good = sign(KEY, SECRET, FINISHED.as_bytes());
    let token = |error| Err(WebhookError::Token(error));
    assert_eq!(
        keys().webhook(FINISHED.as_bytes(), "", 0),
        token(TokenError::Missing)
    );
    assert_eq!(
        keys().webhook(FINISHED.as_bytes(), "Bearer x.y.z", 0),
        token(TokenError::Malformed)
    );
    let other_secret = sign(KEY, "another secret of some length", FINISHED.as_bytes());
    assert_eq!(
        read(FINISHED, &other_secret),
        token(TokenError::BadSignature)
    );
    let other_key = sign("other", SECRET, FINISHED.as_bytes());
    assert_eq!(read(FINISHED, &other_key), token(TokenError::WrongIssuer));

    let later_s = made_s(&good) + TTL.as_secs() + 61;
    assert_eq!(
        keys().webhook(FINISHED.as_bytes(), &good, later_s),
        token(TokenError::Expired)
    );
    let changed = FINISHED.replace("live-01", "live-02");
    assert_eq!(read(&changed, &good), Err(WebhookError::WrongBody));
    let for_joining = AccessToken::with_api_key(KEY, SECRET)
        .with_ttl(TTL)
        .to_jwt()
        .unwrap();
    assert_eq!(
        read(FINISHED, &for_joining),
        Err(WebhookError::WrongBody),
        "a token without a hash"
    );
}

#[test]
fn bodies_that_are_no_events_are_refused() {
    for body in [
        "",
        "{}",
        "[]",
        "not JSON",
        r#"{"event":7}"#,
        r#"{"event":"x","room":"y"}"#,
    ] {
        let refused = read(body, &sign(KEY, SECRET, body.as_bytes()));
        assert!(
            matches!(refused, Err(WebhookError::NotAnEvent(_))),
            "{body}: {refused:?}"
        );
    }
    let long = " ".repeat(BODY_LEN_MAX + 1);
    assert_eq!(
        read(&long, &sign(KEY, SECRET, long.as_bytes())),
        Err(WebhookError::TooLong)
    );
}

proptest! {
    #[test]
    fn no_body_and_no_header_brings_it_down(body: Vec<u8>, header in "\\PC*") {
        prop_assert!(keys().webhook(&body, &header, 0).is_err());
        let token = sign(KEY, SECRET, &body);
        // Signed rubbish is rubbish, or an event by chance; either way it is answered.
        let _ = keys().webhook(&body, &token, made_s(&token));
    }
}
