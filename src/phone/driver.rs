//! The thread of one call: where signalling and voice meet sockets and the clock.
//!
//! ```text
//! SIP socket <-> Signalling -> status
//! every 20 ms: Voice -> RTP socket;    RTP socket -> record
//! ```
//! The n-th packet leaves at `start + n * 20 ms`; a late one does not make the next one late.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval_at, sleep_until};

use super::call::{Shared, Status};
use super::message::Parties;
use super::sdp::{Local, Remote};
use super::signalling::{Habits, Signalling};
use super::stage::{End, Stage};
use super::voice::Voice;
use super::wire::{Plug, Way, Wire};
use crate::actors::{clock, random};
use crate::media::rtp::{DATAGRAM_MAX, PACKET_BUF, RtpIn, RtpOut};
use crate::media::srtp::{MasterKey, Mki, SrtpIn, SrtpOut, Suite};
use crate::media::{FRAME_MS, NB_FRAME};
use crate::sip::sdp::Direction;

/// How long a call that is over still answers copies of requests.
const LINGERS: Duration = Duration::from_secs(1);

/// What the owner of a call wants.
pub(super) enum Order {
    HangUp,
    Offer(Direction),
    Rekey(MasterKey),
    Send(bool),
    /// Octets from the RTP socket to where RTP goes, as they are.
    Raw(Vec<u8>),
}

/// One call at work.
pub(super) struct Driver {
    far_end: SocketAddr,
    signalling: Signalling,
    voice: Box<dyn Voice>,
    stream: RtpOut,
    is_sending: bool,
    /// The keys of what we and the far end send, and both directions.
    srtp: Option<([MasterKey; 2], SrtpOut, SrtpIn)>,
    shared: Arc<Shared>,
}

/// Starts the thread of a call.
pub(super) fn start(
    driver: Driver,
    (sip, way): (Plug, Way),
    rtp: std::net::UdpSocket,
    orders: UnboundedReceiver<Order>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    rtp.set_nonblocking(true)?;
    let rtp = {
        let _entered = runtime.enter();
        UdpSocket::from_std(rtp)?
    };
    std::thread::Builder::new()
        .name("phone".to_owned())
        .spawn(move || runtime.block_on(driver.run((sip, way), &rtp, orders)))?;
    Ok(())
}

impl Driver {
    /// A call whose INVITE leaves as soon as the thread runs.
    pub(super) fn new(
        far_end: SocketAddr,
        (parties, local, habits): (Parties, Local, Habits),
        voice: Box<dyn Voice>,
        shared: Arc<Shared>,
    ) -> Self {
        let signalling = Signalling::start(clock::now(), parties, local, habits);
        let stream = RtpOut::new(random::u32(), random::sequence(), random::u32());
        Self {
            far_end,
            signalling,
            voice,
            stream,
            is_sending: true,
            srtp: None,
            shared,
        }
    }

    async fn run(
        mut self,
        (sip, way): (Plug, Way),
        rtp: &UdpSocket,
        mut orders: UnboundedReceiver<Order>,
    ) {
        let Ok(mut sip) = sip.into_wire(way).await else {
            // Nobody at the far end speaks TLS as we want it: to the owner, nobody is there.
            let mut status = self.shared.lock();
            status.stage = Stage::Ended(End::NoAnswer);
            return self.shared.changed.notify_all();
        };
        let frame = Duration::from_millis(FRAME_MS);
        let mut beat = interval_at((clock::now() + frame).into(), frame);
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut packet = [0; DATAGRAM_MAX];
        let mut over_since = None;
        loop {
            self.flush(&mut sip).await;
            let due = self
                .signalling
                .poll_timeout()
                .unwrap_or_else(|| clock::now() + LINGERS);
            tokio::select! {
                message = sip.recv() => self.signalling.handle_datagram(clock::now(), &message),
                received = rtp.recv_from(&mut packet) => {
                    if let Ok((len, from)) = received {
                        self.hear(clock::now(), from, packet.get_mut(..len).unwrap_or_default());
                    }
                }
                _ = beat.tick() => self.speak(rtp).await,
                Some(order) = orders.recv() => self.obey(clock::now(), order, rtp).await,
                () = sleep_until(due.into()) => self.signalling.handle_timeout(clock::now()),
            }
            if let Stage::Ended(_) = self.signalling.stage() {
                let over_since = *over_since.get_or_insert(clock::now());
                if clock::now().saturating_duration_since(over_since) >= LINGERS {
                    return;
                }
            }
        }
    }

    async fn obey(&mut self, now: Instant, order: Order, rtp: &UdpSocket) {
        match order {
            Order::HangUp => self.signalling.hang_up(now),
            Order::Offer(direction) => {
                self.signalling.offer(now, direction);
            }
            Order::Rekey(key) => {
                self.signalling.rekey(key);
                self.signalling.offer(now, self.signalling.direction());
            }
            Order::Send(sends) => self.is_sending = sends,
            Order::Raw(octets) => {
                if let Some(remote) = self.up() {
                    let _ = rtp.send_to(&octets, remote.rtp).await;
                }
            }
        }
    }

    /// Sends what signalling has to say, and tells the call's owner what became of it.
    async fn flush(&mut self, sip: &mut Wire) {
        while let Some(bytes) = self.signalling.poll_transmit() {
            sip.send(&bytes, self.far_end).await;
        }
        let mut status = self.shared.lock();
        let Status {
            stage, outcomes, ..
        } = &mut *status;
        if stage != self.signalling.stage() {
            self.signalling.stage().clone_into(stage);
            self.shared.changed.notify_all();
        }
        while let Some(outcome) = self.signalling.poll_outcome() {
            outcomes.push(outcome);
            self.shared.changed.notify_all();
        }
    }

    fn up(&self) -> Option<Remote> {
        self.signalling
            .remote()
            .filter(|_| *self.signalling.stage() == Stage::Up)
    }

    /// Takes the keys of the last offer and answer.
    fn key(&mut self, remote: &Remote) {
        let Some((ours, theirs)) = self.signalling.key().zip(remote.srtp) else {
            self.srtp = None;
            return;
        };
        let suite = Suite::AesCm128HmacSha1_80;
        let inbound = || SrtpIn::new(suite, &theirs, Mki::default());
        let Some((keys, outbound, inbound_now)) = &mut self.srtp else {
            self.srtp = Some(([ours, theirs], SrtpOut::new(suite, &ours), inbound()));
            return;
        };
        let [former_ours, former_theirs] = std::mem::replace(keys, [ours, theirs]);
        if former_ours != ours {
            *outbound = SrtpOut::new(suite, &ours);
        }
        if former_theirs != theirs {
            *inbound_now = inbound();
        }
    }

    fn hear(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        let Some(remote) = self.up().filter(|remote| remote.rtp == from) else {
            return;
        };
        self.key(&remote);
        let opened = match &mut self.srtp {
            Some((_, _, inbound)) => inbound.unprotect(datagram).ok(),
            None => Some(&*datagram),
        };
        let packet = opened.and_then(RtpIn::parse);
        let Some(packet) = packet.filter(|p| p.payload_type == remote.law.payload_type()) else {
            return;
        };
        self.shared.lock().heard.hear(now, &packet, remote.law);
        self.shared.changed.notify_all();
    }

    async fn speak(&mut self, rtp: &UdpSocket) {
        let samples = NB_FRAME as u32;
        let sends = self.is_sending && self.signalling.direction().sends();
        let Some(remote) = self
            .up()
            .filter(|remote| sends && remote.direction.receives())
        else {
            return self.stream.skip(samples);
        };
        self.key(&remote);
        let payload = remote.law.encode_frame(&self.voice.speak());
        let mut buf = PACKET_BUF;
        let plain = self
            .stream
            .packet(remote.law.payload_type(), &payload, &mut buf);
        let plain = plain.map_or(0, <[u8]>::len);
        let len = match &mut self.srtp {
            Some((_, outbound, _)) => outbound.protect(&mut buf, plain).unwrap_or(0),
            None => plain,
        };
        if let Some(packet) = buf.get(..len).filter(|packet| !packet.is_empty()) {
            packet.clone_into(&mut self.shared.lock().last_sent);
            // What cannot be sent is lost, as on any line.
            let _ = rtp.send_to(packet, remote.rtp).await;
        }
        self.stream.advance(samples);
    }
}
