//! Who may speak SIP to us: trunks, and guests who once brought a token of our own TwiML or a login.
//! Everybody else gets silence, and costs a look at their address.

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use rsip::{Header, Headers, Method, SipMessage};

use crate::{
    actors::clock,
    config::PublicIp,
    domain::CallId,
    net::address,
    sip::{
        Framing, Incoming, TxnKey, parse,
        trunk::{Admission, CallOut, NoLine, Ruling, Standing, TrunkName, Unread},
    },
    twilio::token::TokenKey,
};

/// The headers that our TwiML makes the carrier send: our id of the call, and the token for it.
const CALL: &str = "X-Call-Id";
const TOKEN: &str = "X-Call-Token";

/// What the gate is told once.
pub struct GateSettings {
    /// The trunks, and what everybody else may say.
    pub admission: Admission,
    /// The key of our tokens.
    pub tokens: TokenKey,
    /// Our addresses, when the sockets listen on all of them.
    pub public_ip: PublicIp,
}

/// Decides whose messages are read and whose calls are taken: [`Admission`], and the tokens of our TwiML.
pub struct Gate {
    admission: Admission,
    tokens: TokenKey,
    public_ip: PublicIp,
}

impl Gate {
    /// A gate that has seen nobody yet.
    pub fn new(settings: GateSettings) -> Self {
        Self {
            admission: settings.admission,
            tokens: settings.tokens,
            public_ip: settings.public_ip,
        }
    }

    /// Whether a trunk lists the address.
    pub fn is_trusted(&self, peer: IpAddr) -> bool {
        self.admission.is_listed(peer)
    }

    /// The name in the certificate of the trunk that lists the address, if it is known.
    pub fn tls_name(&self, edge: IpAddr) -> Option<&str> {
        self.admission.tls_name(edge)
    }

    /// Whether the address tried wrong logins and no trunk lists it.
    pub fn is_banned(&self, now: Instant, peer: IpAddr) -> bool {
        !self.is_trusted(peer) && self.admission.is_banned(now, peer)
    }

    /// Whether a message is read; the reason for the counter when not.
    pub fn lets_in(
        &mut self,
        now: Instant,
        peer: IpAddr,
        bytes: &[u8],
    ) -> Result<(), &'static str> {
        match self.admission.admits(now, peer).map_err(Unread::label)? {
            Standing::Listed | Standing::Guest => Ok(()),
            Standing::Stranger { may_log_in } => self.hear_stranger(now, peer, bytes, may_log_in),
        }
    }

    /// What becomes of an INVITE, and the call that a token in it names, if the token is ours.
    pub fn rule(
        &mut self,
        now: Instant,
        txn: TxnKey,
        invite: &Incoming,
    ) -> (Option<CallId>, Ruling) {
        let proof = invite.header(CALL).zip(invite.header(TOKEN));
        let known = proof.and_then(|(call, token)| self.verify(call, token));
        let ruling = self.admission.rule(now, txn, invite, known.is_some());
        (known, ruling)
    }

    /// The trunk for a call of ours, which is counted under `key` until [`Self::call_over`].
    ///
    /// # Errors
    /// [`NoLine`].
    pub fn call_out(&mut self, key: TxnKey) -> Result<CallOut, NoLine> {
        self.admission.call_out(key)
    }

    /// We are about to call this address: what it says is read.
    pub fn expect(&mut self, now: Instant, peer: IpAddr) {
        self.admission.welcome(now, peer);
    }

    /// A call that was accepted may be over: its trunk and the calls that it still has.
    pub fn call_over(&mut self, txn: TxnKey) -> Option<(&TrunkName, u32)> {
        self.admission.call_over(txn)
    }

    /// Lets go of guests whose day is over.
    pub fn forget_old_guests(&mut self, now: Instant) {
        self.admission.forget_old_guests(now);
    }

    /// Our address as the peer sees it, where the socket itself does not say.
    pub fn local_address(&self, bound: SocketAddr, peer: SocketAddr) -> SocketAddr {
        if !bound.ip().is_unspecified() {
            return bound;
        }
        let ip = self
            .public_ip
            .like(peer.ip())
            .or_else(|| address::facing(peer))
            .unwrap_or(bound.ip());
        SocketAddr::new(ip, bound.port())
    }

    /// A stranger is heard with a token; with an INVITE and its ACK where it could log in.
    fn hear_stranger(
        &mut self,
        now: Instant,
        peer: IpAddr,
        bytes: &[u8],
        may_log_in: bool,
    ) -> Result<(), &'static str> {
        let Ok(inbound) = parse(bytes, Framing::Datagram) else {
            return Err("stranger");
        };
        let SipMessage::Request(request) = &inbound.msg else {
            return Err("stranger");
        };
        let proof = other(&request.headers, CALL).zip(other(&request.headers, TOKEN));
        if proof.is_some_and(|(call, token)| self.verify(call, token).is_some()) {
            self.admission.welcome(now, peer);
            return Ok(());
        }
        let asks_to_log_in = matches!(request.method, Method::Invite | Method::Ack);
        if may_log_in && asks_to_log_in {
            Ok(())
        } else {
            Err("stranger")
        }
    }

    fn verify(&self, call: &str, token: &str) -> Option<CallId> {
        // The row of the call binds the carrier's id, so the token need not.
        self.tokens
            .verify(token, call, "", clock::unix_ms() / 1000)
            .ok()?;
        call.parse().ok()
    }
}

fn other<'a>(headers: &'a Headers, wanted: &str) -> Option<&'a str> {
    headers.iter().find_map(|header| {
        let Header::Other(name, value) = header else {
            return None;
        };
        name.eq_ignore_ascii_case(wanted).then_some(value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sip::{
        digest::Login,
        trunk::{Trunk, TrunkTable, Trunks},
    };

    const DAY: Duration = Duration::from_secs(24 * 3600);

    const KEY: [u8; 32] = [7; 32];

    fn gate(allow: &str) -> Gate {
        gate_of(Trunks::new(allow, Vec::new(), None).unwrap())
    }

    fn gate_of(trunks: Trunks) -> Gate {
        Gate::new(GateSettings {
            admission: Admission::new(clock::now(), trunks, &[1; 32]),
            tokens: TokenKey::new(&KEY),
            public_ip: PublicIp::default(),
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
        gate.forget_old_guests(now + DAY);
        assert_eq!(
            gate.lets_in(now + DAY, stranger(), &invite("")),
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
    fn where_somebody_may_log_in_strangers_are_heard_with_invites_alone() {
        let table = TrunkTable {
            name: "home".into(),
            profile: "pbx".into(),
            allow: Some("any".into()),
            login: Some(Login {
                user: "u".into(),
                password: "p".into(),
            }),
            ..TrunkTable::default()
        };
        let mut gate = gate_of(Trunks::new("", vec![Trunk::new(table).unwrap()], None).unwrap());
        let now = clock::now();
        assert_eq!(gate.lets_in(now, stranger(), &invite("")), Ok(()));
        for method in ["OPTIONS", "REGISTER", "CANCEL", "BYE", "SUBSCRIBE"] {
            let other = String::from_utf8(invite(""))
                .unwrap()
                .replace("INVITE", method);
            assert_eq!(
                gate.lets_in(now, stranger(), other.as_bytes()),
                Err("stranger"),
                "{method}"
            );
        }
        assert_eq!(gate.lets_in(now, stranger(), b"INVITE"), Err("stranger"));
    }
}
