//! One link at work: where it meets its sockets, its WebSocket, the clock and the rings.
//!
//! ```text
//! UDP sockets ─┐                     ┌→ UDP sockets
//! WebSocket   ─┼→ LinkTask → Link → ─┼→ WebSocket (by its worker)
//! ring, time  ─┘                     └→ Present (events, rings)
//! ```
//!
//! Outputs are drained after every input. A panic beneath a link ends that link alone: it begins anew after
//! [`REVIVAL_PAUSE`], with the same ring.

mod news;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rtrb::Consumer;
use tokio::sync::mpsc;
use tokio::time::{Sleep, timeout};

use super::super::present::Present;
use super::health::LinkState;
use super::signal::{Heard, Signal, Wish};
use super::site::RoomSite;
use super::sockets::Sockets;
use crate::actors::clock;
use crate::livekit::{Link, LinkConfig, LinkOutput, LinkRole, LinkTimings, RemoteTrack, RoomPass};
use crate::media::opus::OpusPacket;
use crate::rtc::AudioPacket;

/// Datagrams taken from a socket before anything else gets a turn.
const DATAGRAMS_MAX: usize = 64;
/// A datagram larger than an Ethernet frame is none of WebRTC's.
const DATAGRAM_LEN_MAX: usize = 2048;
/// Packets taken from the ring at one wake: one is due, more are catching up.
const PACKETS_MAX: usize = 8;
/// How long the link may take to say good-bye.
pub(super) const LEAVE_MAX: Duration = Duration::from_secs(1);
/// After a panic, and before a listener that was thrown out comes back.
pub(super) const REVIVAL_PAUSE: Duration = Duration::from_millis(500);

/// What a link is told by the driver.
#[derive(Debug)]
pub(super) enum Order {
    SetAttributes(BTreeMap<String, String>),
    SetMuted(bool),
    RetryNow,
    Close,
}

/// What a link is made of.
pub(super) struct LinkSpec {
    pub(super) room: Rc<RoomSite>,
    pub(super) role: LinkRole,
    pub(super) pass: RoomPass,
    /// A caller's voice.
    pub(super) audio: Option<Consumer<OpusPacket>>,
    pub(super) orders: mpsc::Receiver<Order>,
    /// Kept up to date for the driver.
    pub(super) state: Rc<RefCell<LinkState>>,
}

/// One link at work.
pub(super) struct LinkTask {
    room: Rc<RoomSite>,
    role: LinkRole,
    identity: String,
    pass: Rc<RefCell<RoomPass>>,
    link: Link,
    signal: Signal,
    sockets: Sockets,
    /// Where the server was found.
    hosts: Vec<IpAddr>,
    present: Present<RemoteTrack>,
    audio: Option<Consumer<OpusPacket>>,
    is_muted: bool,
    orders: mpsc::Receiver<Order>,
    state: Rc<RefCell<LinkState>>,
    alarm: Pin<Box<Sleep>>,
    is_over: bool,
}

/// What the task woke up for.
enum Input {
    Start,
    Readable(usize),
    Frame,
    Heard(Option<Heard>),
    Order(Option<Order>),
    Deadline,
}

impl LinkTask {
    /// A link that joins as soon as it is run.
    pub(super) fn new(spec: LinkSpec) -> Self {
        let LinkSpec {
            room,
            role,
            pass,
            audio,
            orders,
            state,
        } = spec;
        let now = clock::now();
        let identity = pass.identity.clone();
        let pass = Rc::new(RefCell::new(pass));
        Self {
            link: Link::new(now, config(&room, role)),
            signal: Signal::start(Rc::clone(&room), Rc::clone(&pass)),
            sockets: Sockets::default(),
            hosts: Vec::new(),
            present: Present::new(room.site.tell.clone()),
            room,
            role,
            identity,
            pass,
            audio,
            is_muted: false,
            orders,
            state,
            alarm: Box::pin(tokio::time::sleep_until(now.into())),
            is_over: false,
        }
    }

    /// Works until it is closed or thrown out.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_LEN_MAX];
        let mut input = Input::Start;
        loop {
            // What a panic may have torn is thrown away by `begin_anew`.
            let took = catch_unwind(AssertUnwindSafe(|| self.take(input, &mut buffer)));
            if took.is_err() {
                self.begin_anew();
                tokio::time::sleep(REVIVAL_PAUSE).await;
                input = Input::Start;
                continue;
            }
            if self.is_over {
                break;
            }
            input = self.next().await;
        }
        self.present.all_left();
        let _ = timeout(LEAVE_MAX, self.signal.finish()).await;
    }

    async fn next(&mut self) -> Input {
        let deadline = self.link.poll_timeout();
        if let Some(at) = deadline
            && self.alarm.deadline().into_std() != at
        {
            self.alarm.as_mut().reset(at.into());
        }
        tokio::select! {
            index = self.sockets.readable() => Input::Readable(index),
            () = self.room.site.frame.notified(), if self.audio.is_some() => Input::Frame,
            heard = self.signal.next() => Input::Heard(heard),
            order = self.orders.recv() => Input::Order(order),
            () = &mut self.alarm, if deadline.is_some() => Input::Deadline,
        }
    }

    fn take(&mut self, input: Input, buffer: &mut [u8]) {
        let now = clock::now();
        match input {
            Input::Start if self.is_muted => self.link.set_muted(now, true),
            Input::Start => {}
            Input::Readable(index) => self.receive(index, buffer),
            Input::Frame => {}
            Input::Heard(heard) => self.hear(now, heard),
            Input::Order(order) => self.obey(now, order.unwrap_or(Order::Close)),
            Input::Deadline => self.link.handle_timeout(now),
        }
        // At every turn: a frame that came together with another input would else wait for the next frame.
        self.send(now);
        self.drain(now);
    }

    fn receive(&mut self, index: usize, buffer: &mut [u8]) {
        for _ in 0..DATAGRAMS_MAX {
            let Some(arrived) = self.sockets.receive(index, buffer) else {
                return;
            };
            let now = clock::now();
            if let Some(datagram) = buffer.get(..arrived.len) {
                let (transport, local, from) = (arrived.transport, arrived.local, arrived.from);
                self.link
                    .handle_datagram(now, transport, local, from, datagram);
            }
            self.drain(now);
        }
    }

    fn hear(&mut self, now: Instant, heard: Option<Heard>) {
        let heard = heard.unwrap_or_else(|| {
            let heard = self.signal.epitaph();
            self.signal = Signal::start(Rc::clone(&self.room), Rc::clone(&self.pass));
            heard
        });
        match heard {
            Heard::Joined(response, hosts) => {
                self.hosts = hosts;
                self.link.joined(now, *response);
            }
            Heard::JoinFailed(failure) => self.link.join_failed(now, failure),
            Heard::Resumed(response) => self.link.resumed(now, *response),
            Heard::ResumeFailed(failure) => self.link.resume_failed(now, failure),
            Heard::Message(message) => self.link.handle_signal(now, *message),
            Heard::Closed(reason) => self.link.signal_closed(now, &reason),
        }
    }

    fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::SetAttributes(attributes) => {
                self.pass.borrow_mut().attributes.clone_from(&attributes);
                self.link.set_attributes(now, attributes);
            }
            Order::SetMuted(muted) => {
                self.is_muted = muted;
                self.link.set_muted(now, muted);
            }
            Order::RetryNow => self.link.retry_now(now),
            Order::Close => self.link.close(now),
        }
    }

    /// Takes what the media tick has put into the ring.
    fn send(&mut self, now: Instant) {
        let Some(audio) = &mut self.audio else {
            return;
        };
        for _ in 0..PACKETS_MAX {
            let Ok(packet) = audio.pop() else { return };
            let packet = AudioPacket {
                seq: packet.seq,
                timestamp: packet.timestamp,
                marker: false,
                level_dbov: packet.level_dbov,
                payload: packet.payload.as_slice().into(),
            };
            let sent = self.link.send_audio(now, &packet);
            self.room.site.count(|stats| {
                stats.packets_out += u64::from(sent);
                stats.packets_unsent += u64::from(!sent);
            });
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.link.poll_output() {
            match output {
                LinkOutput::Join => {
                    self.room.site.count(|stats| stats.joins += 1);
                    self.wish(Wish::Join);
                }
                LinkOutput::Resume { reason } => {
                    self.room.site.count(|stats| stats.resumes += 1);
                    self.wish(Wish::Resume(reason));
                }
                LinkOutput::Send(message) => self.wish(Wish::Send(message)),
                LinkOutput::Reconnected => self.wish(Wish::Reconnected),
                LinkOutput::Disconnect => self.wish(Wish::Disconnect),
                LinkOutput::Bind { transport } => match self.sockets.bind(transport, &self.hosts) {
                    Ok(local) => self.link.bound(now, transport, &local),
                    Err(error) => self.link.bind_failed(now, transport, &error.to_string()),
                },
                LinkOutput::Unbind { transport } => self.sockets.unbind(transport),
                LinkOutput::Transmit {
                    transport,
                    to,
                    bytes,
                } => {
                    if !self.sockets.send(transport, to, &bytes) {
                        let drops = &self.room.site.send_drops;
                        drops.set(drops.get() + 1);
                    }
                }
                LinkOutput::Event(event) => self.tell(now, event),
            }
        }
    }

    fn wish(&mut self, wish: Wish) {
        if !self.signal.wish(wish) {
            tracing::warn!(
                room.name = self.room.name,
                identity = self.identity,
                "signalling is stuck"
            );
        }
    }

    fn begin_anew(&mut self) {
        tracing::error!(
            room.name = self.room.name,
            identity = self.identity,
            "a link panicked and begins anew"
        );
        let restarts = &self.room.site.restarts;
        restarts.set(restarts.get() + 1);
        let now = clock::now();
        self.link = Link::new(now, config(&self.room, self.role));
        self.sockets.clear();
        self.present.all_left();
        self.went_down(now, None);
    }
}

fn config(room: &RoomSite, role: LinkRole) -> LinkConfig {
    LinkConfig {
        role,
        node: room.site.node.clone(),
        timings: LinkTimings::of(role),
        seed: room.site.seed(),
    }
}
