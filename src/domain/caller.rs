//! The person behind a number.

use crate::domain::{ids::CallerId, time::UnixMs};

/// What the station remembers of somebody who phoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub id: CallerId,
    /// E.164; `None` for a withheld number, which is a separate caller each time.
    pub number: Option<String>,
    /// As they gave it.
    pub name: String,
    /// Where they call from.
    pub location: String,
    /// For writing back.
    pub email: String,
    /// What screeners should know.
    pub notes: String,
    /// Refused before they ring.
    pub blocked: bool,
    /// A very important person.
    pub vip: bool,
    /// First call ever.
    pub first_call_at: UnixMs,
    /// Latest call.
    pub last_call_at: UnixMs,
    /// Calls so far, the present one included.
    pub total_calls: i32,
}

/// Longest texts of a card, in characters.
pub mod limits {
    /// A name or a location.
    pub const NAME: usize = 120;
    /// The point: what the host reads at arm's length.
    pub const POINT: usize = 160;
    /// Notes.
    pub const NOTES: usize = 4000;
}
