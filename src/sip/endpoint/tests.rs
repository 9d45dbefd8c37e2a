//! The endpoint against peers of our own making, in virtual time.

mod chaos;
mod loss;
mod loss_out;
mod probes;
mod switch;
mod timers;
mod torture;
