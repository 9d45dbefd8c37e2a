//! Twilio as a web peer: its signed webhooks, our TwiML answers, the token that ties both to a call's leg, the frames of a leg that
//! is a Media Stream, and its API for calls out.
//!
//! ```text
//! webhook -> signature::verify -> params::IncomingCall -> token::TokenKey::make -> twiml::connect
//!                                        INVITE with X-Call-Token -> TokenKey::verify
//!                                        stream::Session: `start` with its token -> TokenKey::verify
//! ```
//!
//! Everything here is a function of its arguments; HTTP, clock and settings are elsewhere.

pub mod calls;
pub mod params;
pub mod signature;
pub mod stream;
pub mod token;
pub mod twiml;
