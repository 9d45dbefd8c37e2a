//! The carrier whose calls must come through: one after the other, each ended again.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use audioroad::actors::clock;

use crate::line::{By, Line, SDP};

/// The trunk's address.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 1);
const EVERY: Duration = Duration::from_millis(100);
/// T1 of RFC 3261: an INVITE that nobody answered is sent again.
const AGAIN: Duration = Duration::from_millis(500);

pub(crate) struct Carrier(SocketAddr);

impl Carrier {
    pub(crate) fn new(target: SocketAddr) -> Self {
        Self(target)
    }

    /// Calls for so long; gives p99 and the longest time from INVITE to 200 in milliseconds, and how many calls there were.
    pub(crate) fn calls_for(&self, time: Duration) -> JoinHandle<(f64, f64, usize)> {
        let target = self.0;
        let calls = move || {
            let mut line = Line::new(By::Udp, ADDRESS.into(), target);
            let (start, mut took) = (clock::now(), Vec::new());
            while clock::now().saturating_duration_since(start) < time {
                took.push(call(&mut line).as_secs_f64() * 1000.0);
                std::thread::park_timeout(EVERY);
            }
            took.sort_by(f64::total_cmp);
            let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
            (at(99), at(100), took.len())
        };
        std::thread::Builder::new()
            .name("carrier".to_owned())
            .spawn(calls)
            .unwrap()
    }
}

/// One call; how long its answer took. What is lost is sent again, as everywhere in SIP.
fn call(line: &mut Line) -> Duration {
    let call = line.name();
    let invite = line.request(("INVITE", 1), (&call, ""), "", SDP);
    let start = clock::now();
    let ok = answered(line, &invite, "1 INVITE");
    let took = clock::now().saturating_duration_since(start);
    let ack = line.request(("ACK", 1), (&call, &ok), "", "");
    line.send(ack.as_bytes());
    let bye = line.request(("BYE", 2), (&call, &ok), "", "");
    answered(line, &bye, "2 BYE");
    took
}

/// The To of the 200 to `request`.
fn answered(line: &mut Line, request: &str, cseq: &str) -> String {
    for _ in 0..20 {
        line.send(request.as_bytes());
        let deadline = clock::now() + AGAIN;
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            let Ok(Some(message)) = line.next(left) else {
                break;
            };
            let ours = request.contains(&message.header("Call-ID").unwrap_or_default())
                && message.header("CSeq").as_deref() == Some(cseq);
            if ours && message.status() >= 200 {
                assert_eq!(message.status(), 200, "{}", message.0);
                return message.header("To").unwrap();
            }
        }
    }
    panic!("nobody answers the carrier: {request}");
}
