//! The show as a pure state machine: who waits, who talks, who may move whom, and what follows from it.
//!
//! `Desk` is the heart: inputs (`arrive`, `command`, `gone`, ...) with the time of day go in; effects, changed entities and
//! events come out of `Desk::drain`. Nothing here knows a clock, a socket or a database.

pub mod call;
pub mod caller;
pub mod calls_out;
pub mod cause;
pub mod command;
pub mod consent;
pub mod desk;
pub mod effect;
pub mod ids;
pub mod number;
pub mod operator;
pub mod policy;
pub mod refusal;
pub mod room;
pub mod show;
pub mod sound;
pub mod stage;
pub mod time;
pub mod view;

pub use call::{Call, Direction};
pub use caller::Caller;
pub use calls_out::CallsOut;
pub use cause::Cause;
pub use command::{Card, Command, NewIds};
pub use desk::{Arrival, Desk, DeskSettings, Drained};
pub use effect::{CallEvent, ConsentEntry, Effect, Verdict};
pub use ids::{CallId, CallerId, EpisodeId, OperatorId, ShowId};
pub use operator::{Operator, Role};
pub use refusal::Refusal;
pub use room::{Limits, RoomName};
pub use show::{Episode, EpisodeStatus, NextPolicy, Show};
pub use sound::{Mixing, Sound};
pub use stage::{Move, Stage};
pub use time::UnixMs;
