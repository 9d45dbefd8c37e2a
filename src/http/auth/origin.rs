//! How the other side reaches us and from where: its page's origin, our own address as it sees it, its network address.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{HttpRequest, http::header};
use url::Url;

use crate::config::HttpConfig;

/// Whether the page that sent a request is ours: its Origin is the Host that it asked, or `PUBLIC_URL`. No Origin is not ours.
pub(in crate::http) fn same_origin(request: &HttpRequest, config: &HttpConfig) -> bool {
    own_origin(request, config).is_some()
}

/// Our address as the other side reaches it, without a path: its own page's origin, else `PUBLIC_URL`, else the Host it asked.
pub(in crate::http) fn base_url(request: &HttpRequest, config: &HttpConfig) -> String {
    let asked = || {
        let connection = request.connection_info();
        format!("{}://{}", connection.scheme(), connection.host())
    };
    own_origin(request, config)
        .or_else(|| config.public_url.clone())
        .unwrap_or_else(asked)
}

/// [`base_url`] for a WebSocket.
pub(in crate::http) fn ws_url(request: &HttpRequest, config: &HttpConfig) -> String {
    let base = base_url(request, config);
    // http -> ws, https -> wss
    base.strip_prefix("http")
        .map(|rest| format!("ws{rest}"))
        .unwrap_or(base)
}

/// Whether the other side reaches us by TLS, so that a cookie may be told to keep to it.
pub(in crate::http) fn is_secure(request: &HttpRequest, config: &HttpConfig) -> bool {
    base_url(request, config).starts_with("https://")
        || request.connection_info().scheme() == "https"
}

/// The address that guesses are counted under. A proxy beside us appends its client's to `X-Forwarded-For`; from anybody else
/// that header is only a claim.
pub(in crate::http) fn peer(request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| {
            address.ip().to_canonical()
        });
    let beside_us = match peer {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    };
    let forwarded = request
        .headers()
        .get(header::X_FORWARDED_FOR)
        .and_then(|value| value.to_str().ok());
    let client = forwarded
        .and_then(|list| list.rsplit(',').next())
        .and_then(|last| last.trim().parse().ok());
    client.filter(|_| beside_us).unwrap_or(peer)
}

fn own_origin(request: &HttpRequest, config: &HttpConfig) -> Option<String> {
    let text = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let origin = Url::parse(text(header::ORIGIN)?)
        .ok()
        .filter(Url::has_host)?;
    let asked = text(header::HOST)
        .and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    let public = config
        .public_url
        .as_deref()
        .and_then(|url| Url::parse(url).ok());
    let ours = [asked, public]
        .into_iter()
        .flatten()
        .any(|own| own.origin() == origin.origin());
    ours.then(|| origin.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn config(public_url: Option<&str>) -> HttpConfig {
        HttpConfig {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            health_port: 0,
            public_url: public_url.map(str::to_owned),
            admin_token: None,
        }
    }

    fn request(headers: &[(&str, &str)]) -> HttpRequest {
        let request = TestRequest::default();
        headers
            .iter()
            .fold(request, |request, &(name, value)| {
                request.insert_header((name, value))
            })
            .to_http_request()
    }

    #[test]
    fn only_our_own_pages_have_our_origin() {
        let public = config(Some("https://radio.example.org"));
        for (host, origin, ours) in [
            ("127.0.0.1:3001", "http://127.0.0.1:3001", true),
            ("radio.example.org", "https://radio.example.org:443", true),
            ("127.0.0.1:3001", "https://radio.example.org", true),
            ("127.0.0.1:3001", "http://radio.example.org", false),
            ("127.0.0.1:3001", "http://127.0.0.1:3002", false),
            ("127.0.0.1:3001", "http://evil.example", false),
            (
                "radio.example.org",
                "https://radio.example.org.evil.example",
                false,
            ),
            ("radio.example.org", "null", false),
            ("radio.example.org", "", false),
            ("radio.example.org", "file:///etc", false),
        ] {
            let request = request(&[("host", host), ("origin", origin)]);
            assert_eq!(same_origin(&request, &public), ours, "{host} {origin}");
        }
        assert!(
            !same_origin(&request(&[("host", "radio.example.org")]), &public),
            "no Origin at all"
        );
    }

    #[test]
    fn browsers_are_sent_where_they_came_from_and_scripts_to_the_public_address() {
        let public = config(Some("https://radio.example.org"));
        let from_lan = request(&[
            ("host", "10.0.0.5:3001"),
            ("origin", "http://10.0.0.5:3001"),
        ]);
        assert_eq!(ws_url(&from_lan, &public), "ws://10.0.0.5:3001");
        assert!(!is_secure(&from_lan, &public));
        let script = request(&[("host", "127.0.0.1:3001")]);
        assert_eq!(ws_url(&script, &public), "wss://radio.example.org");
        assert_eq!(ws_url(&script, &config(None)), "ws://127.0.0.1:3001");
        let proxied = request(&[("host", "10.0.0.5:3001"), ("x-forwarded-proto", "https")]);
        assert!(is_secure(&proxied, &config(None)));
    }

    #[test]
    fn only_a_proxy_beside_us_is_believed_about_its_client() {
        let from = |peer: &str| {
            TestRequest::default()
                .peer_addr(format!("{peer}:4000").parse().unwrap())
                .insert_header(("x-forwarded-for", "1.1.1.1, 198.51.100.7"))
                .to_http_request()
        };
        assert_eq!(peer(&from("127.0.0.1")).to_string(), "198.51.100.7");
        assert_eq!(peer(&from("203.0.113.9")).to_string(), "203.0.113.9");
    }
}
