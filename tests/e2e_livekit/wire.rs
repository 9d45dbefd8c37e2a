//! A wire that can be cut: a network namespace for a server, and between it and the machine another one that routes.
//!
//! ```text
//! the machine ── veth ── router ── veth ── server
//!                        rules drop here, both ways and without a word
//! ```
//!
//! Needs root and iproute2.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

/// What goes through no more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// Neither signalling nor media.
    Everything,
    /// UDP: media.
    Media,
    /// TCP: signalling, and media that avoids UDP.
    Signalling,
}

pub(crate) struct Wire {
    router: String,
    server: String,
    /// Its number in 10.213/16.
    net: u8,
}

impl Wire {
    /// Lays the wire, or says why not.
    pub(crate) fn lay() -> Result<Self, String> {
        let pid = std::process::id();
        let net = u8::try_from(pid % 250).unwrap_or(0);
        let wire = Self {
            router: format!("ar{net}r"),
            server: format!("ar{net}s"),
            net,
        };
        let (router, server) = (&wire.router, &wire.server);
        for line in [
            format!("netns add {router}"),
            format!("netns add {server}"),
            format!("link add ar{net}a type veth peer name ar{net}b netns {router}"),
            format!("-n {router} link add ar{net}c type veth peer name ar{net}d netns {server}"),
            format!("addr add 10.213.{net}.1/30 dev ar{net}a"),
            format!("-n {router} addr add 10.213.{net}.2/30 dev ar{net}b"),
            format!("-n {router} addr add 10.213.{net}.5/30 dev ar{net}c"),
            format!("-n {server} addr add 10.213.{net}.6/30 dev ar{net}d"),
            format!("link set ar{net}a up"),
            format!("-n {router} link set ar{net}b up"),
            format!("-n {router} link set ar{net}c up"),
            format!("-n {server} link set ar{net}d up"),
            format!("-n {server} link set lo up"),
            format!("route add 10.213.{net}.4/30 via 10.213.{net}.2"),
            format!("-n {server} route add default via 10.213.{net}.5"),
            format!("netns exec {router} sh -c"),
        ] {
            let mut words: Vec<&str> = line.split(' ').collect();
            if line.ends_with("sh -c") {
                words.push("echo 1 > /proc/sys/net/ipv4/ip_forward");
            }
            ip(&words)?;
        }
        Ok(wire)
    }

    /// Where the server lives.
    pub(crate) fn namespace(&self) -> &str {
        &self.server
    }

    /// The address of the server.
    pub(crate) fn address(&self) -> IpAddr {
        Ipv4Addr::new(10, 213, self.net, 6).into()
    }

    pub(crate) fn cut(&self, what: Cut) {
        self.rules("add", what);
    }

    pub(crate) fn mend(&self, what: Cut) {
        self.rules("del", what);
    }

    fn rules(&self, verb: &str, what: Cut) {
        let protocols: &[&str] = match what {
            Cut::Everything => &["udp", "tcp"],
            Cut::Media => &["udp"],
            Cut::Signalling => &["tcp"],
        };
        for protocol in protocols {
            let rule = ["rule", verb, "pref", "10", "ipproto", protocol, "blackhole"];
            let ran = ip(&[&["-n", &self.router], &rule[..]].concat());
            ran.expect("the router obeys");
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.router] {
            // What is in a namespace goes with it, the veths too.
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

fn ip(words: &[&str]) -> Result<(), String> {
    let ran = Command::new("ip").args(words).output();
    let ran = ran.map_err(|error| format!("ip: {error}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&ran.stderr);
    Err(format!("ip {}: {}", words.join(" "), why.trim()))
}
