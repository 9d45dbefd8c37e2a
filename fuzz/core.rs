//! The pure core of the switch, compiled from its own source and nothing else: neither sockets nor a database come along.

#![allow(clippy::disallowed_methods, missing_docs)]

#[path = "../src/domain/mod.rs"]
pub mod domain;
#[path = "../src/media/mod.rs"]
pub mod media;
#[path = "../src/sip/mod.rs"]
pub mod sip;
#[path = "../src/twilio/mod.rs"]
pub mod twilio;
