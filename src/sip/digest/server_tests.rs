use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::sip::digest::answer;

const URI: &str = "sip:+15550100@198.51.100.1";
const ALL: &[Algorithm] = &[Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the beginning"
)]
fn start() -> Instant {
    Instant::now()
}

fn login(password: &str) -> Login {
    Login {
        user: "studio".into(),
        password: password.into(),
    }
}

/// A challenger and one peer of it.
struct Peer {
    now: Instant,
    challenger: Challenger,
    right: Login,
    algorithms: &'static [Algorithm],
    address: &'static [u8],
}

impl Peer {
    fn new() -> Self {
        let now = start();
        Self {
            now,
            challenger: Challenger::new(now, &[7; 32]),
            right: login("hush"),
            algorithms: ALL,
            address: b"192.0.2.1",
        }
    }

    fn challenges(&mut self, stale: bool) -> Vec<String> {
        let demand = Demand {
            scope: self.address,
            login: &self.right,
            algorithms: self.algorithms,
        };
        self.challenger.challenges(self.now, &demand, stale)
    }

    fn judge(&mut self, credentials: &[&str]) -> Judgement {
        let demand = Demand {
            scope: self.address,
            login: &self.right,
            algorithms: self.algorithms,
        };
        let credentials = credentials.iter().copied();
        self.challenger
            .judge(self.now, &demand, "INVITE", credentials)
    }

    /// Asks, and answers with this password.
    fn credentials(&mut self, password: &str) -> String {
        let challenges = self.challenges(false);
        let challenges = challenges.iter().map(String::as_str);
        answer(&login(password), "INVITE", URI, challenges, "0a4f113b").unwrap()
    }
}

#[test]
fn who_knows_the_password_is_let_in_once() {
    let mut peer = Peer::new();
    assert_eq!(peer.judge(&[]), Judgement::Absent);
    let right = peer.credentials("hush");
    assert_eq!(peer.judge(&[&right]), Judgement::Right);
    assert_eq!(peer.judge(&[&right]), Judgement::Stale, "a replay");
    let wrong = peer.credentials("hash");
    assert_eq!(peer.judge(&[&wrong]), Judgement::Wrong);
}

#[test]
fn each_algorithm_has_a_challenge_and_the_preferred_one_is_first() {
    let mut peer = Peer::new();
    let challenges = peer.challenges(false);
    let tokens = ["SHA-512-256", "SHA-256", "MD5"];
    assert_eq!(challenges.len(), tokens.len());
    for (challenge, token) in challenges.iter().zip(tokens) {
        assert!(
            challenge.contains(&format!("algorithm={token},")),
            "{challenge}"
        );
        assert!(challenge.contains("qop=\"auth\"") && !challenge.contains("stale"));
        let credentials = answer(
            &login("hush"),
            "INVITE",
            URI,
            [challenge.as_str()].into_iter(),
            token,
        );
        assert!(credentials.unwrap().contains(token));
    }
    for algorithms in [&ALL[..1], &ALL[1..2], &ALL[2..]] {
        peer.algorithms = algorithms;
        let right = peer.credentials("hush");
        assert_eq!(peer.judge(&[&right]), Judgement::Right);
    }
    let with_md5 = peer.credentials("hush");
    peer.algorithms = &ALL[..2];
    assert_eq!(peer.judge(&[&with_md5]), Judgement::Absent, "not asked for");
}

#[test]
fn a_nonce_grows_stale_and_is_bound_to_its_scope() {
    let mut peer = Peer::new();
    let (late, elsewhere) = (peer.credentials("hush"), peer.credentials("hush"));
    peer.address = b"192.0.2.2";
    assert_eq!(peer.judge(&[&elsewhere]), Judgement::Stale);
    peer.address = b"192.0.2.1";
    peer.now += Duration::from_secs(301);
    assert_eq!(peer.judge(&[&late]), Judgement::Stale);
    assert!(peer.challenges(true)[0].ends_with(", stale=true"));
    let right = peer.credentials("hush");
    assert_eq!(peer.judge(&[&right]), Judgement::Right);
}

#[test]
fn without_a_nonce_of_ours_nothing_is_learned_about_the_password() {
    let mut peer = Peer::new();
    let challenge = "Digest realm=\"sip\", nonce=\"mine\", qop=\"auth\"";
    for password in ["hush", "hash"] {
        let guess = answer(
            &login(password),
            "INVITE",
            URI,
            [challenge].into_iter(),
            "1",
        );
        assert_eq!(peer.judge(&[&guess.unwrap()]), Judgement::Stale);
    }
}

#[test]
fn the_name_counts_as_much_as_the_password_and_the_method_as_much_as_both() {
    let mut peer = Peer::new();
    let challenges = peer.challenges(false);
    let challenges = || challenges.iter().map(String::as_str);
    let other = Login {
        user: "admin".into(),
        ..login("hush")
    };
    let by_other = answer(&other, "INVITE", URI, challenges(), "1").unwrap();
    assert_eq!(peer.judge(&[&by_other]), Judgement::Wrong);
    let for_bye = answer(&login("hush"), "BYE", URI, challenges(), "1").unwrap();
    assert_eq!(peer.judge(&[&for_bye]), Judgement::Wrong);
}

#[test]
fn our_credentials_are_found_among_others_and_need_all_their_parts() {
    let mut peer = Peer::new();
    let right = peer.credentials("hush");
    let others = [
        "Basic YTpi",
        "Digest realm=\"carrier\", nonce=\"x\"",
        "Digest \"",
    ];
    let all: Vec<&str> = others.into_iter().chain([right.as_str()]).collect();
    assert_eq!(peer.judge(&all), Judgement::Right);

    let right = peer.credentials("hush");
    for (part, instead) in [
        ("qop=auth", "qop=auth-int"),
        ("qop=auth, ", ""),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=+0000001"),
        ("cnonce=", "c="),
        ("username=", "u="),
        ("uri=", "u="),
        ("response=", "r="),
        ("nonce=\"", "n=\""),
        ("algorithm=SHA-512-256", "algorithm=SHA-512-256-sess"),
    ] {
        let broken = right.replacen(part, instead, 1);
        assert_ne!(broken, right, "{part}");
        assert_eq!(peer.judge(&[&broken]), Judgement::Absent, "{broken}");
    }
    assert_eq!(
        peer.judge(&[&right]),
        Judgement::Right,
        "nothing was used up"
    );
}

#[test]
fn counts_are_hexadecimal_and_may_come_out_of_order() {
    let mut peer = Peer::new();
    let nonce = peer.nonce();
    let mut judged = |count: &str| {
        let credentials = by_hand(&nonce, count);
        peer.judge(&[&credentials])
    };
    for count in ["00000001", "00000009", "0000000a", "00000008", "000000FF"] {
        assert_eq!(judged(count), Judgement::Right, "{count}");
        assert_eq!(judged(count), Judgement::Stale, "{count} again");
    }
    assert_eq!(judged("00000000"), Judgement::Stale);
}

impl Peer {
    fn nonce(&mut self) -> String {
        let challenge = self.challenges(false).remove(0);
        let nonce = challenge.split("nonce=\"").nth(1).unwrap();
        nonce.split('"').next().unwrap().to_owned()
    }
}

/// Credentials with a nonce count of our choice.
fn by_hand(nonce: &str, count: &str) -> String {
    let asked = Asked {
        realm: REALM,
        nonce,
        method: "INVITE",
        uri: URI,
        counted: Some((count, "c")),
    };
    let response = Algorithm::Md5.response("studio", "hush", &asked);
    format!(
        "Digest username=\"studio\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{URI}\", response=\"{response}\", \
         qop=auth, nc={count}, cnonce=\"c\""
    )
}

proptest! {
    #[test]
    fn nobody_gets_in_by_chance(credentials in "Digest realm=\"?sip\"?(, ?[a-z]{1,8}=\"?[a-zA-Z0-9]{0,32}\"?){0,9}|.{0,200}") {
        prop_assert_ne!(Peer::new().judge(&[&credentials]), Judgement::Right);
    }

    #[test]
    fn one_changed_octet_is_not_right(at in 0..400_usize, by in 1..127_u8) {
        let mut peer = Peer::new();
        let right = peer.credentials("hush");
        let mut octets = right.clone().into_bytes();
        let at = at % octets.len();
        octets[at] = (octets[at] + by) % 128;
        let changed = String::from_utf8(octets).unwrap();
        // Names are read in any case, white space and `opaque` are of no account.
        prop_assume!(!changed.eq_ignore_ascii_case(&right));
        let harmless = [", opaque=\"", "\"0\"", " "];
        let kept: Vec<&str> = harmless.into_iter().filter(|part| !changed.contains(part)).collect();
        prop_assume!(kept.is_empty());
        let near_blank = right.as_bytes()[at] == b' ' || right.as_bytes()[at] == b',';
        if !near_blank {
            prop_assert_ne!(peer.judge(&[&changed]), Judgement::Right, "{}", changed);
        }
    }
}
