//! The bridge's thread: where the endpoint meets the socket, the clock and the channels.
//!
//! ```text
//! UDP socket ─┐
//! commands   ─┼→ Endpoint → outputs → UDP socket | WebSocket channel | event | ring
//! wake, time ─┘
//! ```
//!
//! Outputs are drained after every input. A panic beneath a peer ends that peer alone (see
//! [`crate::rtc::Peer`]).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::message::{BridgeEvent, CallTrack, Command, JoinRequest, Joined};
use super::{BridgeStats, Shared};
use crate::actors::clock;
use crate::livekit::{
    CallParticipant, Endpoint, EndpointConfig, EndpointLimits, Event, JoinRefusal, Output,
    SessionId, TokenKeys, TrackKey,
};
use crate::media::opus::{OpusPacket, OpusPayload};
use crate::rtc::AudioPacket;

/// Packets of one browser that may wait for the media tick: 1.28 s of 20 ms frames.
const RING_PACKETS: usize = 64;
/// Packets taken from one caller's ring at one wake: one is due, more are catching up.
const CALL_PACKETS_MAX: usize = 8;
/// Datagrams taken from the socket before anything else gets a turn.
const DATAGRAMS_MAX: usize = 64;
/// A datagram larger than an Ethernet frame is none of WebRTC's.
const DATAGRAM_LEN_MAX: usize = 2048;
/// How old the published counters may become.
const STATS_INTERVAL: Duration = Duration::from_millis(250);

/// Everything the bridge's thread owns.
pub(super) struct Driver {
    endpoint: Endpoint,
    inbox: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
    events: Box<dyn Fn(BridgeEvent) + Send>,
    /// The WebSockets of the browsers, as channels.
    signals: HashMap<SessionId, mpsc::Sender<Vec<u8>>>,
    /// Browser audio on its way to the media tick.
    browsers: HashMap<TrackKey, Producer<OpusPacket>>,
    /// Caller audio on its way from the media tick.
    calls: Vec<Call>,
    stats: BridgeStats,
    stats_due: Instant,
}

struct Call {
    room: String,
    identity: String,
    track: TrackKey,
    audio: Consumer<OpusPacket>,
}

/// Starts the thread.
pub(super) fn start(driver: Driver, socket: std::net::UdpSocket) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let socket = {
        let _entered = runtime.enter();
        UdpSocket::from_std(socket)?
    };
    std::thread::Builder::new()
        .name("bridge".to_owned())
        .spawn(move || runtime.block_on(driver.run(&socket)))?;
    Ok(())
}

impl Driver {
    pub(super) fn new(
        candidates: Vec<SocketAddr>,
        keys: TokenKeys,
        limits: EndpointLimits,
        inbox: mpsc::Receiver<Command>,
        shared: Arc<Shared>,
        events: Box<dyn Fn(BridgeEvent) + Send>,
    ) -> Self {
        let started = clock::now();
        let endpoint = Endpoint::new(EndpointConfig {
            candidates,
            keys,
            limits,
            seed: rand::random(),
            started,
            started_unix_ms: clock::unix_ms(),
        });
        Self {
            endpoint,
            inbox,
            shared,
            events,
            signals: HashMap::new(),
            browsers: HashMap::new(),
            calls: Vec::new(),
            stats: BridgeStats::default(),
            stats_due: started,
        }
    }

    /// Runs until the last handle is dropped.
    async fn run(mut self, socket: &UdpSocket) {
        let shared = Arc::clone(&self.shared);
        let mut buffer = vec![0; DATAGRAM_LEN_MAX];
        loop {
            let deadline = self.endpoint.poll_timeout();
            tokio::select! {
                ready = socket.readable() => {
                    if ready.is_ok() {
                        self.receive(socket, &mut buffer);
                    }
                }
                command = self.inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                () = shared.wake.notified() => self.send_calls(),
                () = sleep_until(deadline) => self.endpoint.handle_timeout(clock::now()),
            }
            self.drain(socket);
            self.publish_stats();
        }
    }

    fn receive(&mut self, socket: &UdpSocket, buffer: &mut [u8]) {
        for _ in 0..DATAGRAMS_MAX {
            // Errors besides "would block" are ICMP answers to what we sent earlier.
            let Ok((len, from)) = socket.try_recv_from(buffer) else { return };
            // A socket bound to [::] shows IPv4 peers as mapped addresses.
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            if let Some(datagram) = buffer.get(..len) {
                self.endpoint.handle_datagram(clock::now(), from, datagram);
            }
            self.drain(socket);
        }
    }

    fn obey(&mut self, command: Command) {
        let now = clock::now();
        match command {
            Command::PublishCall { room, call } => self.publish_call(now, room, call),
            Command::SetCallAttributes { room, identity, attributes } => {
                self.endpoint.set_call_attributes(&room, &identity, attributes);
            }
            Command::SetCallMuted { room, identity, muted } => {
                self.endpoint.set_call_muted(&room, &identity, muted);
            }
            Command::Remove { room, identity } => {
                self.calls.retain(|call| call.room != room || call.identity != identity);
                self.endpoint.remove_participant(now, &room, &identity);
            }
            Command::CloseRoom { room, cause } => {
                self.calls.retain(|call| call.room != room);
                self.endpoint.close_room(now, &room, cause);
            }
            Command::Join { request, answer } => {
                let joined = self.join(now, request);
                let session = joined.as_ref().ok().map(|joined| joined.session);
                if answer.send(joined).is_err()
                    && let Some(session) = session
                {
                    self.endpoint.signal_closed(now, session);
                }
            }
            Command::Signal { session, frame } => {
                self.endpoint.handle_signal(now, session, &frame);
            }
            Command::SignalClosed { session } => {
                self.signals.remove(&session);
                self.endpoint.signal_closed(now, session);
            }
        }
    }

    fn join(&mut self, now: Instant, request: JoinRequest) -> Result<Joined, JoinRefusal> {
        let session = self.endpoint.join(now, &request.token, &request.query)?;
        self.signals.insert(session, request.reply);
        Ok(Joined { session })
    }

    fn publish_call(&mut self, now: Instant, room: String, call: CallTrack) {
        let CallTrack { identity, name, attributes, audio } = call;
        self.calls.retain(|call| call.room != room || call.identity != identity);
        let shown = CallParticipant { identity: identity.clone(), name, attributes };
        match self.endpoint.publish_call(now, &room, shown) {
            Ok(track) => self.calls.push(Call { room, identity, track, audio }),
            Err(refusal) => tracing::error!(room, identity, %refusal, "call not shown to browsers"),
        }
    }

    fn send_calls(&mut self) {
        let now = clock::now();
        for call in &mut self.calls {
            for _ in 0..CALL_PACKETS_MAX {
                let Ok(packet) = call.audio.pop() else { break };
                let packet = AudioPacket {
                    seq: packet.seq,
                    timestamp: packet.timestamp,
                    marker: false,
                    level_dbov: packet.level_dbov,
                    payload: packet.payload.as_slice().into(),
                };
                self.endpoint.send_call_audio(now, call.track, &packet);
            }
        }
    }

    fn drain(&mut self, socket: &UdpSocket) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { to, bytes } => {
                    if socket.try_send_to(&bytes, mapped(to, socket)).is_err() {
                        self.stats.send_drops += 1;
                    }
                }
                Output::Signal { session, frame } => self.signal(session, frame),
                Output::CloseSignal { session } => {
                    self.signals.remove(&session);
                }
                Output::Event(event) => self.report(event),
            }
        }
    }

    fn signal(&mut self, session: SessionId, frame: Vec<u8>) {
        let Some(channel) = self.signals.get(&session) else { return };
        if let Err(error) = channel.try_send(frame) {
            self.stats.slow_signals += u64::from(matches!(error, mpsc::error::TrySendError::Full(_)));
            self.signals.remove(&session);
            self.endpoint.signal_closed(clock::now(), session);
        }
    }

    fn report(&mut self, event: Event) {
        let event = match event {
            Event::TrackAudio { track, seq, timestamp, level_dbov, payload } => {
                if let Ok(payload) = OpusPayload::try_from(&*payload) {
                    self.push(track, OpusPacket { seq, timestamp, payload, level_dbov });
                }
                return;
            }
            Event::TrackUp { track, room, identity, track_sid, muted } => {
                let (producer, audio) = RingBuffer::new(RING_PACKETS);
                self.browsers.insert(track, producer);
                BridgeEvent::TrackUp { room, identity, track_sid, audio, muted }
            }
            Event::TrackDown { track, room, identity, track_sid } => {
                self.browsers.remove(&track);
                BridgeEvent::TrackDown { room, identity, track_sid }
            }
            Event::TrackMuted { room, identity, track_sid, muted, .. } => {
                BridgeEvent::TrackMuted { room, identity, track_sid, muted }
            }
            Event::ParticipantJoined { room, identity, name, sid } => {
                BridgeEvent::ParticipantJoined { room, identity, name, sid }
            }
            Event::ParticipantLeft { room, identity, sid } => {
                BridgeEvent::ParticipantLeft { room, identity, sid }
            }
        };
        (self.events)(event);
    }

    fn push(&mut self, track: TrackKey, packet: OpusPacket) {
        if let Some(ring) = self.browsers.get_mut(&track)
            && ring.push(packet).is_err()
        {
            self.stats.ring_drops += 1;
        }
    }

    fn publish_stats(&mut self) {
        let now = clock::now();
        if now < self.stats_due {
            return;
        }
        self.stats_due = now + STATS_INTERVAL;
        self.stats.endpoint = self.endpoint.counters();
        let mut shared = self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let command_drops = shared.command_drops;
        *shared = BridgeStats { command_drops, ..self.stats };
    }
}

/// A socket bound to [::] wants IPv4 destinations as mapped addresses.
fn mapped(to: SocketAddr, socket: &UdpSocket) -> SocketAddr {
    match (to.ip(), socket.local_addr()) {
        (IpAddr::V4(ip), Ok(local)) if local.is_ipv6() => {
            SocketAddr::new(ip.to_ipv6_mapped().into(), to.port())
        }
        _ => to,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
