//! What callers hear over real sockets: how late, and whether ten thousand moves leave a mark in it. `make sound` runs the long forms.

#[path = "../common/ear.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/who_hears_whom.rs"
)]
mod ear;
#[path = "../common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;

mod delay;
mod hearing;
mod moves;
