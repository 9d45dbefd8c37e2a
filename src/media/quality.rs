//! What a line is like, as a number that people know: `losses, jitter, delay → E-model → MOS → good, fair, bad`.
//!
//! [`LossPattern`] watches the sequence numbers, [`Conditions`] is the E-model (ITU-T G.107), [`Line`] puts a call's
//! seconds together and [`Judge`] turns them into a word that does not flap.

mod burst;
mod emodel;
mod judge;
mod line;

pub use burst::{LossCounts, LossPattern};
pub use emodel::{Conditions, Impairment, mos};
pub use judge::{Judge, Level};
pub(super) use line::Measured;
pub use line::{Line, LineQuality, LineSummary};
