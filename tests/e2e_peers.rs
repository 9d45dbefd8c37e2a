//! Telephones and a carrier that nobody here wrote, on a running switch: sipp and baresip place the calls, Kamailio stands
//! in between, OpenSSL looks at TLS, sipvicious attacks, a stand-in for
//! Twilio does to the letter what the TwiML says.
//!
//! They need installed programs (`scripts/install-packages test`) and `scripts/python-venv`, so `make test` runs them.

#[path = "e2e_peers/baresip.rs"]
mod baresip;
#[path = "e2e_peers/calls_out.rs"]
mod calls_out;
#[path = "e2e_peers/carrier.rs"]
mod carrier;
#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/ear.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod ear;
#[path = "transports/lines.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/transports.rs")]
mod lines;
#[path = "e2e_peers/peer.rs"]
mod peer;
#[path = "e2e_peers/proxy.rs"]
mod proxy;
#[path = "e2e_peers/rtcp.rs"]
mod rtcp;
#[path = "e2e_peers/scanners.rs"]
mod scanners;
#[path = "e2e_peers/sipp.rs"]
mod sipp;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;
#[path = "e2e_peers/tls.rs"]
mod tls;
#[path = "e2e_peers/trunk_out.rs"]
mod trunk_out;
#[path = "e2e_peers/twilio.rs"]
mod twilio;
#[path = "e2e_peers/twiml.rs"]
mod twiml;
#[path = "common/wav.rs"]
mod wav;
#[path = "e2e_peers/wide.rs"]
mod wide;
