#![expect(
    clippy::disallowed_methods,
    reason = "tokens are signed by the wall clock"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const KEY: &str = "devkey";
const SECRET: &str = "a secret of some length";
/// 2033-05-18: later than any run of these tests.
const LATER_S: u64 = 2_000_000_000;
const NOW_S: u64 = LATER_S - 3600;

fn keys() -> TokenKeys {
    TokenKeys::new(KEY, SECRET)
}

/// A token made by hand, so that its header and claims can be anything.
fn jwt(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

fn hs256() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn claims() -> Value {
    json!({
        "iss": KEY, "sub": "host", "nbf": 0, "exp": LATER_S,
        "video": {"roomJoin": true, "room": "live-1"},
    })
}

fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut changed = claims();
    change(&mut changed);
    jwt(&hs256(), &changed, SECRET)
}

#[test]
fn every_wrong_token_is_refused_by_name() {
    let good = jwt(&hs256(), &claims(), SECRET);
    let pass = RoomPass::new("live-1", "host", "");
    assert_eq!(keys().verify(&good, NOW_S), Ok(pass));
    for (case, token, error) in unsigned_or_forged(&good).into_iter().chain(wrong_claims()) {
        assert_eq!(keys().verify(&token, NOW_S), Err(error), "{case}");
    }
}

type Case = (&'static str, String, TokenError);

fn unsigned_or_forged(good: &str) -> Vec<Case> {
    let (head, tail) = good.split_at(good.rfind('.').unwrap());
    let unsigned = format!("{head}.");
    let stripped = jwt(&json!({"alg": "none"}), &claims(), SECRET);
    let other_algorithm = jwt(&json!({"alg": "HS512", "typ": "JWT"}), &claims(), SECRET);
    let other_room = with(|c| c["video"]["room"] = json!("live-2"));
    let spliced = format!("{}{tail}", &other_room[..other_room.rfind('.').unwrap()]);
    vec![
        ("none", String::new(), TokenError::Missing),
        ("garbage", "let me in".into(), TokenError::Malformed),
        ("dots", "..".into(), TokenError::Malformed),
        ("endless", "a.".repeat(TOKEN_LEN_MAX), TokenError::Malformed),
        ("algorithm none", stripped, TokenError::Malformed),
        (
            "another algorithm",
            other_algorithm,
            TokenError::BadSignature,
        ),
        ("no signature", unsigned, TokenError::BadSignature),
        (
            "forged",
            jwt(&hs256(), &claims(), "another secret"),
            TokenError::BadSignature,
        ),
        ("claims exchanged", spliced, TokenError::BadSignature),
    ]
}

fn wrong_claims() -> Vec<Case> {
    vec![
        (
            "other key",
            with(|c| c["iss"] = json!("x")),
            TokenError::WrongIssuer,
        ),
        (
            "expired",
            with(|c| c["exp"] = json!(1_000_000_000)),
            TokenError::Expired,
        ),
        (
            "no expiry",
            with(|c| c["exp"] = Value::Null),
            TokenError::Malformed,
        ),
        (
            "too early",
            with(|c| c["nbf"] = json!(LATER_S)),
            TokenError::NotYetValid,
        ),
        (
            "no grant",
            with(|c| c["video"] = json!({"room": "live-1"})),
            TokenError::NoJoinGrant,
        ),
        (
            "no room",
            with(|c| c["video"] = json!({"roomJoin": true})),
            TokenError::NoRoom,
        ),
        (
            "no identity",
            with(|c| c["sub"] = json!("")),
            TokenError::NoIdentity,
        ),
        (
            "long identity",
            with(|c| c["sub"] = json!("x".repeat(300))),
            TokenError::NoIdentity,
        ),
    ]
}

#[test]
fn the_callers_clock_decides_and_a_minute_is_forgiven() {
    let token = with(|_| ());
    assert!(keys().verify(&token, LATER_S + LEEWAY_S).is_ok());
    assert_eq!(
        keys().verify(&token, LATER_S + LEEWAY_S + 1),
        Err(TokenError::Expired)
    );
}

#[test]
fn what_is_signed_is_what_is_read() {
    let unix_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let pass = RoomPass {
        kind: Kind::Agent,
        metadata: "m".into(),
        attributes: [("sip.callID".to_owned(), "1".to_owned())].into(),
        can_publish: false,
        can_publish_sources: vec!["microphone".into()],
        can_subscribe: false,
        can_update_own_metadata: true,
        hidden: true,
        ..RoomPass::new("live-1", "host", "Ann")
    };
    let token = keys().sign(&pass, Duration::from_secs(60)).unwrap();
    assert_eq!(keys().verify(&token, unix_s), Ok(pass.clone()));
    assert_eq!(
        keys().verify(&token, unix_s + 180),
        Err(TokenError::Expired)
    );
    assert_eq!(
        TokenKeys::new("", "").sign(&pass, Duration::ZERO),
        Err(TokenError::NoKeys)
    );
    let nowhere = RoomPass {
        room: String::new(),
        ..pass
    };
    assert_eq!(
        keys().sign(&nowhere, Duration::ZERO),
        Err(TokenError::NoRoom)
    );
}

#[test]
fn the_secret_is_not_printed() {
    assert!(!format!("{:?}", keys()).contains(SECRET));
}

#[test]
fn the_plan_of_a_room_is_in_the_token_as_a_server_reads_it() {
    let mut pass = RoomPass::new("live-1", "host", "");
    pass.plan = Some(RoomPlan::new("radio", crate::livekit::RoomLimit(20)));
    let token = keys().sign(&pass, Duration::from_secs(60)).unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(
        claims["roomConfig"],
        json!({"emptyTimeout": 300, "departureTimeout": 300, "maxParticipants": 21, "metadata": "{\"switch.node\":\"radio\"}"})
    );
}
