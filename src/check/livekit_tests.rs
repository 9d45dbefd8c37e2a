use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use super::*;
use crate::config::Source;

/// A server that says one thing to everybody, for as long as it is asked.
#[expect(clippy::disallowed_methods, reason = "ends with the test")]
fn server(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            // A connection that only looks whether somebody is here sends nothing.
            if connection.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                let _ = connection.write_all(answer);
            }
        }
    });
    port
}

fn checked(settings: &[(&str, &str)]) -> Vec<Finding> {
    let given: Vec<(String, String)> = [
        ("LIVEKIT_API_KEY", "key"),
        ("LIVEKIT_API_SECRET", "hush-hush"),
    ]
    .iter()
    .chain(settings)
    .map(|&(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let read = move |name: &str| {
        let found = given.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    rooms(&Config::read(&Source::new("", read).unwrap()).unwrap())
}

/// What is wrong, in one text.
fn wrong(settings: &[(&str, &str)]) -> String {
    let findings = checked(settings);
    let texts = findings.iter().filter_map(|finding| match finding {
        Finding::Wrong(text) => Some(text.as_str()),
        Finding::Good(_) | Finding::Warning(_) => None,
    });
    let texts = texts.collect::<Vec<_>>().join("\n");
    assert!(!texts.contains("hush-hush"), "{texts}");
    texts
}

fn url(text: &str) -> LiveKitUrl {
    text.parse().unwrap()
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let text = wrong(&[("LIVEKIT_URL", "ws://127.0.0.1:9")]);
    assert!(
        text.contains("ws://127.0.0.1:9") && text.contains("refused"),
        "{text}"
    );
    let text = wrong(&[("LIVEKIT_URL", "wss://no-such-host.invalid")]);
    assert!(
        text.contains("no-such-host.invalid") && text.contains("DNS"),
        "{text}"
    );
}

#[test]
fn another_program_at_the_address_is_told_from_livekit() {
    for answer in [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnope!".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>".as_slice(),
    ] {
        let port = server(answer);
        let text = wrong(&[("LIVEKIT_URL", &format!("ws://127.0.0.1:{port}"))]);
        assert!(text.contains("is not LiveKit"), "{text}");
    }
}

#[test]
fn a_server_without_tls_is_told_from_a_bad_certificate() {
    let port = server(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let text = wrong(&[("LIVEKIT_URL", &format!("wss://localhost:{port}"))]);
    assert!(
        text.contains("does not speak TLS") || text.contains("refused"),
        "{text}"
    );
}

#[test]
fn a_key_that_is_refused_is_told_from_a_clock_that_is_wrong() {
    let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 53\r\nconnection: close\r\n\r\n\
        {\"code\":\"unauthenticated\",\"msg\":\"invalid API key: k\"}";
    let port = server(answer);
    let text = wrong(&[("LIVEKIT_URL", &format!("http://127.0.0.1:{port}"))]);
    assert!(text.contains("LiveKit refuses the API key"), "{text}");

    let refused = RoomError::Refused("validation failed, token not valid yet (nbf)".into());
    assert!(why_refused(&url("ws://lk"), &refused).contains("clock"));
}

#[test]
fn clocks_may_differ_by_half_a_minute() {
    let at = |ours_s: u64| clocks(ours_s * 1000, 1_000_000);
    assert!(matches!(at(1_000), Finding::Good(_)));
    assert!(matches!(at(1_030), Finding::Good(_)));
    assert!(matches!(at(1_031), Finding::Warning(text) if text.contains("31 s ahead")));
    assert!(matches!(at(939), Finding::Wrong(text) if text.contains("61 s behind")));
}

#[test]
fn plain_websockets_are_for_short_ways() {
    let is_good = |text: &str| matches!(encryption(&url(text)), Finding::Good(_));
    assert!(
        is_good("wss://lk.example.org")
            && is_good("ws://localhost:7880")
            && is_good("ws://[::1]:7880")
    );
    assert!(is_good("ws://10.1.2.3") && is_good("ws://[fd00::1]"));
    assert!(!is_good("ws://lk.example.org") && !is_good("ws://[2a00::1]"));
}

#[test]
fn pages_from_https_need_wss() {
    let pages = Some("https://radio.example.org");
    assert!(matches!(
        for_browsers(&url("ws://lk.example.org"), pages),
        Finding::Wrong(_)
    ));
    assert!(matches!(
        for_browsers(&url("wss://lk.example.org"), pages),
        Finding::Good(_)
    ));
    assert!(matches!(
        for_browsers(&url("wss://localhost"), pages),
        Finding::Warning(_)
    ));
    assert!(matches!(
        for_browsers(&url("ws://localhost:7880"), None),
        Finding::Good(_)
    ));
}

#[test]
fn certificates_are_explained() {
    let why = |error: &str| unreachable(&url("wss://lk"), error);
    assert!(why("invalid peer certificate: UnknownIssuer").contains("trusts"));
    assert!(why("invalid peer certificate: Expired").contains("expired"));
    assert!(why("invalid peer certificate: NotValidForName").contains("another name"));
    assert!(why("received corrupt message of type InvalidContentType").contains("ws://"));
}

#[test]
fn a_proxy_is_known_and_spared_hosts_too() {
    let proxy = |host: &str, set: &[(&str, &str)]| {
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        proxy_for(&url(host), variable)
    };
    let https = ("HTTPS_PROXY", "http://proxy:3128");
    assert_eq!(proxy("wss://lk.example.org", &[https]), Some("HTTPS_PROXY"));
    assert_eq!(proxy("ws://lk.example.org", &[https]), None);
    for spared in ["lk.example.org", ".example.org", "x, example.org", "*"] {
        assert_eq!(
            proxy("wss://lk.example.org", &[https, ("NO_PROXY", spared)]),
            None,
            "{spared}"
        );
    }
    assert_eq!(
        proxy("wss://lk.example.org", &[https, ("no_proxy", "ample.org")]),
        Some("HTTPS_PROXY")
    );
}
