//! The endpoint against peers of our own making, in virtual time.

mod chaos;
mod loss;
mod probes;
mod switch;
mod timers;
mod torture;
