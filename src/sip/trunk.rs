//! Who may call and who is called: the trunks, what each of them may, and how much everybody else may say.
//!
//! ```text
//! packet -> Admission::admits -> Listed | Guest    read, on the trunk's own budget
//!                           |-> Stranger           read, a little: it may bring a token or credentials
//!                           `-> dropped unread     banned, or too much
//! INVITE -> Admission::rule -> Accepted            counted until the call is over
//!                         `-> Refused              401, 403, 407, 486
//! an operator dials -> Admission::call_out -> CallOut  counted on the same trunk
//! ```
//!
//! A trunk is known by its addresses, and proves itself by digest where it has a login. A trunk with `allow = "any"` has a login
//! and no address: whoever proves to be it is a guest for a day. Nothing that a
//! packet says ever causes a call of ours.

mod admission;
mod allow;
mod bans;
mod calls;
mod fields;
mod guests;
mod media;
mod profile;
mod rate;
mod strangers;
mod termination;

pub use admission::{
    Accepted, Admission, CallOut, NoLine, Refused, RefusedCause, Ruling, Standing, Unread,
};
pub use allow::{Allow, AllowError, RANGES_MAX};
pub use fields::{CallFields, FieldHeaders};
pub use media::{MediaTable, TrunkMedia};
pub use profile::{Profile, Reach, TRUNKS_MAX, Trunk, TrunkError, TrunkName, TrunkTable, Trunks};
pub(super) use rate::Rate;
pub use termination::Termination;
