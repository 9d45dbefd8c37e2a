//! The names that peers find us by.

use super::Endpoint;
use crate::sip::{Source, Transport};

impl Endpoint {
    /// Host and port of Via and Contact on the flow of `source`.
    pub(super) fn sent_by(&self, source: &Source) -> String {
        let ip = source.local.ip().to_canonical();
        let host = if ip.is_ipv6() {
            &self.config.host_v6
        } else {
            &self.config.host_v4
        };
        let host = host.clone().unwrap_or_else(|| ip.to_string());
        let port = match source.transport {
            Transport::Udp => self.config.udp_port,
            Transport::Tcp => self.config.tcp_port,
            Transport::Tls => self.config.tls_port,
        };
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Our Contact on the flow of `source`.
    pub(super) fn contact(&self, source: &Source, secure: bool) -> String {
        let scheme = if secure { "sips" } else { "sip" };
        let sent_by = self.sent_by(source);
        match source.transport {
            Transport::Udp => format!("<{scheme}:{sent_by}>"),
            Transport::Tcp => format!("<{scheme}:{sent_by};transport=tcp>"),
            Transport::Tls => format!("<{scheme}:{sent_by};transport=tls>"),
        }
    }
}
