//! One message: read, written, read again, and answered.

use audioroad::sip::{Framing, emit, parse};

use super::answering::{Answering, TCP, UDP};
use super::octets::epoch;

pub(crate) fn run(data: &[u8]) {
    for framing in [Framing::Datagram, Framing::Stream] {
        if let Ok(inbound) = parse(data, framing) {
            let once = emit(&inbound);
            let again = parse(&once, Framing::Stream).expect("what we wrote");
            assert_eq!(emit(&again), once);
        }
    }
    let now = epoch();
    let mut switch = Answering::new(now);
    for flow in [UDP, TCP] {
        switch.hear(now, flow, data);
    }
}
