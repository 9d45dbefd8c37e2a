//! The bridge's thread: where the endpoint meets the socket, the clock and the channels.
//!
//! ```text
//! UDP socket ─┐                       ┌→ UDP socket
//! commands   ─┼→ Driver → Endpoint → ─┼→ WebSocket channels
//! wake, time ─┘                       └→ Present (events, rings)
//! ```
//!
//! Outputs are drained after every input. A panic beneath a peer ends that peer alone (see
//! [`crate::rtc::Peer`]); should the endpoint itself panic, it is made anew: browsers lose their
//! WebSockets and join again by themselves, calls are shown again.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::calls::Calls;
use super::message::{Command, JoinRequest, Joined, Tell};
use super::present::Present;
use super::{BridgeStats, Shared};
use crate::actors::clock;
use crate::livekit::{Endpoint, EndpointConfig, JoinRefusal, Output, SessionId, TrackKey};

/// Datagrams taken from the socket before anything else gets a turn.
const DATAGRAMS_MAX: usize = 64;
/// A datagram larger than an Ethernet frame is none of WebRTC's.
const DATAGRAM_LEN_MAX: usize = 2048;
/// How old the published counters may become.
const STATS_INTERVAL: Duration = Duration::from_millis(250);

/// Everything the bridge's thread owns.
pub(super) struct Driver {
    config: EndpointConfig,
    endpoint: Endpoint,
    inbox: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
    /// The WebSockets of the browsers, as channels.
    signals: HashMap<SessionId, mpsc::Sender<Vec<u8>>>,
    present: Present<TrackKey>,
    calls: Calls,
    stats: BridgeStats,
    stats_due: Instant,
}

/// Multiplier of Knuth's MMIX generator.
const SEED_FACTOR: u64 = 6_364_136_223_846_793_005;

/// What the thread woke up for.
enum Input {
    Readable,
    Command(Command),
    Wake,
    Deadline,
}

/// Starts the thread.
pub(super) fn start(driver: Driver, socket: std::net::UdpSocket) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
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
        config: EndpointConfig,
        inbox: mpsc::Receiver<Command>,
        shared: Arc<Shared>,
        tell: Tell,
    ) -> Self {
        let now = clock::now();
        Self {
            endpoint: Endpoint::new(now, clock::unix_ms(), config.clone()),
            config,
            inbox,
            shared,
            signals: HashMap::new(),
            present: Present::new(tell),
            calls: Calls::default(),
            stats: BridgeStats::default(),
            stats_due: now,
        }
    }

    /// Runs until the last handle is dropped.
    async fn run(mut self, socket: &UdpSocket) {
        let shared = Arc::clone(&self.shared);
        let mut buffer = vec![0; DATAGRAM_LEN_MAX];
        loop {
            let deadline = self.endpoint.poll_timeout();
            let input = tokio::select! {
                _ = socket.readable() => Input::Readable,
                command = self.inbox.recv() => match command {
                    Some(command) => Input::Command(command),
                    None => return,
                },
                () = shared.wake.notified() => Input::Wake,
                () = sleep_until(deadline) => Input::Deadline,
            };
            // What a panic may have torn is thrown away by `begin_anew`.
            let took = catch_unwind(AssertUnwindSafe(|| self.take(input, socket, &mut buffer)));
            if took.is_err() {
                self.begin_anew();
            }
            self.publish_stats();
        }
    }

    fn take(&mut self, input: Input, socket: &UdpSocket, buffer: &mut [u8]) {
        match input {
            Input::Readable => self.receive(socket, buffer),
            Input::Command(command) => {
                self.obey(command);
                self.calls.mark_heard(&self.endpoint);
            }
            Input::Wake => self.calls.send(clock::now(), &mut self.endpoint),
            Input::Deadline => {
                self.endpoint.handle_timeout(clock::now());
                self.calls.mark_heard(&self.endpoint);
            }
        }
        self.drain(socket);
    }

    fn receive(&mut self, socket: &UdpSocket, buffer: &mut [u8]) {
        for _ in 0..DATAGRAMS_MAX {
            // Errors besides "would block" are ICMP answers to what we sent earlier.
            let Ok((len, from)) = socket.try_recv_from(buffer) else {
                return;
            };
            // A socket bound to [::] shows IPv4 peers as mapped addresses.
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            if let Some(datagram) = buffer.get(..len) {
                self.endpoint.handle_datagram(clock::now(), from, datagram);
            }
            self.drain(socket);
        }
    }

    fn obey(&mut self, command: Command) {
        let (now, endpoint) = (clock::now(), &mut self.endpoint);
        match command {
            Command::PublishCall { room, call } => self.calls.publish(now, endpoint, room, call),
            Command::SetCallAttributes {
                room,
                identity,
                attributes,
            } => {
                self.calls
                    .set_attributes(endpoint, &room, &identity, attributes);
            }
            Command::SetCallMuted {
                room,
                identity,
                muted,
            } => {
                self.calls.set_muted(endpoint, &room, &identity, muted);
            }
            Command::Remove { room, identity } => {
                self.calls.forget(&room, &identity);
                endpoint.remove_participant(now, &room, &identity);
            }
            Command::CloseRoom { room, cause } => {
                self.calls.forget_room(&room);
                endpoint.close_room(now, &room, cause);
            }
            Command::Join { request, answer } => {
                let joined = self.join(now, request);
                let session = joined.as_ref().ok().map(|joined| joined.session);
                if answer.send(joined).is_err()
                    && let Some(session) = session
                {
                    self.signal_closed(now, session);
                }
            }
            Command::Signal { session, frame } => endpoint.handle_signal(now, session, &frame),
            Command::SignalClosed { session } => self.signal_closed(now, session),
            // The endpoint makes a room when somebody comes, and knows itself when it is over.
            Command::OpenRoom { .. } | Command::RoomFinished { .. } => {}
            Command::Stop { done } => {
                // Whoever asked may have given up.
                let _ = done.send(());
            }
        }
    }

    fn join(&mut self, now: Instant, request: JoinRequest) -> Result<Joined, JoinRefusal> {
        let session = self
            .endpoint
            .join(now, clock::unix_ms(), &request.token, &request.query)?;
        self.signals.insert(session, request.reply);
        Ok(Joined { session })
    }

    fn signal_closed(&mut self, now: Instant, session: SessionId) {
        self.signals.remove(&session);
        self.endpoint.signal_closed(now, session);
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
                Output::Event(event) => self.present.take(event),
            }
        }
    }

    fn signal(&mut self, session: SessionId, frame: Vec<u8>) {
        let Some(channel) = self.signals.get(&session) else {
            return;
        };
        if let Err(error) = channel.try_send(frame) {
            let slow = matches!(error, mpsc::error::TrySendError::Full(_));
            self.stats.slow_signals += u64::from(slow);
            self.signal_closed(clock::now(), session);
        }
    }

    fn begin_anew(&mut self) {
        tracing::error!("the audio endpoint panicked and begins anew; browsers will join again");
        self.stats.restarts += 1;
        // Another seed makes other session ids: a WebSocket of before must not speak for anybody.
        self.config.seed = self.config.seed.wrapping_mul(SEED_FACTOR).wrapping_add(1);
        let now = clock::now();
        self.endpoint = Endpoint::new(now, clock::unix_ms(), self.config.clone());
        self.signals.clear();
        self.present.all_left();
        self.calls.publish_all(now, &mut self.endpoint);
    }

    fn publish_stats(&mut self) {
        let now = clock::now();
        if now < self.stats_due {
            return;
        }
        self.stats_due = now + STATS_INTERVAL;
        self.stats.endpoint = self.endpoint.counters();
        self.stats.ring_drops = self.present.ring_drops;
        let mut shared = self
            .shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = BridgeStats {
            command_drops: shared.command_drops,
            ..self.stats
        };
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc as std_mpsc;

    use rtrb::RingBuffer;

    use super::*;
    use crate::actors::bridge::{BridgeEvent, CallTrack, EndpointLimits};
    use crate::livekit::{JoinQuery, RoomPass, TokenKeys};

    fn driver() -> (Driver, std_mpsc::Receiver<BridgeEvent>) {
        let (told, events) = std_mpsc::channel();
        let config = EndpointConfig {
            candidates: vec!["127.0.0.1:7882".parse().unwrap()],
            keys: TokenKeys::new("key", "secret"),
            limits: EndpointLimits::default(),
            seed: 7,
        };
        let driver = Driver::new(
            config,
            mpsc::channel(1).1,
            Arc::default(),
            Arc::new(move |event| {
                let _ = told.send(event);
            }),
        );
        (driver, events)
    }

    fn join(driver: &mut Driver, frames_max: usize) -> (SessionId, mpsc::Receiver<Vec<u8>>) {
        let pass = RoomPass::new("live", "ann", "Ann");
        let token = driver
            .config
            .keys
            .sign(&pass, Duration::from_secs(60))
            .unwrap();
        let (reply, frames) = mpsc::channel(frames_max);
        let request = JoinRequest {
            token,
            query: JoinQuery::parse(""),
            reply,
        };
        let session = driver.join(clock::now(), request).unwrap().session;
        while let Some(output) = driver.endpoint.poll_output() {
            if let Output::Event(event) = output {
                driver.present.take(event);
            }
        }
        (session, frames)
    }

    #[test]
    fn a_browser_that_does_not_read_is_cut_off() {
        let (mut driver, _events) = driver();
        let (session, mut frames) = join(&mut driver, 1);
        driver.signal(session, vec![1]);
        assert_eq!(driver.stats.slow_signals, 0);
        driver.signal(session, vec![2]);
        driver.signal(session, vec![3]);
        assert_eq!(driver.stats.slow_signals, 1, "noticed once");
        assert_eq!(frames.try_recv(), Ok(vec![1]));
        assert_eq!(
            frames.try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
    }

    #[test]
    fn a_voice_is_wanted_while_a_browser_is_in_its_room() {
        let (mut driver, _events) = driver();
        let heard: Arc<AtomicBool> = Arc::new(true.into());
        let call = CallTrack {
            identity: "call:1".to_owned(),
            name: String::new(),
            attributes: Default::default(),
            audio: RingBuffer::new(1).1,
            heard: Arc::clone(&heard),
        };
        driver.obey(Command::PublishCall {
            room: "live".to_owned(),
            call,
        });
        let is_wanted = |driver: &mut Driver| {
            driver.calls.mark_heard(&driver.endpoint);
            heard.load(Ordering::Relaxed)
        };
        assert!(!is_wanted(&mut driver));
        let (session, _frames) = join(&mut driver, 8);
        assert!(is_wanted(&mut driver));
        driver.endpoint.signal_closed(clock::now(), session);
        driver
            .endpoint
            .remove_participant(clock::now(), "live", "ann");
        assert!(!is_wanted(&mut driver));
    }

    #[test]
    fn an_endpoint_made_anew_shows_the_calls_and_lets_browsers_join_again() {
        let (mut driver, events) = driver();
        let call = CallTrack {
            identity: "call:1".to_owned(),
            name: String::new(),
            attributes: Default::default(),
            audio: RingBuffer::new(1).1,
            heard: Arc::default(),
        };
        driver.obey(Command::PublishCall {
            room: "live".to_owned(),
            call,
        });
        let (former, mut frames) = join(&mut driver, 8);
        driver.begin_anew();
        assert_eq!(
            frames.try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
        assert_eq!(driver.endpoint.counters().calls, 1);
        let (session, _frames) = join(&mut driver, 8);
        assert_ne!(session, former, "a WebSocket of before speaks for nobody");
        let told: Vec<bool> = events
            .try_iter()
            .filter_map(|event| match event {
                BridgeEvent::ParticipantJoined { .. } => Some(true),
                BridgeEvent::ParticipantLeft { .. } => Some(false),
                BridgeEvent::TrackUp { .. }
                | BridgeEvent::TrackMuted { .. }
                | BridgeEvent::TrackDown { .. }
                | BridgeEvent::CallRemoved { .. }
                | BridgeEvent::CallMuted { .. }
                | BridgeEvent::Transport(_) => None,
            })
            .collect();
        assert_eq!(told, [true, false, true]);
    }
}
