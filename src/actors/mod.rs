//! The only place where logic meets clock, sockets and each other.
//!
//! | actor | thread | owns |
//! |---|---|---|
//! | [`switchboard::Switchboard`] | desk | every show's state; linearises presses and calls |
//! | [`sip::SipActor`] | sip | SIP's sockets and transactions |
//! | [`overload::Watch`] | main | whether new calls are taken |
//! | [`media_clock::MediaClock`] | media | the tick of one studio thread |
//! | [`room::RoomActor`] | media | one room: its mix, its browsers' microphones |
//! | [`call::CallActor`] | media | one call: its dialog and its leg |
//! | [`dashboard::Dashboard`] | web | one WebSocket |
//! | [`bridge::RoomTransport`] | rtc | browsers' transport (a plain thread, no actor) |

pub mod bridge;
pub mod call;
pub mod clock;
pub mod dashboard;
pub mod health;
pub mod ladders;
pub mod media_clock;
pub mod message;
pub mod metrics;
pub mod overload;
pub mod random;
pub mod room;
pub mod room_access;
pub mod shown;
pub mod sip;
pub mod stream;
pub mod studio;
pub mod switchboard;
pub mod twilio_calls;
pub mod websocket;
