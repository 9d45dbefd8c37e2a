//! A thousand connections that say an octet a second, five hundred that say nothing: capped, closed in time, and the call that
//! is up meanwhile hears none of it.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use audioroad::actors::clock;
use audioroad::phone::Phone;
use socket2::{Domain, Socket, Type};

use crate::lines::{TONES, answered};
use crate::switch::{SOON, Switch, eventually};

const CONNECTIONS: usize = 1500;
/// Every third says nothing.
const SILENT: usize = 3;
const MESSAGE: &[u8] =
    b"INVITE sip:lobby@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\n";

/// Connections of strangers come from many addresses, else four of each were the end of it.
fn connect(number: usize, to: SocketAddr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    let last = u8::try_from(number % 250 + 2).ok()?;
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 1, last), 0));
    socket.bind(&from.into()).ok()?;
    socket.connect_timeout(&to.into(), SOON).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

fn open_files(switch: &Switch) -> usize {
    let folder = format!("/proc/{}/fd", switch.pid());
    fs::read_dir(folder).expect("the process").count()
}

fn connections(switch: &Switch) -> usize {
    let metrics = switch.metrics();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("audioroad_sip_connections{transport=\"TCP\"} "));
    line.map_or(0, |count| count.parse().expect("a number"))
}

#[test]
fn slow_and_silent_connections_are_few_and_short_and_harm_no_call() {
    let switch = Switch::start(&[("SIP_ALLOW", "127.0.0.1")]);
    switch.go_live();
    let call = answered(
        &Phone::new(Ipv4Addr::LOCALHOST.into()),
        switch.sip(),
        TONES[0],
    );
    // A trunk over TCP, which strangers must not crowd out.
    let trunk = answered(
        &Phone::new(Ipv4Addr::LOCALHOST.into()).over_tcp(),
        switch.sip(),
        TONES[1],
    );
    let before = open_files(&switch);
    let mut all: Vec<Option<TcpStream>> = (0..CONNECTIONS)
        .map(|number| connect(number, switch.sip()))
        .collect();
    let begun = clock::now();
    let (mut most, mut octet) = (0, 0);
    eventually("the strangers are let go", || {
        let slow = all
            .iter_mut()
            .enumerate()
            .filter(|(number, _)| number % SILENT != 0);
        for (_, stream) in slow {
            let octet = MESSAGE.get(octet..=octet).unwrap_or(b"x");
            stream.take_if(|stream| stream.write(octet).is_err());
        }
        octet += 1;
        most = most.max(connections(&switch));
        std::thread::park_timeout(Duration::from_secs(1));
        let left = open_files(&switch);
        let took = clock::now().saturating_duration_since(begun);
        (left <= before)
            .then_some(())
            .ok_or_else(|| format!("{left} files open after {took:?}, {before} before"))
    });
    // 128 strangers and the trunk.
    assert!((2..=129).contains(&most), "{most} connections at once");
    drop(all);
    let metrics = switch.metrics();
    for reason in ["no-message", "slow-message"] {
        let closed = format!("audioroad_sip_connections_closed_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&closed), "{reason}: {metrics}");
    }
    for (who, call) in [("by UDP", &call), ("by TCP", &trunk)] {
        call.listen(50, SOON).expect("the call goes on");
        let reception = call.reception();
        let breaks = (reception.sequence_breaks, reception.time_breaks);
        assert_eq!(breaks, (0, 0), "{who}: {reception:?}");
    }
    // Those whom a trunk lists are served as ever.
    answered(
        &Phone::new(Ipv4Addr::LOCALHOST.into()).over_tcp(),
        switch.sip(),
        TONES[2],
    );
}
