//! SIP to the letter on the running switch, octet by octet over real sockets: the torture messages of RFC 4475 and RFC 5118,
//! what peers ask of a switch, and floods. Each prints its table (`cargo test --test sip_live -- --nocapture`).

#![expect(clippy::unwrap_used, reason = "a test says by a panic what went wrong")]
#![expect(
    clippy::print_stdout,
    reason = "the tables are what a reader wants of these tests"
)]

mod bombs;
mod flood;
mod line;
mod probes;
mod siege;
mod strangers;
#[path = "../common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;
#[path = "../../src/sip/torture.rs"]
mod texts;
mod torture;
