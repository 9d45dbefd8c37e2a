//! Ports, and the addresses by which the world reaches us.

use std::net::{IpAddr, TcpListener, UdpSocket};

use crate::{check::Finding, config::Config, net::address};

pub(super) fn ports(config: &Config) -> Vec<Finding> {
    let bind = config.http.bind;
    let tcp = |port: u16| TcpListener::bind((bind, port)).map(drop);
    let udp = |port: u16| UdpSocket::bind((bind, port)).map(drop);
    let mut findings = Vec::new();
    let mut look = |name: &str, port: u16, transport: &str, free: std::io::Result<()>| {
        findings.push(match free {
            Ok(()) => Finding::Good(format!("{name} {port}/{transport} is free.")),
            Err(error) => Finding::Wrong(format!(
                "{name} {port}/{transport} cannot be opened ({error}). Is audioroad running already, or another program?"
            )),
        });
    };
    look("PORT", config.http.port, "tcp", tcp(config.http.port));
    look(
        "HEALTH_PORT",
        config.http.health_port,
        "tcp",
        tcp(config.http.health_port),
    );
    look("SIP_PORT", config.sip.port, "udp", udp(config.sip.port));
    look("SIP_PORT", config.sip.port, "tcp", tcp(config.sip.port));
    // With a LiveKit server, browsers send their audio there.
    if config.livekit.url.is_none() {
        let port = config.livekit.udp_port;
        look("RTC_UDP_PORT", port, "udp", udp(port));
    }
    let (first, last) = config.media.rtp_ports;
    let even: Vec<u16> = (first..=last).filter(|port| port % 2 == 0).collect();
    let taken = even.iter().filter(|&&port| udp(port).is_err()).count();
    let calls = even.len() - taken;
    findings.push(match (calls, taken) {
        (0, _) => Finding::Wrong(format!(
            "RTP_PORT_RANGE {first}-{last} has no free port: no call can have audio."
        )),
        (_, 0) => Finding::Good(format!(
            "RTP_PORT_RANGE {first}-{last} is free: {calls} calls at once."
        )),
        (_, _) => Finding::Warning(format!(
            "RTP_PORT_RANGE {first}-{last}: {taken} ports are taken; {calls} calls at once."
        )),
    });
    findings
}

/// Whether the world cannot reach the address: private, shared (RFC 6598), local to the link, or for documentation.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            let local =
                ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
            local || shared || ip.is_documentation()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

pub(super) fn public_address(config: &Config) -> Finding {
    let interface = address::default_interface();
    match config.sip.public_ip {
        Some(ip) if is_private(ip) => Finding::Warning(format!(
            "PUBLIC_IP {ip} is a private address: telephone carriers cannot send audio there."
        )),
        Some(ip) => Finding::Good(format!(
            "PUBLIC_IP {ip} goes into SIP, SDP and ICE. Its UDP ports must be open to the world."
        )),
        None if is_private(interface) => Finding::Warning(format!(
            "PUBLIC_IP is not set and this machine's address is {interface}, a private one: callers from outside would hear nothing. \
             Set PUBLIC_IP to the address the world reaches."
        )),
        None => Finding::Good(format!(
            "PUBLIC_IP is not set; this machine's address {interface} is used."
        )),
    }
}

pub(super) fn public_url(config: &Config) -> Finding {
    match &config.http.public_url {
        Some(url) if url.starts_with("https://") => Finding::Good(format!("PUBLIC_URL is {url}.")),
        Some(url) => Finding::Warning(format!(
            "PUBLIC_URL {url} is not https: browsers give no microphone to such a page, except on this machine."
        )),
        None => Finding::Warning(
            "PUBLIC_URL is not set: dashboards work on this machine only (browsers want https for the microphone).".into(),
        ),
    }
}
