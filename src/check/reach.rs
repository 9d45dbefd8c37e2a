//! Whether the world can reach us: addresses, ports, the way back through the router. Nobody outside is asked.

use std::net::{IpAddr, SocketAddr};

use crate::{
    actors::random,
    check::Finding,
    config::Config,
    net::{address, reach, udp},
};

/// Port pairs that a station with its limits may need and a few more for calls that come and go.
const SPARE_PORTS: usize = 10;

/// Everything about addresses and audio ports.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let own = address::interfaces();
    let mut findings = addresses(config, &own);
    findings.extend(bound(config, &own));
    findings.extend(audio_ports(config));
    findings
}

/// What `PUBLIC_IP` says, against the interfaces.
fn addresses(config: &Config, own: &[IpAddr]) -> Vec<Finding> {
    let public = config.sip.public_ip;
    if public.first().is_none() {
        return vec![unset(address::default_interface())];
    }
    public
        .all()
        .map(|ip| match reach::unreachable(ip) {
            Some(reach::Unreachable::LinkLocal) => Finding::Wrong(format!(
                "PUBLIC_IP {ip} is a link-local address: nobody beyond this cable can send audio there. Set the address that the \
                 world reaches."
            )),
            Some(why) => Finding::Warning(format!(
                "PUBLIC_IP {ip} is {}: telephone carriers cannot send audio there.",
                why.label()
            )),
            None if own.contains(&ip) => Finding::Good(format!(
                "PUBLIC_IP {ip} is an address of this machine. SIP_PORT and RTP_PORT_RANGE must be open to the world."
            )),
            None => Finding::Good(format!(
                "PUBLIC_IP {ip} is no address of this machine, so a router must forward SIP_PORT and RTP_PORT_RANGE to {}.",
                address::default_interface()
            )),
        })
        .collect()
}

fn unset(interface: IpAddr) -> Finding {
    match reach::unreachable(interface) {
        Some(why) => Finding::Warning(format!(
            "PUBLIC_IP is not set and this machine's address is {interface}, {}: callers from outside would hear nothing. Set \
             PUBLIC_IP to the address the world reaches.",
            why.label()
        )),
        None => Finding::Good(format!(
            "PUBLIC_IP is not set; this machine's address {interface} is used."
        )),
    }
}

/// Whether the listeners are where the public address leads.
fn bound(config: &Config, own: &[IpAddr]) -> Option<Finding> {
    let bind = config.http.bind;
    if bind.is_loopback() {
        return Some(Finding::Warning(format!(
            "BIND is {bind}: nobody but this machine can call, and no browser elsewhere can join."
        )));
    }
    if !bind.is_unspecified() && !own.contains(&bind) {
        return Some(Finding::Wrong(format!(
            "BIND {bind} is no address of this machine. Its addresses are {}.",
            list(own)
        )));
    }
    let unserved = |ip: &IpAddr| bind.is_ipv4() && ip.is_ipv6();
    let ip = config.sip.public_ip.all().find(unserved)?;
    Some(Finding::Wrong(format!(
        "PUBLIC_IP has {ip}, but BIND {bind} listens for IPv4 alone. Leave BIND out, or leave the IPv6 address out."
    )))
}

/// Sends a packet to the public address and looks whether it comes back. The SIP port must be free.
pub(super) fn hairpin(config: &Config) -> Vec<Finding> {
    let port = SocketAddr::new(address::listening(config.http.bind), config.sip.port);
    let Ok(socket) = udp::bind(port) else {
        // Said elsewhere: the port is taken.
        return Vec::new();
    };
    let own = address::interfaces();
    let elsewhere = |ip: &IpAddr| reach::unreachable(*ip).is_none() && !own.contains(ip);
    let asked = config.sip.public_ip.all().filter(elsewhere);
    asked
        .map(|ip| match reach::comes_back(&socket, ip, random::u64()) {
            Ok(true) => Finding::Good(format!(
                "A packet to {ip}:{} comes back to us: the router forwards SIP_PORT.",
                port.port()
            )),
            Ok(false) => Finding::Warning(format!(
                "A packet from here to {ip}:{} did not come back. Either SIP_PORT (UDP) is not forwarded to this machine, or the \
                 router does not turn packets round, which is common and harmless. A call from outside will tell.",
                port.port()
            )),
            Err(error) => Finding::Warning(format!(
                "No packet can be sent to PUBLIC_IP {ip} ({error}): is it in a family that this machine has no way out for?"
            )),
        })
        .collect()
}

/// Whether there are enough ports for audio, and nobody else takes them.
fn audio_ports(config: &Config) -> Vec<Finding> {
    let (first, last) = config.media.rtp_ports;
    let range = first..=last;
    let mut findings = Vec::new();
    let limits = config.station.limits;
    let wanted = [limits.lobby, limits.hold, limits.live];
    let wanted = wanted.iter().sum::<usize>() + SPARE_PORTS;
    let calls = range.clone().filter(|port| port % 2 == 0).count();
    if calls < wanted {
        findings.push(Finding::Warning(format!(
            "RTP_PORT_RANGE {first}-{last} has ports for {calls} calls; the rooms' limits and a few who come and go add up to \
             {wanted}. Callers beyond the ports are refused."
        )));
    }
    let Some(ephemeral) = reach::ephemeral_ports() else {
        return findings;
    };
    let overlap = first <= *ephemeral.end() && *ephemeral.start() <= last;
    if overlap && !reach::are_reserved(&range) {
        findings.push(Finding::Warning(format!(
            "RTP_PORT_RANGE {first}-{last} overlaps the ports {}-{} that the system gives to any program: now and then one will be \
             taken. Move the range below {}, or reserve it: sysctl net.ipv4.ip_local_reserved_ports={first}-{last}.",
            ephemeral.start(),
            ephemeral.end(),
            ephemeral.start()
        )));
    }
    findings
}

fn list(ips: &[IpAddr]) -> String {
    let texts: Vec<String> = ips.iter().map(IpAddr::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn config(settings: &[(&str, &str)]) -> Config {
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let read = move |name: &str| {
            let found = settings.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        Config::read(&Source::new("", read).unwrap()).unwrap()
    }

    fn said(settings: &[(&str, &str)]) -> String {
        let config = config(settings);
        let own = ["192.168.1.7".parse().unwrap(), "54.1.2.3".parse().unwrap()];
        let mut all = addresses(&config, &own);
        all.extend(bound(&config, &own));
        all.extend(audio_ports(&config));
        format!("{all:?}")
    }

    #[test]
    fn what_public_ip_says_is_held_against_the_machine() {
        for (settings, words) in [
            (
                [("PUBLIC_IP", "fe80::1")],
                "Wrong(\"PUBLIC_IP fe80::1 is a link-local",
            ),
            (
                [("PUBLIC_IP", "192.168.1.7")],
                "Warning(\"PUBLIC_IP 192.168.1.7 is a private",
            ),
            ([("PUBLIC_IP", "100.64.3.4")], "the provider's own NAT"),
            (
                [("PUBLIC_IP", "54.1.2.3")],
                "Good(\"PUBLIC_IP 54.1.2.3 is an address of this machine",
            ),
            (
                [("PUBLIC_IP", "54.9.9.9")],
                "a router must forward SIP_PORT",
            ),
            ([("BIND", "127.0.0.1")], "nobody but this machine"),
            (
                [("BIND", "54.9.9.9")],
                "BIND 54.9.9.9 is no address of this machine",
            ),
        ] {
            let said = said(&settings);
            assert!(said.contains(words), "{settings:?}: {said}");
        }
        let both = [("BIND", "0.0.0.0"), ("PUBLIC_IP", "54.1.2.3,2a00::1")];
        assert!(said(&both).contains("listens for IPv4 alone"));
        let private = format!("{:?}", unset("192.168.1.7".parse().unwrap()));
        assert!(private.contains("Warning") && private.contains("192.168.1.7"));
        assert!(matches!(
            unset("54.1.2.3".parse().unwrap()),
            Finding::Good(_)
        ));
    }

    #[test]
    fn audio_ports_are_enough_and_ours_alone() {
        let few = said(&[("RTP_PORT_RANGE", "10000-10099")]);
        assert!(
            few.contains("ports for 50 calls") && few.contains("180"),
            "{few}"
        );
        let Some(ephemeral) = reach::ephemeral_ports() else {
            return; // No such file outside Linux.
        };
        let (first, last) = (ephemeral.start(), ephemeral.end());
        let overlapping = said(&[("RTP_PORT_RANGE", &format!("{first}-{last}"))]);
        let reserved = reach::are_reserved(&ephemeral);
        assert_eq!(
            overlapping.contains("overlaps the ports"),
            !reserved,
            "{overlapping}"
        );
        let usual = said(&[]);
        let apart = *first > 20_000;
        assert_eq!(!usual.contains("overlaps"), apart, "{usual}");
    }
}
