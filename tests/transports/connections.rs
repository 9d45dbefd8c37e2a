//! One connection by hand: bad messages, pings, and what the far end is told.

use crate::lines::{Raw, header};
use crate::switch::Switch;

fn options(branch: &str, content_length: &str) -> String {
    format!(
        "OPTIONS sip:lobby@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{branch}\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:lobby@b>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: {content_length}\r\n\r\n"
    )
}

#[test]
fn after_a_bad_message_the_connection_goes_on_until_framing_is_lost() {
    let switch = Switch::start(&[]);
    let mut raw = Raw::connect(switch.sip());
    // Malformed (no CSeq), with a body to be skipped; then a good one, in the same packet.
    let bad = options("bad", "9").replace("CSeq: 1 OPTIONS\r\n", "") + "INVITE x\n";
    raw.send(&(bad + &options("good", "0")));
    let refused = raw.message();
    assert!(refused[0].starts_with("SIP/2.0 400 "), "{refused:?}");
    assert_eq!(header(&refused, "Call-ID"), "bad");
    let answered = raw.message();
    assert_eq!(answered[0], "SIP/2.0 200 OK", "{answered:?}");
    assert_eq!(header(&answered, "Call-ID"), "good");

    // A ping is answered with a pong (RFC 5626 section 3.5.1), a single line break with nothing.
    raw.send("\r\n");
    raw.send("\r\n\r\n");
    assert_eq!(raw.line(), "");
    raw.send(&options("after", "0"));
    assert_eq!(raw.message()[0], "SIP/2.0 200 OK");

    raw.send(&options("lost", "many"));
    assert!(raw.message()[0].starts_with("SIP/2.0 400 "));
    assert!(raw.is_closed());
    let closed = "audioroad_sip_connections_closed_total{reason=\"framing\"} 1";
    assert!(switch.metrics().contains(closed));
}
