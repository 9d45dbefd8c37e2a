//! What all links of the bridge's thread share: the server, the keys, the counters, and the rooms as they are on the server.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::super::config::{LinkStats, ServerConfig};
use super::super::message::Tell;
use super::rooms::RoomKeeper;
use crate::actors::clock;
use crate::config::LiveKitUrl;
use crate::livekit::{RoomLimit, RoomPlan, TokenKeys};

/// How long a link waits for its room to be made before it joins in any case.
const HEAD_START: Duration = Duration::from_millis(300);
/// A room that was made so recently is not made again.
const MADE_FRESH: Duration = Duration::from_secs(2);
/// Weyl's sequence: an odd step visits all seeds.
const SEED_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The LiveKit server, as the bridge's thread knows it.
pub(super) struct Site {
    pub(super) url: LiveKitUrl,
    pub(super) node: String,
    pub(super) keys: TokenKeys,
    pub(super) keeper: RoomKeeper,
    pub(super) tell: Tell,
    /// The media tick has put packets into the callers' rings.
    pub(super) frame: Notify,
    /// A link came up, went down or ended.
    pub(super) changed: Notify,
    /// A link came up since this was last looked at.
    pub(super) got_through: Cell<bool>,
    counters: Cell<LinkStats>,
    pub(super) ring_drops: Cell<u64>,
    pub(super) send_drops: Cell<u64>,
    pub(super) restarts: Cell<u64>,
    seed: Cell<u64>,
}

impl Site {
    pub(super) fn new(config: ServerConfig, seed: u64, tell: Tell) -> Self {
        let ServerConfig {
            url,
            api_key,
            api_secret,
            node,
        } = config;
        Self {
            keys: TokenKeys::new(&api_key, &api_secret),
            keeper: RoomKeeper::new(&url, &api_key, &api_secret, &node),
            url,
            node,
            tell,
            frame: Notify::new(),
            changed: Notify::new(),
            got_through: Cell::new(false),
            counters: Cell::default(),
            ring_drops: Cell::new(0),
            send_drops: Cell::new(0),
            restarts: Cell::new(0),
            seed: Cell::new(seed),
        }
    }

    /// A seed that no other link has.
    pub(super) fn seed(&self) -> u64 {
        let seed = self.seed.get().wrapping_add(SEED_STEP);
        self.seed.set(seed);
        seed
    }

    /// Counts something.
    pub(super) fn count(&self, count: impl FnOnce(&mut LinkStats)) {
        let mut counters = self.counters.get();
        count(&mut counters);
        self.counters.set(counters);
    }

    /// What was counted; how many links are wanted and up is not known here.
    pub(super) fn counted(&self) -> LinkStats {
        self.counters.get()
    }
}

/// A room on the server.
pub(super) struct RoomSite {
    pub(super) site: Rc<Site>,
    pub(super) name: String,
    /// `None`: it is not ours to make, or no longer.
    limit: Cell<Option<RoomLimit>>,
    made: Cell<Option<Instant>>,
    attempt_ended: Notify,
    making: RefCell<JoinSet<()>>,
}

impl RoomSite {
    pub(super) fn new(site: Rc<Site>, name: String) -> Rc<Self> {
        Rc::new(Self {
            site,
            name,
            limit: Cell::new(None),
            made: Cell::new(None),
            attempt_ended: Notify::new(),
            making: RefCell::default(),
        })
    }

    /// From now on it is made, with this limit, before anybody of ours joins.
    pub(super) fn open(&self, limit: RoomLimit) {
        self.limit.set(Some(limit));
    }

    /// It is not made any more.
    pub(super) fn close(&self) {
        self.limit.set(None);
        self.making.borrow_mut().abort_all();
    }

    /// How it is made by whoever of ours is the first in it, should the API not have made it.
    pub(super) fn plan(&self) -> Option<RoomPlan> {
        let limit = self.limit.get()?;
        Some(RoomPlan::new(&self.site.node, limit))
    }

    /// Has it made, unless it was just now; a server that came back has forgotten its rooms. Waits for that only so long:
    /// without it the room has no limit, but everybody is heard.
    pub(super) async fn make(self: &Rc<Self>) {
        let Some(limit) = self.limit.get() else {
            return;
        };
        let now = clock::now();
        let is_fresh = |at| now.saturating_duration_since(at) < MADE_FRESH;
        if self.made.get().is_some_and(is_fresh) {
            return;
        }
        let ended = self.attempt_ended.notified();
        self.begin_making(limit);
        let _ = tokio::time::timeout(HEAD_START, ended).await;
    }

    fn begin_making(self: &Rc<Self>, limit: RoomLimit) {
        let mut making = self.making.borrow_mut();
        while making.try_join_next().is_some() {}
        if !making.is_empty() {
            return;
        }
        let room = Rc::clone(self);
        making.spawn_local(async move {
            match room.site.keeper.ensure(&room.name, limit).await {
                Ok(()) => room.made.set(Some(clock::now())),
                Err(error) => {
                    tracing::debug!(room.name = room.name, %error, "room is not made by us");
                }
            }
            room.attempt_ended.notify_waiters();
        });
    }
}
