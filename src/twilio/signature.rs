//! `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the form's parameters.
//!
//! Twilio signs the URL that it was told to call, at times with and at times without the port, and
//! writes `'` as `%27`. All of these are tried. A body that is not a form is covered by its SHA-256
//! in the URL's `bodySHA256`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether `header` is Twilio's signature of the request.
///
/// `url` is the public one with its query as received; for a WebSocket upgrade it begins with
/// `wss://`. `params` are the decoded parameters of a form body and empty else; `body` is the raw
/// body of anything but a form, which must then have its hash in the URL. Without an auth token
/// nothing is valid.
#[must_use]
pub fn verify(
    auth_token: &str,
    url: &str,
    params: &[(String, String)],
    body: Option<&[u8]>,
    header: &str,
) -> bool {
    let Ok(signature) = STANDARD.decode(header.trim()) else {
        return false;
    };
    if auth_token.is_empty() || !body.is_none_or(|body| body_is_covered(url, body)) {
        return false;
    }
    let params = canonical(if body.is_some() { &[] } else { params });
    variants(url).iter().fold(false, |valid, url| {
        valid | is_signed(auth_token, url, &params, &signature)
    })
}

fn is_signed(auth_token: &str, url: &str, params: &str, signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else {
        return false;
    };
    mac.update(url.as_bytes());
    mac.update(params.as_bytes());
    mac.verify_slice(signature).is_ok()
}

/// Names and values run together, sorted by name, repeated names by value and each value once.
fn canonical(params: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = params.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
        .into_iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()])
        .collect()
}

/// Whether the URL holds the hash of the body. An empty body needs none.
fn body_is_covered(url: &str, body: &[u8]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let claimed = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("bodySHA256="));
    let Some(claimed) = claimed else {
        return body.is_empty();
    };
    let hash: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hash.as_bytes()
        .ct_eq(claimed.to_ascii_lowercase().as_bytes())
        .into()
}

/// The forms of a URL that Twilio may have signed: without and with port, `'` raw and escaped.
fn variants(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host_port)) => (format!("{user}@"), host_port),
        None => (String::new(), authority),
    };
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ if matches!(scheme, "http" | "ws") => (host_port, "80"),
        _ => (host_port, "443"),
    };
    let forms = [
        format!("{scheme}://{user}{host}{path}"),
        format!("{scheme}://{user}{host}:{port}{path}"),
    ];
    let escaped = forms
        .iter()
        .filter(|url| url.contains('\''))
        .map(|url| url.replace('\'', "%27"));
    escaped.chain(forms.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "12345";
    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const URL_SIGNATURE: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    const JSON: &[u8] = br#"{"property": "value", "boolean": true}"#;
    const JSON_URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=\
                            0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    const JSON_SIGNATURE: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn form() -> Vec<(String, String)> {
        owned(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ])
    }

    #[test]
    fn every_known_signature_of_a_form_is_recognised() {
        for (url, signature) in [
            (URL, URL_SIGNATURE),
            (
                "https://mycompany.com:443/myapp.php?foo=1&bar=2",
                "kvajT1Ptam85bY51eRf/AJRuM3w=",
            ),
            (
                "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
                "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
            ),
            (
                "http://mycompany.com:80/myapp.php?foo=1&bar=2",
                "0ZXoZLH/DfblKGATFgpif+LLRf4=",
            ),
            (
                "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2",
                "CukzLTc1tT5dXEDIHm/tKBanW10=",
            ),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing",
                "TfZzewPq8wqrGlMfyAud8+/IvJ0=",
            ),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It%27s+amazing",
                "TfZzewPq8wqrGlMfyAud8+/IvJ0=",
            ),
        ] {
            assert!(verify(TOKEN, url, &form(), None, signature), "{url}");
            let mut reversed = form();
            reversed.reverse();
            assert!(
                verify(TOKEN, url, &reversed, None, signature),
                "{url}, any order"
            );
        }
    }

    #[test]
    fn the_port_may_be_left_out_or_added_on_either_side() {
        for (url, signature) in [
            (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
            (
                "https://mycompany.com:443/myapp.php?foo=1&bar=2",
                URL_SIGNATURE,
            ),
            (
                "https://mycompany.com:8443/myapp.php?foo=1&bar=2",
                URL_SIGNATURE,
            ),
            (
                "http://mycompany.com/myapp.php?foo=1&bar=2",
                "0ZXoZLH/DfblKGATFgpif+LLRf4=",
            ),
        ] {
            assert!(verify(TOKEN, url, &form(), None, signature), "{url}");
        }
        let other_port = "https://mycompany.com:8443/myapp.php?foo=1&bar=2";
        assert!(!verify(
            TOKEN,
            other_port,
            &form(),
            None,
            "kvajT1Ptam85bY51eRf/AJRuM3w="
        ));
    }

    #[test]
    fn ports_are_told_from_passwords_and_ipv6_addresses() {
        assert_eq!(
            variants("wss://u:99@[2001:db8::1]/a?b=c:1"),
            [
                "wss://u:99@[2001:db8::1]/a?b=c:1",
                "wss://u:99@[2001:db8::1]:443/a?b=c:1"
            ]
        );
        assert_eq!(
            variants("http://h?x=@:9"),
            ["http://h?x=@:9", "http://h:80?x=@:9"]
        );
        assert!(variants("no url").is_empty());
    }

    #[test]
    fn repeated_names_count_once_per_value() {
        let signature = "IK+Dwps556ElfBT0I3Rgjkr1wJU=";
        let params = owned(&[
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        assert!(verify(TOKEN, URL, &params, None, signature));
        assert!(verify(TOKEN, URL, &params[..4], None, signature));
        assert!(!verify(TOKEN, URL, &params[..3], None, signature));
    }

    #[test]
    fn another_body_is_covered_by_its_hash() {
        assert!(verify(TOKEN, JSON_URL, &[], Some(JSON), JSON_SIGNATURE));
        assert!(!verify(TOKEN, JSON_URL, &[], Some(b"{}"), JSON_SIGNATURE));
        assert!(!verify(TOKEN, JSON_URL, &[], Some(b""), JSON_SIGNATURE));
        let other_hash = JSON_URL.replace("0a1f", "0a2f");
        assert!(!verify(TOKEN, &other_hash, &[], Some(JSON), JSON_SIGNATURE));
    }

    #[test]
    fn a_body_cannot_ride_on_a_signature_that_does_not_cover_it() {
        let signature = STANDARD.encode(
            Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes())
                .unwrap()
                .chain_update(URL)
                .finalize()
                .into_bytes(),
        );
        assert!(verify(TOKEN, URL, &[], None, &signature));
        assert!(verify(TOKEN, URL, &[], Some(b""), &signature));
        assert!(!verify(TOKEN, URL, &[], Some(JSON), &signature));
    }

    #[test]
    fn forged_requests_are_refused() {
        let valid = |token: &str, url: &str, params: &[(String, String)], header: &str| {
            verify(token, url, params, None, header)
        };
        assert!(valid(TOKEN, URL, &form(), URL_SIGNATURE));
        assert!(!valid("12346", URL, &form(), URL_SIGNATURE));
        assert!(!valid(
            TOKEN,
            &URL.replace("bar=2", "bar=3"),
            &form(),
            URL_SIGNATURE
        ));
        assert!(!valid(
            TOKEN,
            &URL.replace("https", "http"),
            &form(),
            URL_SIGNATURE
        ));
        assert!(!valid(TOKEN, URL, &form()[1..], URL_SIGNATURE));
        let mut more = form();
        more.push(("Zone".into(), String::new()));
        assert!(!valid(TOKEN, URL, &more, URL_SIGNATURE));
        for header in [
            "",
            "=",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8",
            "RSOYDt4T",
            "RSOYDt4T1cUTdK1PDd93/VVr8B9=",
        ] {
            assert!(!valid(TOKEN, URL, &form(), header), "{header:?}");
        }
    }

    #[test]
    fn no_token_is_no_key() {
        let unkeyed = STANDARD.encode(
            Hmac::<Sha1>::new_from_slice(b"")
                .unwrap()
                .chain_update(URL)
                .finalize()
                .into_bytes(),
        );
        assert!(!verify("", URL, &[], None, &unkeyed));
    }

    proptest! {
        #[test]
        fn nothing_random_is_valid(url in ".{0,60}", header in ".{0,40}", body: Option<Vec<u8>>) {
            prop_assert!(!verify(TOKEN, &url, &form(), body.as_deref(), &header));
        }
    }
}
