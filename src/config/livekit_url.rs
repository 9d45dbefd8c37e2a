//! Where a LiveKit server is: one address, written `ws://` or `wss://`, that is spoken to by WebSocket and by HTTP.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

/// The address of a LiveKit server, without path and trailing slash. Shown as `ws://HOST[:PORT]` or `wss://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKitUrl {
    is_tls: bool,
    host: Host,
    port: Option<u16>,
}

/// A text that is no address of a LiveKit server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLiveKitUrl {
    /// Not a URL at all.
    #[error("{0}")]
    NotAUrl(#[from] url::ParseError),
    /// Another scheme, or no host.
    #[error("must be wss://HOST or ws://HOST (https and http mean the same)")]
    NotWebSocket,
    /// It holds a path, a query or a password, none of which LiveKit has.
    #[error("must end after the host and the port")]
    TooMuch,
}

impl LiveKitUrl {
    /// By HTTP: `https://HOST[:PORT]` or `http://HOST[:PORT]`, as LiveKit's API takes it.
    pub fn http(&self) -> String {
        self.written(if self.is_tls { "https" } else { "http" })
    }

    /// Whether what goes there is encrypted.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Host without brackets, for look-ups and for connecting.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        }
    }

    /// The host, when it is an address already.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
        }
    }

    /// The TCP port: 443 or 80 where none is written.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_tls { 443 } else { 80 })
    }

    fn written(&self, scheme: &str) -> String {
        match self.port {
            Some(port) => format!("{scheme}://{}:{port}", self.host),
            None => format!("{scheme}://{}", self.host),
        }
    }
}

impl fmt::Display for LiveKitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(if self.is_tls { "wss" } else { "ws" }))
    }
}

impl FromStr for LiveKitUrl {
    type Err = BadLiveKitUrl;

    fn from_str(text: &str) -> Result<Self, BadLiveKitUrl> {
        let url = Url::parse(text.trim())?;
        let is_tls = match url.scheme() {
            "wss" | "https" => true,
            "ws" | "http" => false,
            _ => return Err(BadLiveKitUrl::NotWebSocket),
        };
        let host = url.host().ok_or(BadLiveKitUrl::NotWebSocket)?.to_owned();
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_bare {
            return Err(BadLiveKitUrl::TooMuch);
        }
        Ok(Self {
            is_tls,
            host,
            port: url.port(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> LiveKitUrl {
        text.parse().unwrap()
    }

    #[test]
    fn every_scheme_and_kind_of_host_reads_as_one_server() {
        for (text, by_websocket, by_http, port) in [
            (
                "wss://lk.example.org",
                "wss://lk.example.org",
                "https://lk.example.org",
                443,
            ),
            (
                "https://lk.example.org/",
                "wss://lk.example.org",
                "https://lk.example.org",
                443,
            ),
            (
                "ws://127.0.0.1:7880",
                "ws://127.0.0.1:7880",
                "http://127.0.0.1:7880",
                7880,
            ),
            ("http://lk", "ws://lk", "http://lk", 80),
            (
                "ws://[::1]:7880/",
                "ws://[::1]:7880",
                "http://[::1]:7880",
                7880,
            ),
        ] {
            let url = read(text);
            assert_eq!(
                (url.to_string().as_str(), url.http().as_str(), url.port()),
                (by_websocket, by_http, port)
            );
            assert_eq!(read(&url.to_string()), url, "reads back");
        }
    }

    #[test]
    fn a_host_that_is_an_address_is_known_as_one() {
        assert_eq!(read("ws://[::1]:7880").host(), "::1");
        assert_eq!(
            read("ws://[::1]:7880").ip(),
            Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))
        );
        assert_eq!(read("wss://lk.example.org").ip(), None);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "lk.example.org",
            "ftp://lk.example.org",
            "wss://",
            "wss://lk.example.org/rtc",
            "wss://lk.example.org?x=1",
            "wss://me:secret@lk.example.org",
            "localhost:7880",
        ] {
            assert!(text.parse::<LiveKitUrl>().is_err(), "{text}");
        }
    }
}
