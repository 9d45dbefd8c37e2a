//! What a former life of this switch left behind on the server is taken away once, soon after the start; and until a link
//! is wanted, that is also how it is known whether the server is there.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use super::site::Site;
use crate::domain::RoomName;

/// How long rooms have to be opened that the former life still needs.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts while the server cannot be asked.
const PAUSE: Duration = Duration::from_secs(5);

/// Who is there now, and what the server's API said last.
#[derive(Default)]
pub(super) struct Sweep {
    rooms: RefCell<HashSet<String>>,
    calls: RefCell<HashSet<String>>,
    trouble: RefCell<Option<String>>,
}

impl Sweep {
    pub(super) fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Rooms that are open and calls that are in them.
    pub(super) fn note(
        &self,
        rooms: impl Iterator<Item = String>,
        calls: impl Iterator<Item = String>,
    ) {
        *self.rooms.borrow_mut() = rooms.collect();
        *self.calls.borrow_mut() = calls.collect();
    }

    /// Why the server could not be asked, as a sentence.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    /// Asks until it is answered.
    pub(super) async fn run(&self, site: &Site) {
        tokio::time::sleep(PATIENCE).await;
        loop {
            let is_dead = |room: &str| self.is_dead(room);
            let is_up = |call: &str| self.calls.borrow().contains(call);
            let swept = site.keeper.sweep(is_dead, is_up).await;
            let trouble = swept.as_ref().err().map(|error| format!("{error}."));
            *self.trouble.borrow_mut() = trouble;
            site.changed.notify_one();
            match swept {
                Ok(swept) => {
                    let (rooms, calls) = (swept.rooms, swept.calls);
                    tracing::info!(
                        rooms,
                        calls,
                        "LiveKit answers; what was left behind is gone"
                    );
                    return;
                }
                Err(error) => tracing::debug!(%error, "LiveKit's API cannot be asked"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A room of ours by its name that nobody has open.
    fn is_dead(&self, room: &str) -> bool {
        room.parse::<RoomName>().is_ok() && !self.rooms.borrow().contains(room)
    }
}
