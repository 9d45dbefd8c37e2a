//! The table in virtual time: phones and browsers with a tone each, a detector at every ear.

mod alone;
mod browser;
mod chain;
mod continuity;
mod delay;
mod line;
mod network;
mod phone;
mod prompts;
mod stream;
mod studio;
mod who_hears_whom;
mod wide;
