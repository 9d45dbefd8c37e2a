//! Ports, and how browsers reach us.

use std::net::SocketAddr;

use crate::{
    check::Finding,
    config::Config,
    net::{address, tcp, udp},
};

pub(super) fn ports(config: &Config) -> Vec<Finding> {
    let bind = address::listening(config.http.bind);
    let tcp = |port: u16| tcp::bind(SocketAddr::new(bind, port)).map(drop);
    let udp = |port: u16| udp::bind(SocketAddr::new(bind, port)).map(drop);
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
    if !config.sip.tls.pairs.is_empty() {
        let port = config.sip.tls.port;
        look("SIP_TLS_PORT", port, "tcp", tcp(port));
    }
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
