//! IPv4 and IPv6 on one switch, UDP and TCP: callers of all four kinds are on air together and hear each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use audioroad::phone::{End, Phone};

use crate::ear::Ears;
use crate::lines::{TONES, answered, drop_call, has_ipv6, on_air};
use crate::switch::{SOON, Switch};

#[test]
fn callers_of_both_families_by_udp_and_tcp_hear_each_other() {
    if !has_ipv6() {
        println!("NOT PROVEN: calls over IPv6, which this machine has not");
        return;
    }
    // BIND as it is without a setting.
    let switch = Switch::start(&[("BIND", "::")]);
    switch.go_live();
    let ways = [
        (IpAddr::V4(Ipv4Addr::LOCALHOST), false),
        (Ipv6Addr::LOCALHOST.into(), false),
        (Ipv4Addr::LOCALHOST.into(), true),
        (Ipv6Addr::LOCALHOST.into(), true),
    ];
    let ears = Ears::new(&TONES);
    let mut calls = Vec::new();
    for (number, (ip, by_tcp)) in ways.into_iter().enumerate() {
        let phone = Phone::new(ip).number(&format!("+1555010040{number}"));
        let phone = if by_tcp { phone.over_tcp() } else { phone };
        let to = SocketAddr::new(ip, switch.sip().port());
        let call = answered(&phone, to, TONES[number]);
        let id = on_air(&switch, &call);
        calls.push((format!("the caller from {ip}, by TCP: {by_tcp}"), call, id));
    }
    for (number, (who, call, _)) in calls.iter().enumerate() {
        let others: Vec<f32> = (0..ways.len())
            .filter(|other| *other != number)
            .map(|other| TONES[other])
            .collect();
        ears.hears(who, call, &others);
    }
    for (who, call, id) in &calls {
        let reception = call.reception();
        let breaks = (reception.sequence_breaks, reception.time_breaks);
        assert_eq!(breaks, (0, 0), "{who}: {reception:?}");
        drop_call(&switch, id);
        let end = call.wait_ended(SOON);
        assert!(
            matches!(end, Ok(End::FarEndHungUp { .. })),
            "{who}: {end:?}"
        );
    }
    let log = switch.log();
    assert!(
        !log.contains("::ffff:"),
        "addresses of IPv4 look like themselves"
    );
}

#[test]
fn a_switch_that_is_told_one_family_keeps_to_it() {
    let switch = Switch::start(&[("BIND", "0.0.0.0")]);
    switch.go_live();
    let call = answered(
        &Phone::new(Ipv4Addr::LOCALHOST.into()),
        switch.sip(),
        TONES[0],
    );
    let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), switch.sip().port());
    assert!(std::net::TcpStream::connect(v6).is_err());
    call.hang_up();
    assert_eq!(call.wait_ended(SOON), Ok(End::HungUp));
}
