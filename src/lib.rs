//! audioroad: a telephony switch for radio call-in shows.
//!
//! People phone a number; a screener talks to them in a browser; the host takes them on air in a browser; everybody waiting
//! hears the show. One binary answers SIP and RTP, mixes, serves browsers' rooms, keeps the books and shows the dashboards.
//!
//! | module | what it is | may name |
//! |---|---|---|
//! | [`domain`] | the show as a pure state machine | nothing of ours |
//! | [`sip`] | SIP without sockets: wire, transactions, dialogs, SDP, who may call | nothing of ours |
//! | [`media`] | everything audible without sockets: jitter, mix, prompts, the table of legs | nothing of ours |
//! | [`rtc`] | `str0m`, wrapped once | nothing of ours |
//! | [`twilio`] | signatures, TwiML, call tokens | nothing of ours |
//! | [`livekit`] | LiveKit's signalling and tokens, without sockets | `rtc` |
//! | [`config`] | settings, from file and environment | `domain` |
//! | [`priority`] | which threads go first | nothing of ours |
//! | [`net`] | sockets and nothing but sockets | `domain`, `config` |
//! | [`store`] | the books: Diesel, and the journal before it | `domain`, `config`, `priority` |
//! | [`actors`] | where logic meets clock, sockets and each other | all above |
//! | [`http`] | the web: API, sign-in, dashboards | `domain`, `store`, `config`, `twilio`, `actors` |
//! | [`phone`], [`demo`] | a telephone in software, and callers who use it | `sip`, `media`, `domain`, `actors` |
//! | [`app`], [`cli`], [`check`], [`telemetry`] | the wiring | everything |
//!
//! Ways through the house are drawn where they start: a call in [`actors::sip`] and [`actors::call`], a press in
//! [`actors::switchboard`], audio in [`media`] and [`actors::media_clock`].

#![cfg_attr(
    test,
    expect(
        clippy::disallowed_methods,
        reason = "a test may start from any instant"
    )
)]

pub mod actors;
pub mod app;
pub mod check;
mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod http;
pub mod livekit;
pub mod media;
pub mod net;
pub mod phone;
pub mod priority;
pub mod rtc;
pub mod sip;
pub mod store;
pub mod telemetry;
pub mod twilio;

pub use cli::run;
