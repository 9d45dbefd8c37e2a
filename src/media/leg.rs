//! One phone call's media: what its line brings goes to its voice, what it is to hear goes out. Who hears
//! whom is the table's affair; the packets are [`RtpSide`]'s, or the frames [`StreamSide`]'s.

mod line;

use std::time::{Duration, Instant};

use super::codec::{Codec, Payload};
use super::ear::Ear;
use super::feed::Player;
use super::g711::Law;
use super::quality::Line;
use super::rtp::{DATAGRAM_MAX, PACKET_BUF};
use super::rtp_side::{Arrival, Content, RtpSide};
use super::stats::LegReport;
use super::stream::{StreamSide, StreamSpec};
use super::table::{
    EventQueue, LegChange, LegKey, LegSpec, MediaEvent, MediaIo, MediaSettings, Place, RoomKey,
    Sounding,
};
use super::voice::{Tap, Voice};
use super::{FRAME_MS, NB_FRAME};

/// Datagrams taken from one socket at a time: twenty times what the rate cap lets through in a frame, so that
/// a flood costs its own leg, not the others.
const DATAGRAMS_MAX: usize = 64;
/// Frames after which the socket of a caller whom nobody hears is read: 80 ms. The kernel keeps what comes meanwhile, and stamps
/// it; a key is known that much later, and most of the cost of looking is saved.
const REST_FRAMES: u64 = 4;
const FRAME: Duration = Duration::from_millis(FRAME_MS);

/// What a leg's audio comes and goes by.
#[derive(Debug)]
enum Side {
    Rtp(Box<RtpSide>),
    /// A WebSocket.
    Stream(Box<StreamSide>),
}

/// A call in the table.
#[derive(Debug)]
pub(super) struct Leg {
    side: Side,
    /// Packets were last accepted then; before the first, the leg was made then.
    heard_at: Instant,
    has_heard: bool,
    timed_out: bool,
    /// The socket was not read in the last frame.
    has_rested: bool,
    /// Frames that browsers missed of taps that have ended.
    tap_overflow: u64,
    /// Where the table wants the leg, and the prompts it plays there.
    pub(super) place: Place,
    pub(super) player: Player,
    pub(super) position: Option<u16>,
    /// What the last frame let it hear.
    pub(super) sounding: Sounding,
    /// The room in which it was heard in the last frame.
    pub(super) seat: Option<RoomKey>,
    pub(super) phase: u8,
    pub(super) muted: bool,
    /// The desk's, behind the gain control.
    pub(super) gain: f32,
    pub(super) voice: Option<Box<Voice>>,
    pub(super) tap: Option<Tap>,
    pub(super) ear: Ear,
    line: Box<Line>,
    measured_at: Option<Instant>,
    /// Random bits of its own, so that legs do not report in step.
    pub(super) spread: u32,
}

impl Leg {
    pub(super) fn new(now: Instant, spec: LegSpec, phase: u8) -> Self {
        let spread = spec.ssrc;
        let ear = Ear::new(spec.codec, spec.bitrate_max);
        let side = Side::Rtp(Box::new(RtpSide::new(now, spec)));
        Self {
            spread,
            ..Self::with(now, side, ear, phase)
        }
    }

    pub(super) fn of_stream(now: Instant, spec: StreamSpec, phase: u8) -> Self {
        let side = Side::Stream(Box::new(StreamSide::new(spec)));
        Self::with(now, side, Ear::Narrow(Law::Mu), phase)
    }

    fn with(now: Instant, side: Side, ear: Ear, phase: u8) -> Self {
        Self {
            side,
            heard_at: now,
            has_heard: false,
            timed_out: false,
            has_rested: false,
            tap_overflow: 0,
            place: Place::Nowhere,
            player: Player::silent(),
            position: None,
            sounding: Sounding::SILENCE,
            seat: None,
            phase,
            muted: false,
            gain: 1.0,
            voice: None,
            tap: None,
            ear,
            line: Box::new(Line::new(now)),
            measured_at: None,
            spread: 0,
        }
    }

    pub(super) fn codec(&self) -> Codec {
        match &self.side {
            Side::Rtp(rtp) => rtp.negotiated().codec,
            Side::Stream(_) => Codec::G711(Law::Mu),
        }
    }

    /// How loud the voice is to be.
    pub(super) fn voice_gain(&self) -> f32 {
        if self.muted { 0.0 } else { self.gain }
    }

    /// Whether the far end is to send.
    fn receives(&self) -> bool {
        match &self.side {
            Side::Rtp(rtp) => rtp.receives(),
            Side::Stream(_) => true,
        }
    }

    /// Takes the result of a new offer and answer, of which a stream has none. Not on the tick: another codec takes memory.
    pub(super) fn renegotiate(
        &mut self,
        now: Instant,
        change: LegChange,
        settings: &MediaSettings,
    ) {
        let Side::Rtp(rtp) = &mut self.side else {
            return;
        };
        let before = *rtp.negotiated();
        if (before.codec, before.bitrate_max) != (change.codec, change.bitrate_max) {
            self.ear = Ear::new(change.codec, change.bitrate_max);
        }
        if let Some(voice) = &mut self.voice {
            voice.change(change.codec);
        }
        let band = change.codec.band();
        if before.codec.band() != band
            && let Some(tap) = &mut self.tap
            && tap.change(settings.caller_opus, band).is_err()
        {
            // Without memory for a coder the browsers hear the voice no more; the caller goes on.
            self.end_tap();
        }
        let Side::Rtp(rtp) = &mut self.side else {
            return;
        };
        if change.receive && !rtp.receives() {
            self.heard_at = now;
            self.timed_out = false;
        }
        rtp.renegotiate(now, change);
    }

    /// Puts the leg somewhere else; heard in the next frame. What a stream's far end has buffered is of the old place.
    pub(super) fn move_to(&mut self, place: Place) {
        if let Side::Stream(stream) = &mut self.side
            && self.place != place
        {
            stream.clear();
        }
        self.place = place;
    }

    /// Whether what comes in this frame may wait in the socket, since nobody hears it.
    pub(super) fn rests(&mut self, beat: u64) -> bool {
        let turn = beat.wrapping_add(u64::from(self.spread));
        let may = self.has_heard && matches!(self.side, Side::Rtp(_));
        self.has_rested = may && !turn.is_multiple_of(REST_FRAMES);
        self.has_rested
    }

    /// Reads what has come in, each datagram by `buf`. The voice is kept only while `heard`.
    pub(super) fn drain(
        &mut self,
        key: LegKey,
        now: Instant,
        heard: bool,
        buf: &mut [u8; DATAGRAM_MAX],
        io: &mut impl MediaIo,
        events: &mut EventQueue,
    ) {
        if let Side::Stream(_) = self.side {
            return self.drain_stream(now, heard);
        }
        // Who begins to be heard is not heard with what was said while nobody listened.
        let has_rested = std::mem::take(&mut self.has_rested);
        for _ in 0..DATAGRAMS_MAX {
            let Some(datagram) = io.recv(key, buf) else {
                break;
            };
            let bytes = buf.get_mut(..datagram.len).unwrap_or_default();
            // A kernel's clock may run ahead of the tick's by a little.
            let at = datagram.at.min(now);
            let Side::Rtp(rtp) = &mut self.side else {
                break;
            };
            if let Some(arrival) = rtp.receive(bytes, datagram.from, at) {
                if let Some(from) = arrival.latched {
                    events.push(MediaEvent::Latched { leg: key, from });
                }
                if let Content::Key(Some(digit)) = arrival.content {
                    events.push(MediaEvent::Dtmf { leg: key, digit });
                }
                let is_old = has_rested && now.saturating_duration_since(at) > FRAME;
                self.hear(at, heard && !is_old, &arrival);
            }
        }
    }

    fn drain_stream(&mut self, now: Instant, heard: bool) {
        while let Side::Stream(stream) = &mut self.side
            && let Some(audio) = stream.receive(now)
        {
            let arrival = Arrival {
                is_fresh: false,
                latched: None,
                content: Content::Audio {
                    codec: Codec::G711(Law::Mu),
                    timestamp: audio.timestamp,
                    payload: audio.payload(),
                },
            };
            self.hear(audio.at, heard && !audio.is_overtaken, &arrival);
        }
    }

    fn hear(&mut self, at: Instant, heard: bool, arrival: &Arrival<'_>) {
        self.heard_at = self.heard_at.max(at);
        self.has_heard = true;
        self.timed_out = false;
        let Some(voice) = self.voice.as_mut() else {
            return;
        };
        if arrival.is_fresh {
            voice.inbound.restart();
        }
        if !heard {
            return;
        }
        match arrival.content {
            Content::Audio {
                codec,
                timestamp,
                payload,
            } => voice.inbound.insert(at, codec, timestamp, payload),
            Content::Key(_) => voice.inbound.hear_silence(),
            Content::Noise(payload) => voice.inbound.hear_noise(payload),
            Content::Nothing => {}
        }
    }

    /// Reports once that nothing has come for too long.
    pub(super) fn watch(
        &mut self,
        key: LegKey,
        now: Instant,
        settings: &MediaSettings,
        events: &mut EventQueue,
    ) {
        let patience = if self.has_heard {
            settings.rtp_timeout
        } else {
            settings.rtp_timeout_first
        };
        let silent: Duration = now.saturating_duration_since(self.heard_at);
        if self.receives() && !self.timed_out && silent >= patience {
            self.timed_out = true;
            events.push(MediaEvent::RtpTimeout { leg: key });
        }
    }

    /// Sends one frame; time passes whether it can be sent or not.
    pub(super) fn send(
        &mut self,
        key: LegKey,
        now: Instant,
        payload: &Payload,
        io: &mut impl MediaIo,
    ) {
        match &mut self.side {
            Side::Rtp(rtp) => {
                let mut buf = PACKET_BUF;
                if let Some((target, packet)) = rtp.packet(now, payload, &mut buf) {
                    io.send(key, target, packet);
                }
            }
            Side::Stream(stream) => {
                if stream.send(now, payload.whole()) {
                    io.wake(key);
                }
            }
        }
    }

    /// Lets `frames` frames pass in which the clock stood still.
    pub(super) fn skip(&mut self, frames: u32) {
        if let Side::Rtp(rtp) = &mut self.side {
            rtp.skip(frames);
        }
        if let Some(voice) = &mut self.voice {
            let ticks = frames.saturating_mul(NB_FRAME as u32);
            voice.inbound.skip(ticks as usize);
        }
        if let Some(tap) = &mut self.tap {
            tap.skip(frames);
        }
    }

    /// What has happened so far.
    pub(super) fn report(&self) -> LegReport {
        let of_side = match &self.side {
            Side::Rtp(rtp) => rtp.report(),
            Side::Stream(stream) => stream.report(),
        };
        LegReport {
            playout: self
                .voice
                .as_ref()
                .map(|voice| voice.inbound.counts())
                .unwrap_or_default(),
            tap_overflow: self.tap_overflow + self.tap.as_ref().map_or(0, Tap::overflow),
            line: self.line.summary(),
            ..of_side
        }
    }

    /// Takes a tap away, keeping its count.
    pub(super) fn end_tap(&mut self) {
        if let Some(tap) = self.tap.take() {
            self.tap_overflow += tap.overflow();
        }
    }
}
