//! A room that is open, and the links in it.

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::link::LinkHandle;
use super::pass;
use super::site::{RoomSite, Site};
use super::task::LEAVE_MAX;
use crate::livekit::LinkRole;

/// A room that is open.
pub(super) struct Room {
    pub(super) site: Rc<RoomSite>,
    pub(super) listener: Option<LinkHandle>,
    pub(super) calls: BTreeMap<String, LinkHandle>,
}

impl Room {
    pub(super) fn links(&self) -> impl Iterator<Item = &LinkHandle> {
        self.listener.iter().chain(self.calls.values())
    }
}

impl Room {
    pub(super) fn new(site: &Rc<Site>, name: String) -> Self {
        Self {
            site: RoomSite::new(Rc::clone(site), name),
            listener: None,
            calls: BTreeMap::new(),
        }
    }

    pub(super) fn leave(self) -> Vec<oneshot::Receiver<()>> {
        let links = self.listener.into_iter().chain(self.calls.into_values());
        links.map(LinkHandle::leave).collect()
    }
}

/// Starts a room's ear.
pub(super) fn listen(
    links: &mut JoinSet<()>,
    room: &Rc<RoomSite>,
    wait: impl Future<Output = ()> + 'static,
) -> LinkHandle {
    let pass = pass::listener(&room.site.node, &room.name);
    LinkHandle::start(links, Rc::clone(room), LinkRole::Listener, pass, None, wait)
}

pub(super) async fn all_ended(leaving: Vec<oneshot::Receiver<()>>) {
    let all = async {
        for ended in leaving {
            let _ = ended.await;
        }
    };
    let _ = timeout(LEAVE_MAX, all).await;
}
