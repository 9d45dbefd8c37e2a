//! Challenges and credentials of strangers: none is right, an honest one is right once, and what we answer is one line.
//!
//! `$N` in the input is a nonce that we just gave out.

use audioroad::sip::digest::{Algorithm, Challenger, Demand, Judgement, Login, answer};

use super::octets::epoch;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];

pub(crate) fn run(data: &[u8]) {
    let now = epoch();
    let login = Login {
        user: "studio".to_owned(),
        password: "a password that no input can know".to_owned(),
    };
    let demand = Demand {
        scope: b"192.0.2.10",
        login: &login,
        algorithms: &ALGORITHMS,
    };
    let mut challenger = Challenger::new(now, &[3; 32]);
    let challenges = challenger.challenges(now, &demand, false);
    let nonce = challenges
        .first()
        .and_then(|challenge| challenge.split("nonce=\"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .expect("a nonce");
    let text = String::from_utf8_lossy(data).replace("$N", nonce);
    let lines = || text.split('\n').take(8);

    let judged = challenger.judge(now, &demand, "INVITE", lines());
    assert_ne!(judged, Judgement::Right, "{text}");

    // A challenge comes from the wire, which has taken out line breaks.
    if let Some(credentials) = answer(&login, "INVITE", "sip:a@example.com", lines(), "cnonce") {
        assert!(credentials.starts_with("Digest "));
        assert!(!credentials.contains('\n'), "{credentials}");
        assert!(!credentials.contains(&login.password), "{credentials}");
    }

    let honest = challenges.iter().map(String::as_str);
    let honest = answer(&login, "INVITE", "sip:a@example.com", honest, "cnonce");
    let honest = honest.expect("a challenge of ours is answered");
    for expected in [Judgement::Right, Judgement::Stale] {
        let judged = challenger.judge(now, &demand, "INVITE", [honest.as_str()].into_iter());
        assert_eq!(judged, expected);
    }
}
