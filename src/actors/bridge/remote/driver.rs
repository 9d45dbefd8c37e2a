//! The bridge's thread towards a LiveKit server: which links there should be.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::super::Shared;
use super::super::config::{BridgeStats, LinkStats, ServerConfig};
use super::super::message::{BridgeEvent, CallTrack, Command, Tell};
use super::health::{Health, LinkState};
use super::link::LinkHandle;
use super::pass;
use super::room::{Room, all_ended, listen};
use super::site::Site;
use super::sweep::Sweep;
use super::task::{Order, REVIVAL_PAUSE};
use crate::actors::clock;
use crate::livekit::{JoinRefusal, LinkRole, RoomLimit};

/// How old the published counters may become.
const STATS_INTERVAL: Duration = Duration::from_millis(250);
/// Requests to LiveKit's API under way.
const REQUESTS_MAX: usize = 256;

/// Everything the bridge's thread owns.
pub(super) struct Driver {
    site: Rc<Site>,
    inbox: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
    rooms: HashMap<String, Room>,
    links: JoinSet<()>,
    requests: JoinSet<()>,
    deletions: HashMap<String, AbortHandle>,
    sweep: Rc<Sweep>,
    health: Health,
    health_due: Option<Instant>,
    stats_due: Instant,
}

/// What the thread woke up for.
enum Input {
    Command(Option<Command>),
    Wake,
    Changed,
    Ended,
    Deadline,
}

impl Driver {
    pub(super) fn new(
        config: ServerConfig,
        seed: u64,
        inbox: mpsc::Receiver<Command>,
        shared: Arc<Shared>,
        tell: Tell,
    ) -> Self {
        let health = Health::new(config.url.to_string());
        let site = Rc::new(Site::new(config, seed, tell));
        let now = clock::now();
        Self {
            sweep: Sweep::new(),
            site,
            inbox,
            shared,
            rooms: HashMap::new(),
            links: JoinSet::new(),
            requests: JoinSet::new(),
            deletions: HashMap::new(),
            health,
            health_due: None,
            stats_due: now,
        }
    }

    /// Runs until it is stopped, or until the last handle is dropped.
    pub(super) async fn run(mut self) {
        let (sweep, site) = (Rc::clone(&self.sweep), Rc::clone(&self.site));
        self.requests
            .spawn_local(async move { sweep.run(&site).await });
        loop {
            match self.next().await {
                Input::Wake => self.site.frame.notify_waiters(),
                Input::Command(Some(Command::Stop { done })) => {
                    self.leave_all().await;
                    // Whoever asked may have given up.
                    let _ = done.send(());
                    return;
                }
                Input::Command(None) => return self.leave_all().await,
                Input::Command(Some(command)) => {
                    self.obey(command);
                    self.look_around();
                }
                Input::Ended => {
                    self.reap();
                    self.look_around();
                }
                Input::Changed | Input::Deadline => self.look_around(),
            }
            self.publish_stats();
        }
    }

    async fn next(&mut self) -> Input {
        let shared = Arc::clone(&self.shared);
        let deadline = self.health_due;
        let alarm = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            command = self.inbox.recv() => Input::Command(command),
            () = shared.wake.notified() => Input::Wake,
            () = self.site.changed.notified() => Input::Changed,
            Some(_) = self.links.join_next() => Input::Ended,
            Some(_) = self.requests.join_next() => Input::Ended,
            () = alarm => Input::Deadline,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::OpenRoom { room, limit } => self.open_room(room, limit),
            Command::RoomFinished { room } => {
                if let Some(room) = self.rooms.get(&room) {
                    room.links().for_each(|link| link.order(Order::RetryNow));
                }
            }
            Command::PublishCall { room, call } => self.publish(room, call),
            Command::SetCallAttributes {
                room,
                identity,
                attributes,
            } => {
                let attributes = pass::with_node(&self.site.node, attributes);
                self.order(&room, &identity, Order::SetAttributes(attributes));
            }
            Command::SetCallMuted {
                room,
                identity,
                muted,
            } => self.order(&room, &identity, Order::SetMuted(muted)),
            Command::Remove { room, identity } => self.remove(&room, identity),
            Command::CloseRoom { room, .. } => self.close_room(room),
            Command::Join { answer, .. } => {
                // Whoever asked may have given up.
                let _ = answer.send(Err(JoinRefusal::Unavailable));
            }
            // No browser's WebSocket is here, and `run` has taken the last one.
            Command::Signal { .. } | Command::SignalClosed { .. } | Command::Stop { .. } => {}
        }
    }

    fn open_room(&mut self, name: String, limit: RoomLimit) {
        if let Some(deletion) = self.deletions.remove(&name) {
            deletion.abort();
        }
        let (site, links) = (&self.site, &mut self.links);
        let room = self
            .rooms
            .entry(name.clone())
            .or_insert_with(|| Room::new(site, name));
        room.site.open(limit);
        if room.listener.is_none() {
            room.listener = Some(listen(links, &room.site, ready(())));
        }
        self.note_who_is_there();
    }

    fn publish(&mut self, name: String, call: CallTrack) {
        let CallTrack {
            identity,
            name: shown,
            attributes,
            audio,
            // A server does not say whether anybody listens.
            heard: _,
        } = call;
        let (site, links) = (&self.site, &mut self.links);
        let pass = pass::caller(&site.node, &name, &identity, &shown, attributes);
        let room = self
            .rooms
            .entry(name.clone())
            .or_insert_with(|| Room::new(site, name));
        let former = room.calls.remove(&identity).map(LinkHandle::leave);
        let room_site = Rc::clone(&room.site);
        let link = LinkHandle::start(
            links,
            room_site,
            LinkRole::Caller,
            pass,
            Some(audio),
            all_ended(former.into_iter().collect()),
        );
        room.calls.insert(identity, link);
        self.note_who_is_there();
    }

    fn order(&self, room: &str, identity: &str, order: Order) {
        let link = self
            .rooms
            .get(room)
            .and_then(|room| room.calls.get(identity));
        if let Some(link) = link {
            link.order(order);
        }
    }

    /// Ours leave by themselves; others have to be removed by the server.
    fn remove(&mut self, name: &str, identity: String) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        if let Some(link) = room.calls.remove(&identity) {
            drop(link.leave());
            self.note_who_is_there();
        } else {
            let (site, name) = (Rc::clone(&self.site), name.to_owned());
            self.request(async move { site.keeper.remove_participant(&name, &identity).await });
        }
    }

    fn close_room(&mut self, name: String) {
        let Some(room) = self.rooms.remove(&name) else {
            return;
        };
        self.note_who_is_there();
        room.site.close();
        let leaving = room.leave();
        let (site, deleted) = (Rc::clone(&self.site), name.clone());
        let deletion = self.request(async move {
            all_ended(leaving).await;
            site.keeper.delete(&deleted).await;
        });
        self.deletions.retain(|_, deletion| !deletion.is_finished());
        self.deletions
            .extend(deletion.map(|deletion| (name, deletion)));
    }

    fn request(&mut self, work: impl Future<Output = ()> + 'static) -> Option<AbortHandle> {
        if self.requests.len() >= REQUESTS_MAX {
            tracing::warn!("too much is asked of LiveKit's API: a request was dropped");
            return None;
        }
        Some(self.requests.spawn_local(work))
    }

    /// Whoever ended without having been told to was thrown out: callers are gone, listeners come back.
    fn reap(&mut self) {
        for room in self.rooms.values_mut() {
            room.calls.retain(|_, call| !call.has_ended());
            if room.listener.as_ref().is_some_and(LinkHandle::has_ended) {
                room.listener = Some(listen(&mut self.links, &room.site, sleep(REVIVAL_PAUSE)));
            }
        }
        self.note_who_is_there();
    }

    fn note_who_is_there(&self) {
        let calls = self
            .rooms
            .values()
            .flat_map(|room| room.calls.keys().cloned());
        self.sweep.note(self.rooms.keys().cloned(), calls);
    }

    /// Tells when LiveKit is lost or back, and wakes the others when one got through.
    fn look_around(&mut self) {
        let links = || self.rooms.values().flat_map(Room::links);
        if self.site.got_through.take() {
            let down = links().filter(|link| !link.is_up());
            down.for_each(|link| link.order(Order::RetryNow));
        }
        let states: Vec<LinkState> = links().map(LinkHandle::state).collect();
        let now = clock::now();
        let trouble = self.sweep.trouble();
        let (told, due) = self
            .health
            .judge(now, clock::unix_ms(), &states, trouble.as_deref());
        self.health_due = due;
        if let Some(state) = told {
            (self.site.tell)(BridgeEvent::Transport(state));
        }
    }

    /// Everybody of ours leaves; rooms stay.
    async fn leave_all(mut self) {
        let rooms = std::mem::take(&mut self.rooms);
        let leaving = rooms.into_values().flat_map(Room::leave).collect();
        all_ended(leaving).await;
    }

    fn publish_stats(&mut self) {
        let now = clock::now();
        if now < self.stats_due {
            return;
        }
        self.stats_due = now + STATS_INTERVAL;
        let (mut wanted, mut up) = (0, 0);
        for link in self.rooms.values().flat_map(Room::links) {
            wanted += 1;
            up += u64::from(link.is_up());
        }
        let mut shared = self
            .shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = BridgeStats {
            links: LinkStats {
                wanted,
                up,
                ..self.site.counted()
            },
            ring_drops: self.site.ring_drops.get(),
            send_drops: self.site.send_drops.get(),
            restarts: self.site.restarts.get(),
            command_drops: shared.command_drops,
            ..BridgeStats::default()
        };
    }
}
