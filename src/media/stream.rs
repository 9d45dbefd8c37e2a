//! The stream under a leg, where a caller comes over a WebSocket instead of RTP: the tick's side of it.
//!
//! ```text
//! socket → StreamIn ── ring → counts, burst cap → the jitter buffer and voice that RTP has too
//! socket ← StreamOut ─ ring ← Clear before a new place, 20 ms of audio, now and then a Mark
//! ```
//! There is no RTP clock and nothing is lost on the way, but everything may stand still and then come at once. So what came
//! in a burst is cut to [`BURST_FRAMES_MAX`], and what the far end has buffered is measured by its echoes of our marks. Neither end of a ring waits for the other: a full one costs the frame that found it full.

mod playout;

use std::time::Instant;

use rtrb::{Consumer, Producer, RingBuffer};

use super::codec::Codec;
use super::g711::{EncodedFrame, Law};
use super::rtp::RtpIn;
use super::stats::{LegReport, Reception};
use playout::Playout;

/// Frames between the socket and the tick: 5 s of audio, for what TCP held back.
const IN_RING: usize = 256;
/// Frames between the tick and the socket, 160 ms of audio; more would be heard late.
const OUT_RING: usize = 10;
/// Frames of a burst that are played: half a second. What is older is passed over, for the show goes on.
pub const BURST_FRAMES_MAX: usize = 25;

/// From the socket to the tick.
#[derive(Debug)]
pub enum StreamIn {
    /// Up to 20 ms of the caller's voice, in mu-law.
    Audio {
        /// When it was read from the socket.
        at: Instant,
        /// Counts the far end's frames; wraps.
        chunk: u16,
        /// Where it lies, in samples at 8 kHz; wraps.
        timestamp: u32,
        /// Octets of `payload` that count.
        len: u8,
        /// The audio.
        payload: EncodedFrame,
    },
    /// The caller has heard everything before a mark.
    Played {
        /// When that was read from the socket.
        at: Instant,
        /// Which mark.
        mark: u32,
    },
}

/// From the tick to the socket, to be told in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOut {
    /// 20 ms of mu-law.
    Audio(EncodedFrame),
    /// What was told before is not to be played any more.
    Clear,
    /// Comes back as [`StreamIn::Played`].
    Mark(u32),
}

/// The leg's ends of both rings.
#[derive(Debug)]
pub struct StreamSpec {
    /// The caller's voice.
    pub from_caller: Consumer<StreamIn>,
    /// What the caller hears.
    pub to_caller: Producer<StreamOut>,
}

/// The socket's ends of both rings.
#[derive(Debug)]
pub struct StreamSocket {
    /// The caller's voice.
    pub from_caller: Producer<StreamIn>,
    /// What the caller hears.
    pub to_caller: Consumer<StreamOut>,
}

/// Two rings.
#[must_use]
pub fn rings() -> (StreamSpec, StreamSocket) {
    let (voice, from_caller) = RingBuffer::new(IN_RING);
    let (to_caller, ear) = RingBuffer::new(OUT_RING);
    let leg = StreamSpec {
        from_caller,
        to_caller,
    };
    let socket = StreamSocket {
        from_caller: voice,
        to_caller: ear,
    };
    (leg, socket)
}

/// What a stream has gone through beside what every leg has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Frames for the caller that the socket could not take.
    pub unsent: u64,
    /// Frames of the caller that were passed over after a stall.
    pub overtaken: u64,
    /// Times the far end was told to drop what it had buffered because it played too late.
    pub caught_up: u64,
    /// From a frame's sending to the echo of a mark behind it, at last and at most, in ms: the way there and back, and what
    /// is buffered at the far end. 0 before the first echo.
    pub playout_ms: u32,
    /// The most of it.
    pub playout_ms_max: u32,
}

/// Our end of one stream.
#[derive(Debug)]
pub(super) struct StreamSide {
    from_caller: Consumer<StreamIn>,
    to_caller: Producer<StreamOut>,
    reception: Reception,
    playout: Playout,
    clear_due: bool,
    sent: u64,
    counts: StreamCounts,
}

/// Audio that came in.
#[derive(Debug)]
pub(super) struct StreamAudio {
    /// When.
    pub(super) at: Instant,
    /// Where it lies, in samples at 8 kHz; wraps.
    pub(super) timestamp: u32,
    /// So much has come at once that this is not to be heard any more.
    pub(super) is_overtaken: bool,
    len: u8,
    payload: EncodedFrame,
}

impl StreamAudio {
    /// Mu-law.
    pub(super) fn payload(&self) -> &[u8] {
        let whole = &self.payload;
        whole.get(..usize::from(self.len)).unwrap_or(whole)
    }
}

impl StreamSide {
    pub(super) fn new(spec: StreamSpec) -> Self {
        Self {
            from_caller: spec.from_caller,
            to_caller: spec.to_caller,
            reception: Reception::default(),
            playout: Playout::default(),
            clear_due: false,
            sent: 0,
            counts: StreamCounts::default(),
        }
    }

    /// The next audio that has come in.
    pub(super) fn receive(&mut self, now: Instant) -> Option<StreamAudio> {
        loop {
            let is_overtaken = self.from_caller.slots() > BURST_FRAMES_MAX;
            match self.from_caller.pop().ok()? {
                StreamIn::Played { at, mark } => self.clear_due |= self.playout.played(at, mark),
                StreamIn::Audio {
                    at,
                    chunk,
                    timestamp,
                    len,
                    payload,
                } => {
                    let audio = StreamAudio {
                        at: at.min(now),
                        timestamp,
                        is_overtaken,
                        len,
                        payload,
                    };
                    self.count(chunk, &audio);
                    return Some(audio);
                }
            }
        }
    }

    fn count(&mut self, chunk: u16, audio: &StreamAudio) {
        self.counts.overtaken += u64::from(audio.is_overtaken);
        let packet = RtpIn {
            payload_type: Law::Mu.payload_type(),
            marker: false,
            sequence: chunk,
            timestamp: audio.timestamp,
            ssrc: 0,
            payload: audio.payload(),
        };
        self.reception.count(audio.at, &packet, true, 8000);
    }

    /// Nothing that was sent before is to be heard any more.
    pub(super) fn clear(&mut self) {
        self.clear_due = true;
    }

    /// Gives the socket one frame for the caller; `false` when it did not get it.
    pub(super) fn send(&mut self, now: Instant, payload: &EncodedFrame) -> bool {
        self.clear_due |= self.playout.gives_up(now);
        let told = !self.playout.is_stalled(now) && self.tell(now, payload);
        if told {
            self.sent += 1;
        } else {
            self.counts.unsent += 1;
        }
        told
    }

    fn tell(&mut self, now: Instant, payload: &EncodedFrame) -> bool {
        if self.clear_due {
            if self.to_caller.push(StreamOut::Clear).is_err() {
                return false;
            }
            self.clear_due = false;
        }
        if self.to_caller.push(StreamOut::Audio(*payload)).is_err() {
            return false;
        }
        if let Some(mark) = self.playout.due()
            && self.to_caller.push(StreamOut::Mark(mark)).is_ok()
        {
            self.playout.marked(now, mark);
        }
        true
    }

    /// What has been received so far.
    pub(super) fn reception(&self) -> &Reception {
        &self.reception
    }

    /// From a frame's sending to the echo of the mark behind it: there, through the far end's buffer, and back.
    pub(super) fn round_trip_ms(&self) -> Option<u32> {
        Some(self.playout.last_ms()).filter(|ms| *ms > 0)
    }

    /// What has happened so far on the stream.
    pub(super) fn report(&self) -> LegReport {
        LegReport {
            codec: Some(Codec::G711(Law::Mu)),
            received: self.reception.received(),
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            sent: self.sent,
            stream: Some(StreamCounts {
                caught_up: self.playout.caught_up(),
                playout_ms: self.playout.last_ms(),
                playout_ms_max: self.playout.ms_max(),
                ..self.counts
            }),
            ..LegReport::default()
        }
    }
}
