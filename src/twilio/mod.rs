//! Twilio as a web peer: its signed webhooks, our TwiML answers, the token that ties both to SIP, and its API for calls out.
//!
//! ```text
//! webhook -> signature::verify -> params::IncomingCall -> token::TokenKey::make -> twiml::connect
//!                                        INVITE with X-Call-Token -> TokenKey::verify
//! ```
//!
//! Everything here is a function of its arguments; HTTP, clock and settings are elsewhere.

pub mod calls;
pub mod params;
pub mod signature;
pub mod token;
pub mod twiml;
