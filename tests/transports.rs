//! SIP over UDP, TCP and TLS, IPv4 and IPv6, on a running switch: calls with real audio over each, certificates that change in
//! mid-call, connections that die, and those that are opened to do harm.

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/ear.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod ear;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

#[path = "transports/connections.rs"]
mod connections;
#[path = "transports/families.rs"]
mod families;
#[path = "transports/flood.rs"]
mod flood;
#[path = "transports/lines.rs"]
mod lines;
#[path = "transports/redial.rs"]
mod redial;
#[path = "transports/secure.rs"]
mod secure;
