//! Every question the books are asked: plain functions on a connection, all parameterised, all with
//! a limit.
//!
//! While a switch runs, its journal is the one writer of shows, episodes, callers, calls, events
//! and consents; operators are written directly.

mod call;
mod caller;
mod consent;
mod opening;
mod operator;
mod show;

pub use call::{
    CallEntry, CallFilter, call_by_id, close_open_calls, events_of_call, insert_event, list_calls,
    upsert_call,
};
pub use caller::{each_caller, upsert_caller};
pub use consent::{consents_of_caller, insert_consent};
pub use opening::{Opening, load_opening};
pub use operator::{insert_account, list_accounts, operator_by_name, update_account};
pub use show::{list_episodes, upsert_episode, upsert_show};

/// Rows of a list when nobody says fewer.
pub const LIST_ROWS_MAX: i64 = 1000;
