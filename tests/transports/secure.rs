//! SIP over TLS: calls, the certificates that are shown, new ones in mid-call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use audioroad::phone::End;

use crate::certificates::KeyFile;
use crate::ear::Ears;
use crate::lines::{Secure, TONES, answered, drop_call, has_ipv6, on_air, over};
use crate::switch::{SOON, eventually};

#[test]
fn callers_by_tls_are_heard_and_hung_up_like_any_other() {
    let both = if has_ipv6() { "::" } else { "0.0.0.0" };
    let secure = Secure::start("", &[("BIND", both)]);
    let switch = &secure.switch;
    switch.go_live();
    let ips: Vec<IpAddr> = [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()]
        .into_iter()
        .filter(|ip| ip.is_ipv4() || has_ipv6())
        .collect();
    let calls: Vec<_> = ips
        .iter()
        .zip(TONES)
        .map(|(ip, tone)| {
            let phone = secure
                .phone(*ip)
                .number(&format!("+1555010050{}", tone as u32 % 10));
            let call = answered(&phone, SocketAddr::new(*ip, secure.port), tone);
            let id = on_air(switch, &call);
            (call, id)
        })
        .collect();
    let ears = Ears::new(&TONES);
    for (number, (call, _)) in calls.iter().enumerate() {
        let others = (0..calls.len()).filter(|other| *other != number);
        let others: Vec<f32> = others.map(|other| TONES[other]).collect();
        if !others.is_empty() {
            ears.hears(&ips[number].to_string(), call, &others);
        }
    }
    let open = format!(
        "audioroad_sip_connections{{transport=\"TLS\"}} {}",
        calls.len()
    );
    assert!(switch.metrics().contains(&open), "{}", switch.metrics());
    // The BYE goes back on the same connection.
    drop_call(switch, &calls[0].1);
    let end = calls[0].0.wait_ended(SOON);
    assert!(matches!(end, Ok(End::FarEndHungUp { .. })), "{end:?}");
    for (call, _) in &calls[1..] {
        call.hang_up();
        assert_eq!(call.wait_ended(SOON), Ok(End::HungUp));
        assert_eq!(over(switch, call.sip_call_id())["cause"], "caller-hung-up");
    }
    let health = switch.ask("GET", "/health", serde_json::Value::Null);
    assert_eq!(health["sipTls"], "ok", "{health}");
}

#[test]
fn a_new_certificate_comes_in_while_a_call_is_up() {
    let secure = Secure::start("", &[]);
    let switch = &secure.switch;
    switch.go_live();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, secure.port));
    let call = answered(&secure.phone(to.ip()), to, TONES[0]);
    let first = secure.leaf();

    let key = std::fs::read(&secure.pairs[0].1).expect("the key");
    let folder = secure.folder.path();
    secure.authority.issue(folder, "ec", KeyFile::Ecdsa);
    let next = std::fs::read(&secure.pairs[0].1).expect("the new key");
    // The chain without its key: the old pair stays, and that is said.
    std::fs::write(&secure.pairs[0].1, key).expect("a file");
    secure.hup();
    let said = switch.said("the new certificate cannot be used; the old one stays");
    assert!(
        said.contains("ec.key is not the key of the certificate in"),
        "{said}"
    );
    assert_eq!(secure.leaf(), first);
    let health = switch.ask("GET", "/health", serde_json::Value::Null);
    assert_eq!(health["sipTls"], "not-renewed", "{health}");

    std::fs::write(&secure.pairs[0].1, next).expect("a file");
    secure.hup();
    switch.said("SIP over TLS shows new certificates");
    let second = eventually("the new certificate is shown", || {
        let leaf = secure.leaf();
        (leaf != first)
            .then_some(leaf)
            .ok_or_else(|| "the old one".to_owned())
    });
    assert_ne!(second, first);
    let heard = call.listen(50, SOON).expect("the call goes on");
    assert_eq!(heard.len(), 50);
    let reception = call.reception();
    assert_eq!((reception.sequence_breaks, reception.time_breaks), (0, 0));
    let another = answered(&secure.phone(to.ip()), to, TONES[1]);
    call.hang_up();
    assert_eq!(
        call.wait_ended(SOON),
        Ok(End::HungUp),
        "over its old connection"
    );
    another.hang_up();
    assert_eq!(another.wait_ended(SOON), Ok(End::HungUp));
    let log = switch.log();
    assert!(!log.contains("PRIVATE KEY"), "no key is in the log");
}
