//! Who may speak SIP to us: addresses of the allow-list, and guests who once brought a token of our own TwiML.
//! Everybody else gets silence, and costs a look at their address.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use rsip::{Header, SipMessage};

use crate::{
    actors::clock,
    domain::CallId,
    net::address,
    sip::{
        Framing, Incoming, parse,
        trunk::{Allow, StrangerLimits, Strangers},
    },
    twilio::token::TokenKey,
};

/// Guests at most; the oldest goes first.
const GUESTS_MAX: usize = 1024;
/// How long a token lets its address speak: longer than any call lasts.
const GUEST_STAYS: Duration = Duration::from_secs(24 * 3600);
/// The headers that our TwiML makes the carrier send: our id of the call, and the token for it.
const CALL: &str = "X-Call-Id";
const TOKEN: &str = "X-Call-Token";

/// What the gate is told once.
pub struct GateSettings {
    /// Addresses that may call.
    pub allow: Allow,
    /// The key of our tokens.
    pub tokens: TokenKey,
    /// Our address, when the sockets listen on all of them.
    pub public_ip: Option<IpAddr>,
}

/// Decides whose messages are read.
pub struct Gate {
    settings: GateSettings,
    strangers: Strangers,
    guests: HashMap<IpAddr, Instant>,
}

impl Gate {
    /// A gate that has seen nobody yet.
    pub fn new(settings: GateSettings) -> Self {
        Self {
            settings,
            strangers: Strangers::new(StrangerLimits::default()),
            guests: HashMap::new(),
        }
    }

    /// Whether the address is on the list.
    pub fn is_trusted(&self, peer: IpAddr) -> bool {
        self.settings.allow.admits(peer).is_some()
    }

    /// Whether a message is read; the reason for the counter when not.
    pub fn lets_in(
        &mut self,
        now: Instant,
        peer: IpAddr,
        bytes: &[u8],
    ) -> Result<(), &'static str> {
        if self.is_trusted(peer) || self.guests.contains_key(&peer) {
            return Ok(());
        }
        if !self.strangers.admits(now, peer) {
            return Err("stranger-flood");
        }
        let Ok(inbound) = parse(bytes, Framing::Datagram) else {
            return Err("stranger");
        };
        let headers = match &inbound.msg {
            SipMessage::Request(request) => &request.headers,
            SipMessage::Response(_) => return Err("stranger"),
        };
        let header = |wanted: &str| {
            headers.iter().find_map(|header| {
                let Header::Other(name, value) = header else {
                    return None;
                };
                name.eq_ignore_ascii_case(wanted).then_some(value.as_str())
            })
        };
        let (call, token) = header(CALL).zip(header(TOKEN)).ok_or("stranger")?;
        self.verify(call, token).ok_or("stranger")?;
        self.welcome(now, peer);
        Ok(())
    }

    /// The call that a token in the INVITE names, if the token is ours.
    pub fn known_call(&mut self, now: Instant, request: &Incoming) -> Option<CallId> {
        let call = self.verify(request.header(CALL)?, request.header(TOKEN)?)?;
        if !self.is_trusted(request.source().from.ip()) {
            self.welcome(now, request.source().from.ip());
        }
        Some(call)
    }

    /// Lets go of guests whose day is over.
    pub fn forget_old_guests(&mut self, now: Instant) {
        self.guests
            .retain(|_, since| now.saturating_duration_since(*since) < GUEST_STAYS);
    }

    /// Our address as the peer sees it, where the socket itself does not say.
    pub fn local_address(&self, bound: SocketAddr, peer: SocketAddr) -> SocketAddr {
        if !bound.ip().is_unspecified() {
            return bound;
        }
        let ip = self
            .settings
            .public_ip
            .or_else(|| address::facing(peer))
            .unwrap_or(bound.ip());
        SocketAddr::new(ip, bound.port())
    }

    fn verify(&self, call: &str, token: &str) -> Option<CallId> {
        // The row of the call binds the carrier's id, so the token need not.
        self.settings
            .tokens
            .verify(token, call, "", clock::unix_ms() / 1000)
            .ok()?;
        call.parse().ok()
    }

    fn welcome(&mut self, now: Instant, peer: IpAddr) {
        if self.guests.len() >= GUESTS_MAX {
            let oldest = self
                .guests
                .iter()
                .min_by_key(|(_, since)| **since)
                .map(|(ip, _)| *ip);
            oldest.map(|ip| self.guests.remove(&ip));
        }
        self.guests.insert(peer, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn gate(allow: &str) -> Gate {
        let tokens = TokenKey::new(&KEY);
        Gate::new(GateSettings {
            allow: Allow::parse(allow).unwrap(),
            tokens,
            public_ip: None,
        })
    }

    fn invite(headers: &str) -> Vec<u8> {
        format!(
            "INVITE sip:lobby@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:lobby@example.org>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@203.0.113.9>\r\n{headers}\
             Content-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    fn with_token(call: CallId, lifetime_s: u32, key: &[u8; 32]) -> Vec<u8> {
        let token =
            TokenKey::new(key).make(&call.to_string(), "", clock::unix_ms() / 1000, lifetime_s);
        invite(&format!("X-Call-Id: {call}\r\nX-Call-Token: {token}\r\n"))
    }

    fn stranger() -> IpAddr {
        IpAddr::from([203, 0, 113, 9])
    }

    #[test]
    fn the_list_speaks_and_strangers_meet_silence() {
        let mut gate = gate("198.51.100.0/24");
        let now = clock::now();
        assert_eq!(
            gate.lets_in(now, IpAddr::from([198, 51, 100, 7]), b"anything"),
            Ok(())
        );
        assert_eq!(gate.lets_in(now, stranger(), &invite("")), Err("stranger"));
        assert_eq!(gate.lets_in(now, stranger(), b"\x00\xff"), Err("stranger"));
        assert_eq!(
            gate.lets_in(now, IpAddr::from([127, 0, 0, 1]), &invite("")),
            Err("stranger")
        );
    }

    #[test]
    fn our_own_token_lets_its_bearer_in_and_stay_for_the_call() {
        let mut gate = gate("198.51.100.0/24");
        let now = clock::now();
        assert_eq!(
            gate.lets_in(now, stranger(), &with_token(CallId(5), 60, &KEY)),
            Ok(())
        );
        assert_eq!(
            gate.lets_in(now, stranger(), &invite("")),
            Ok(()),
            "the ACK and the BYE bring no token"
        );
        gate.forget_old_guests(now + GUEST_STAYS);
        assert_eq!(
            gate.lets_in(now + GUEST_STAYS, stranger(), &invite("")),
            Err("stranger")
        );
    }

    #[test]
    fn forged_and_old_tokens_are_strangers() {
        let mut gate = gate("198.51.100.0/24");
        let now = clock::now();
        assert_eq!(
            gate.lets_in(now, stranger(), &with_token(CallId(5), 60, &[8; 32])),
            Err("stranger")
        );
        assert_eq!(
            gate.lets_in(now, stranger(), &with_token(CallId(5), 0, &KEY)),
            Err("stranger")
        );
    }

    #[test]
    fn guests_are_bounded() {
        let mut gate = gate("198.51.100.0/24");
        let start = clock::now();
        for index in 0..(GUESTS_MAX as u32 + 10) {
            gate.welcome(
                start + Duration::from_millis(u64::from(index)),
                IpAddr::from(index.to_be_bytes()),
            );
        }
        assert_eq!(gate.guests.len(), GUESTS_MAX);
        assert!(
            !gate.guests.contains_key(&IpAddr::from(0_u32.to_be_bytes())),
            "the oldest went first"
        );
    }
}
