//! The one who is asked: credentials for a challenge.

use super::Login;
use super::algorithm::{Algorithm, Asked};
use super::params::{Params, quoted};

/// The credentials for a request with this method and Request-URI: they answer the first of `challenges` (values of
/// `WWW-Authenticate` or `Proxy-Authenticate`) that can be answered (RFC 8760 section 2.4). `client_nonce` is random and new each
/// time; the nonce count is 1, since every challenge is answered once. `None` when no challenge can be answered.
pub fn answer<'a>(
    login: &Login,
    method: &str,
    uri: &str,
    mut challenges: impl Iterator<Item = &'a str>,
    client_nonce: &str,
) -> Option<String> {
    challenges.find_map(|challenge| {
        let params = Params::read(challenge)?;
        answered(login, method, uri, &params, client_nonce)
    })
}

/// Whether one of these challenges says that the credentials were right and their nonce too old (RFC 7616 section 3.3).
pub fn is_stale<'a>(mut challenges: impl Iterator<Item = &'a str>) -> bool {
    challenges.any(|challenge| {
        let params = Params::read(challenge);
        let stale = params.as_ref().and_then(|params| params.find("stale"));
        stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    })
}

fn answered(
    login: &Login,
    method: &str,
    uri: &str,
    params: &Params<'_>,
    client_nonce: &str,
) -> Option<String> {
    const COUNT: &str = "00000001";
    let (realm, nonce) = (params.find("realm")?, params.find("nonce")?);
    let algorithm = Algorithm::from_token(params.find("algorithm").unwrap_or("MD5"))?;
    let is_counted = match params.find("qop") {
        Some(offered) => {
            let mut offered = offered.split(',').map(str::trim);
            offered
                .any(|qop| qop.eq_ignore_ascii_case("auth"))
                .then_some(true)?
        }
        // As before RFC 2617.
        None => false,
    };
    let asked = Asked {
        realm,
        nonce,
        method,
        uri,
        counted: is_counted.then_some((COUNT, client_nonce)),
    };
    let response = algorithm.response(&login.user, &login.password, &asked);
    let mut credentials = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
        quoted(&login.user),
        quoted(realm),
        quoted(nonce),
        quoted(uri),
        algorithm.token(),
    );
    if is_counted {
        credentials += &format!(", qop=auth, nc={COUNT}, cnonce={}", quoted(client_nonce));
    }
    if let Some(opaque) = params.find("opaque") {
        credentials += &format!(", opaque={}", quoted(opaque));
    }
    Some(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login {
            user: "Mufasa".into(),
            password: "Circle of Life".into(),
        }
    }

    fn answer_to(challenges: &[&str]) -> Option<String> {
        let client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let challenges = challenges.iter().copied();
        answer(&login(), "GET", "/dir/index.html", challenges, client_nonce)
    }

    /// RFC 7616 section 3.9.1.
    const CHALLENGE: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
        nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn the_first_challenge_that_can_be_answered_is() {
        let credentials = answer_to(&[
            "Basic realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=AKAv1-MD5",
            "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
            CHALLENGE,
            "Digest realm=\"weaker\", nonce=\"y\"",
        ])
        .unwrap();
        for part in [
            "username=\"Mufasa\"",
            "realm=\"http-auth@example.org\"",
            "uri=\"/dir/index.html\"",
            "algorithm=SHA-256",
            "nc=00000001",
            "qop=auth",
            "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
            "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        ] {
            assert!(credentials.contains(part), "{part} in {credentials}");
        }
        assert_eq!(answer_to(&[]), None);
        assert_eq!(answer_to(&["Digest nonce=\"y\""]), None);
    }

    #[test]
    fn a_peer_from_before_rfc_2617_gets_no_count() {
        let credentials = answer_to(&["Digest realm=\"x\", nonce=\"y\""]).unwrap();
        assert!(credentials.contains("algorithm=MD5"), "{credentials}");
        assert!(!credentials.contains("cnonce") && !credentials.contains("qop"));
    }
}
