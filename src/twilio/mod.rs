//! Twilio as a web peer: its signed webhooks, our TwiML answers and the token that ties both to SIP.
//!
//! ```text
//! webhook -> signature::verify -> params::IncomingCall -> token::TokenKey::make -> twiml::connect
//!                                        INVITE with X-Call-Token -> TokenKey::verify
//! ```
//!
//! Everything here is a function of its arguments; HTTP, clock and settings are elsewhere.

pub mod params;
pub mod signature;
pub mod token;
pub mod twiml;
