use std::net::SocketAddr;

use rsip::SipMessage;

use super::*;
use crate::sip::digest::answer;
use crate::sip::trunk::{FieldHeaders, TrunkTable};
use crate::sip::{FlowId, Framing, Source, Transport, parse};

const CARRIER: &str = "198.51.100.7";
const PBX: &str = "198.51.100.8";
const STRANGER: &str = "203.0.113.9";

#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do as the beginning"
)]
fn start() -> Instant {
    Instant::now()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn login(password: &str) -> Login {
    Login {
        user: "studio".into(),
        password: password.into(),
    }
}

fn table(name: &str, profile: &str, allow: &str) -> TrunkTable {
    TrunkTable {
        name: name.into(),
        profile: profile.into(),
        allow: Some(allow.into()),
        ..TrunkTable::default()
    }
}

/// A carrier by its address, a PBX by address and login, and one that roams where `roams`.
fn trunks(roams: bool) -> Trunks {
    let mut tables = vec![
        TrunkTable {
            calls_max: Some(2),
            ..table("carrier", "carrier", CARRIER)
        },
        TrunkTable {
            login: Some(login("hush")),
            ..table("pbx", "pbx", PBX)
        },
    ];
    if roams {
        tables.push(TrunkTable {
            login: Some(login("hush")),
            ..table("home", "pbx", "any")
        });
    }
    let tables = tables.into_iter().map(|table| Trunk::new(table).unwrap());
    Trunks::new("", tables.collect(), None).unwrap()
}

fn invite(from: &str, headers: &str) -> Incoming {
    let text = format!(
        "INVITE sip:lobby@example.org SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK1\r\nFrom: <sip:+15550123@b>;tag=1\r\n\
         To: <sip:lobby@example.org>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{from}>\r\n{headers}\
         Content-Length: 0\r\n\r\n"
    );
    let inbound = parse(text.as_bytes(), Framing::Datagram).unwrap();
    let SipMessage::Request(request) = inbound.msg else {
        panic!("a request");
    };
    Incoming {
        request,
        raw_uri: inbound.raw_uri,
        source: Source {
            flow: FlowId(0),
            transport: Transport::Udp,
            local: SocketAddr::new(ip("198.51.100.1"), 5060),
            from: SocketAddr::new(ip(from), 5060),
        },
        local_tag: "t".into(),
        local_contact: "<sip:198.51.100.1>".into(),
    }
}

/// A gate and the calls that knock at it.
struct Gate {
    now: Instant,
    admission: Admission,
    txn: u64,
}

impl Gate {
    fn new(trunks: Trunks) -> Self {
        let now = start();
        Self {
            now,
            admission: Admission::new(now, trunks, &[7; 32]),
            txn: 0,
        }
    }

    fn rule(&mut self, from: &str, headers: &str) -> Ruling {
        self.txn += 1;
        let invite = invite(from, headers);
        self.admission
            .rule(self.now, TxnKey(self.txn), &invite, false)
    }

    fn accepted(&mut self, from: &str, headers: &str) -> Accepted {
        match self.rule(from, headers) {
            Ruling::Accepted(accepted) => accepted,
            Ruling::Refused(refused) => panic!("{refused:?}"),
        }
    }

    fn refused(&mut self, from: &str, headers: &str) -> Refused {
        match self.rule(from, headers) {
            Ruling::Refused(refused) => refused,
            Ruling::Accepted(accepted) => panic!("{accepted:?}"),
        }
    }

    /// Asks to be asked, and answers with this password; the header.
    fn credentials(&mut self, from: &str, password: &str) -> String {
        let asked = self.refused(from, "");
        assert_eq!((asked.status, asked.cause), (401, RefusedCause::Asked));
        let challenges = asked.headers.iter().map(|(name, value)| {
            assert_eq!(*name, "WWW-Authenticate");
            value.as_str()
        });
        let answer = answer(
            &login(password),
            "INVITE",
            "sip:lobby@example.org",
            challenges,
            "c",
        );
        format!("Authorization: {}\r\n", answer.unwrap())
    }
}

#[test]
fn an_address_is_enough_where_a_trunk_has_no_login() {
    let mut gate = Gate::new(trunks(false));
    let accepted = gate.accepted(CARRIER, "");
    assert_eq!((accepted.trunk.as_str(), accepted.calls), ("carrier", 1));
    assert_eq!(accepted.fields.caller.as_deref(), Some("+15550123"));
    assert_eq!(accepted.fields.called.as_deref(), Some("lobby"));
}

#[test]
fn a_trunk_with_a_login_is_asked_and_let_in_once_for_each_answer() {
    let mut gate = Gate::new(trunks(false));
    let right = gate.credentials(PBX, "hush");
    assert_eq!(gate.accepted(PBX, &right).trunk.as_str(), "pbx");
    let replayed = gate.refused(PBX, &right);
    assert_eq!(replayed.cause, RefusedCause::Stale);
    assert!(replayed.headers[0].1.contains("stale=true"));
    let right = gate
        .credentials(PBX, "hush")
        .replace("Authorization", "Proxy-Authorization");
    gate.accepted(PBX, &right);
}

#[test]
fn a_listed_source_is_never_banned() {
    let mut gate = Gate::new(trunks(true));
    for _ in 0..50 {
        let wrong = gate.credentials(PBX, "hash");
        let refused = gate.refused(PBX, &wrong);
        assert_eq!(
            (refused.status, refused.cause),
            (401, RefusedCause::WrongLogin)
        );
        assert_eq!(refused.banned_for, None);
    }
    assert_eq!(
        gate.admission.admits(gate.now, ip(PBX)),
        Ok(Standing::Listed)
    );
    let right = gate.credentials(PBX, "hush");
    gate.accepted(PBX, &right);
}

#[test]
fn a_stranger_is_refused_without_a_token_where_nobody_roams() {
    let mut gate = Gate::new(trunks(false));
    let standing = gate.admission.admits(gate.now, ip(STRANGER));
    assert_eq!(standing, Ok(Standing::Stranger { may_log_in: false }));
    let refused = gate.refused(STRANGER, "");
    assert_eq!(
        (refused.status, refused.cause),
        (403, RefusedCause::NoToken)
    );
    let invite = invite(STRANGER, "");
    let ruling = gate.admission.rule(gate.now, TxnKey(99), &invite, true);
    assert!(matches!(ruling, Ruling::Accepted(accepted) if accepted.trunk.as_str() == "twiml"));
    assert_eq!(
        gate.admission.admits(gate.now, ip(STRANGER)),
        Ok(Standing::Guest)
    );
    gate.admission
        .forget_old_guests(gate.now + Duration::from_secs(24 * 3600));
    assert!(gate.admission.admits(gate.now, ip(STRANGER)) != Ok(Standing::Guest));
}

#[test]
fn whoever_roams_and_knows_the_login_is_a_guest() {
    let mut gate = Gate::new(trunks(true));
    let right = gate.credentials(STRANGER, "hush");
    assert_eq!(gate.accepted(STRANGER, &right).trunk.as_str(), "home");
    assert_eq!(
        gate.admission.admits(gate.now, ip(STRANGER)),
        Ok(Standing::Guest)
    );
}

#[test]
fn five_wrong_logins_ban_a_stranger_and_nobody_else() {
    let mut gate = Gate::new(trunks(true));
    for attempt in 1..=5 {
        let wrong = gate.credentials(STRANGER, "hash");
        let refused = gate.refused(STRANGER, &wrong);
        assert_eq!(refused.cause, RefusedCause::WrongLogin);
        assert_eq!(refused.banned_for.is_some(), attempt == 5);
    }
    assert_eq!(
        gate.admission.admits(gate.now, ip(STRANGER)),
        Err(Unread::Banned)
    );
    assert_eq!(gate.refused(STRANGER, "").cause, RefusedCause::Banned);
    assert!(gate.admission.admits(gate.now, ip("203.0.113.10")).is_ok());
    gate.now += Duration::from_secs(60);
    let right = gate.credentials(STRANGER, "hush");
    gate.accepted(STRANGER, &right);
}

#[test]
fn a_forged_sender_bans_nobody() {
    let mut gate = Gate::new(trunks(true));
    // The attacker is asked itself, and writes the victim's address on its answers.
    for _ in 0..50 {
        let wrong = gate.credentials("203.0.113.66", "hash");
        assert_eq!(gate.refused(STRANGER, &wrong).cause, RefusedCause::Stale);
        let made_up = "Authorization: Digest username=\"studio\", realm=\"sip\", nonce=\"x\", uri=\"sip:x\", \
            response=\"x\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n";
        assert_eq!(gate.refused(STRANGER, made_up).cause, RefusedCause::Stale);
    }
    assert!(!gate.admission.is_banned(gate.now, ip(STRANGER)));
}

#[test]
fn a_full_trunk_is_busy_until_one_of_its_calls_is_over() {
    let mut gate = Gate::new(trunks(false));
    gate.accepted(CARRIER, "");
    gate.accepted(CARRIER, "");
    let refused = gate.refused(CARRIER, "");
    assert_eq!(
        (refused.status, refused.cause),
        (486, RefusedCause::TrunkFull)
    );
    assert_eq!(refused.headers, [("Retry-After", "30".to_owned())]);
    let right = gate.credentials(PBX, "hush");
    gate.accepted(PBX, &right);

    let over = gate.admission.call_over(TxnKey(1));
    assert_eq!(over, Some((&TrunkName::new("carrier"), 1)));
    assert_eq!(gate.admission.call_over(TxnKey(1)), None);
    assert_eq!(gate.accepted(CARRIER, "").calls, 2);
}

#[test]
fn a_flooding_trunk_spends_its_own_budget() {
    let table = TrunkTable {
        messages_per_second: Some(10),
        ..table("carrier", "carrier", CARRIER)
    };
    let mut trunks = trunks(true);
    trunks.all[0] = Trunk::new(table).unwrap();
    let mut gate = Gate::new(trunks);
    let read = |gate: &mut Gate, now| {
        (0..100)
            .filter(|_| gate.admission.admits(now, ip(CARRIER)).is_ok())
            .count()
    };
    let now = gate.now;
    assert_eq!(read(&mut gate, now), 10);
    assert_eq!(
        gate.admission.admits(now, ip(CARRIER)),
        Err(Unread::TrunkFlood)
    );
    assert_eq!(gate.admission.admits(now, ip(PBX)), Ok(Standing::Listed));
    assert_eq!(
        gate.admission.admits(now, ip(STRANGER)),
        Ok(Standing::Stranger { may_log_in: true })
    );
    assert_eq!(read(&mut gate, now + Duration::from_secs(1)), 10);
}

#[test]
fn fields_come_from_the_headers_that_a_trunk_names() {
    let fields = |headers: FieldHeaders, number: Option<&str>, said: &str| {
        let trunk = Trunk::new(TrunkTable {
            headers,
            number: number.map(str::to_owned),
            ..table("carrier", "carrier", CARRIER)
        });
        trunk.unwrap().fields(&invite(CARRIER, said))
    };
    let named = |name: &str| Some(name.to_owned());
    let said = "P-Asserted-Identity: <sip:+15550999@carrier>\r\nX-Name: Ann B.\r\nX-To: +1 555 0100\r\nX-Id: 77\r\n";
    let all = FieldHeaders {
        name: named("x-name"),
        called: named("X-To"),
        carrier_call: named("X-ID"),
        ..FieldHeaders::default()
    };
    let read = fields(all.clone(), None, said);
    assert_eq!(read.caller.as_deref(), Some("+15550999"));
    assert_eq!(read.name.as_deref(), Some("Ann B."));
    assert_eq!(read.called.as_deref(), Some("+1 555 0100"));
    assert_eq!(read.carrier_call.as_deref(), Some("77"));

    let withheld = fields(
        all.clone(),
        Some("+15550100"),
        &format!("{said}Privacy: id\r\n"),
    );
    assert_eq!((withheld.caller, withheld.name), (None, None));
    assert_eq!(
        withheld.called.as_deref(),
        Some("+15550100"),
        "the trunk's own number"
    );

    let silent = fields(all, None, "X-Name: \r\n");
    assert_eq!(silent.caller.as_deref(), Some("+15550123"));
    assert_eq!(silent.name, None);
    assert_eq!(silent.called.as_deref(), Some("lobby"));
    assert_eq!(silent.carrier_call, None);
}
