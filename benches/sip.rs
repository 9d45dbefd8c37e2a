//! What one INVITE costs: reading it beside rsip's own parser and a bare scan for line ends in the
//! same run, and answering it from octets to octets through [`Endpoint`] and [`InviteSession`].

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audioroad::sip::sdp::Codec;
use audioroad::sip::{
    CallSrtp, Endpoint, EndpointConfig, EndpointEvent, FlowId, Framing, InviteSession, Limits,
    MediaAddress, Timings, emit, parse,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const HEAD: &str = "INVITE sip:+15550100@203.0.113.9:5060;transport=udp SIP/2.0\r\n\
Record-Route: <sip:54.172.60.0:5060;lr;ftag=08601002_c3356d0b_658b1a2b-33e4-4cf5>\r\n\
Record-Route: <sip:172.18.30.7;r2=on;lr;twnat=sip:203.0.113.9:51830>\r\n\
From: \"Ada\" <sip:+15550123@station.pstn.twilio.com:5060>;tag=08601002_c3356d0b_658b1a2b\r\n\
To: <sip:+15550100@203.0.113.9:5060;transport=udp>\r\n\
CSeq: 29044 INVITE\r\n\
Max-Forwards: 60\r\n\
P-Asserted-Identity: <sip:+15550123@198.51.100.12:5060>\r\n\
Diversion: <sip:+15550100@twilio.com>;reason=unconditional\r\n\
Call-ID: fb3e0b1f3d6a4f0c9be4d1f2a3b4c5d6@0.0.0.0\r\n\
Via: SIP/2.0/UDP 54.172.60.0:5060;branch=z9hG4bK1dc3.f8228f77a1b2c3d4e5f60718.0\r\n\
Via: SIP/2.0/UDP 172.25.75.240:5060;rport=5060;branch=z9hG4bK658b1a2b-33e4-4cf5-9d01\r\n\
Contact: <sip:+15550123@172.25.75.240:5060;transport=udp>\r\n\
Allow: INVITE,ACK,CANCEL,OPTIONS,BYE,REFER,NOTIFY\r\n\
User-Agent: Twilio Gateway\r\n\
X-Twilio-AccountSid: AC00000000000000000000000000000000\r\n\
X-Twilio-CallSid: CA00000000000000000000000000000000\r\n\
Content-Type: application/sdp\r\n";

const SDP: &str = "v=0\r\n\
o=root 1967083921 1967083921 IN IP4 172.18.152.199\r\n\
s=Twilio Media Gateway\r\n\
c=IN IP4 168.86.137.44\r\n\
t=0 0\r\n\
m=audio 12692 RTP/AVP 0 8 101\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-16\r\n\
a=ptime:20\r\n\
a=maxptime:20\r\n\
a=sendrecv\r\n";

fn invite() -> Vec<u8> {
    format!("{HEAD}Content-Length: {}\r\n\r\n{SDP}", SDP.len()).into_bytes()
}

fn reading(c: &mut Criterion) {
    let bytes = invite();
    let mut group = c.benchmark_group("read an INVITE");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("audioroad", |b| {
        b.iter(|| parse(black_box(&bytes), Framing::Datagram));
    });
    group.bench_function("rsip", |b| {
        b.iter(|| rsip::SipMessage::try_from(black_box(bytes.as_slice())));
    });
    group.bench_function("line ends only", |b| {
        b.iter(|| {
            black_box(&bytes)
                .iter()
                .filter(|octet| **octet == b'\n')
                .count()
        });
    });
    group.finish();

    let inbound = parse(&bytes, Framing::Datagram).expect("a good INVITE");
    c.bench_function("write an INVITE", |b| b.iter(|| emit(black_box(&inbound))));
}

/// INVITE in, 100 and 200 out, ACK in.
fn answering(c: &mut Criterion) {
    let local: SocketAddr = "203.0.113.9:5060".parse().expect("an address");
    let peer: SocketAddr = "54.172.60.0:5060".parse().expect("an address");
    let text = String::from_utf8(invite()).expect("text");
    let mut call = 0_u64;
    let mut next = || {
        call += 1;
        let branch = format!("branch=z9hG4bK{call}.");
        let id = format!("Call-ID: {call}-");
        text.replacen("branch=z9hG4bK1dc3.", &branch, 1)
            .replacen("Call-ID: ", &id, 1)
    };
    let now = start();
    let mut clock = now;
    let mut endpoint = endpoint();
    c.bench_function("INVITE in, 200 out", |b| {
        b.iter_batched(
            &mut next,
            |invite| {
                // Fifty calls a second, so that transactions end as fast as they begin.
                clock += Duration::from_millis(20);
                endpoint.handle_datagram(clock, FlowId(1), local, peer, invite.as_bytes());
                let Some(EndpointEvent::Invited { txn, request }) = endpoint.poll_event() else {
                    return 0;
                };
                let Ok(mut session) = InviteSession::new(request) else {
                    return 0;
                };
                endpoint.register_dialog(session.dialog_key().clone());
                let Ok(answer) = session.answer(clock, media(local), &[]) else {
                    return 0;
                };
                endpoint.respond(clock, txn, answer.response);
                endpoint.forget_dialog(session.dialog_key());
                endpoint.handle_timeout(clock);
                std::iter::from_fn(|| endpoint.poll_transmit())
                    .map(|t| t.bytes.len())
                    .sum::<usize>()
            },
            BatchSize::SmallInput,
        );
    });
    assert!(
        endpoint.load().transactions < 10_000,
        "{:?}",
        endpoint.load()
    );
}

#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn start() -> Instant {
    Instant::now()
}

fn endpoint() -> Endpoint {
    Endpoint::new(EndpointConfig {
        host_v4: Some("203.0.113.9".to_owned()),
        host_v6: None,
        udp_port: 5060,
        tcp_port: 5060,
        tls_port: 5061,
        user_agent: "audioroad".to_owned(),
        secret: [1; 32],
        timings: Timings::default(),
        limits: Limits::default(),
    })
}

fn media(local: SocketAddr) -> MediaAddress {
    MediaAddress {
        addr: local.ip(),
        port: 10_000,
        session_id: 1,
        prefer: vec![Codec::Pcmu, Codec::Pcma],
        srtp: CallSrtp::OFF,
    }
}

criterion_group!(benches, reading, answering);
criterion_main!(benches);
