//! `ring of Opus packets → BrowserVoice → a 48 kHz frame every 20 ms`, for one browser.
//!
//! Packets are put in order by their timestamp and played 20 to 200 ms later, by need. A lost
//! one is recovered from its successor (in-band FEC) or concealed by the codec; when the buffer
//! runs dry the voice is expanded, which counts as the loss if the next packet lies further on.
//! A delay that is never used up is taken back, one frame at a time, while the browser is quiet.

use rtrb::Consumer;

use super::opus::{BrowserDecoder, OpusError, OpusPacket};
use super::resample::dot;
use super::{FB_FRAME, FbFrame};

/// Packets held at most: 640 ms of 20 ms packets.
const HELD_MAX: usize = 32;
/// Time of one frame on the Opus clock.
const FRAME: i64 = FB_FRAME as i64;
/// Longest packet, 120 ms, and a frame left over from the one before.
const DECODED_MAX: usize = 7 * FB_FRAME;
/// After that much expansion the browser has fallen silent (DTX) and begins anew.
const PAUSE: i64 = 10 * FRAME;
/// A jump of the timestamp beyond this is a pause, not a loss.
const LOSS_MAX: i64 = 10 * FRAME;
/// The spare delay is judged by its smallest value over 2 s.
const JUDGED_FRAMES: u32 = 100;
/// Delay that is left spare; more than [`SPARE_MAX`] is taken back even from a running voice.
const SPARE: i64 = FRAME;
const SPARE_MAX: i64 = 10 * FRAME;
/// A frame below this mean square is quiet: -45 dBFS.
const QUIET_POWER: f32 = 3e-5;

/// What a browser's stream has gone through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrowserCounts {
    /// Frames recovered or made up in place of lost packets.
    pub concealed_frames: u64,
    /// Packets that came too late, twice, or when the buffer was full.
    pub dropped: u64,
}

/// Playout of one browser's microphone.
pub(super) struct BrowserVoice {
    ring: Consumer<OpusPacket>,
    decoder: BrowserDecoder,
    /// Packets waiting, in no order; 40 kB, so never on the stack.
    held: Vec<OpusPacket>,
    decoded: Box<[f32; DECODED_MAX]>,
    decoded_len: usize,
    /// Timestamp of the next packet; `None` before the first and in a pause.
    next: Option<u32>,
    /// The first packet after a pause has been there for a frame.
    waited: bool,
    expanded: i64,
    frames_judged: u32,
    least_spare: i64,
    surplus: i64,
    counts: BrowserCounts,
}

impl BrowserVoice {
    pub(super) fn new(ring: Consumer<OpusPacket>) -> Result<Self, OpusError> {
        Ok(Self {
            ring,
            decoder: BrowserDecoder::new()?,
            held: Vec::with_capacity(HELD_MAX),
            decoded: Box::new([0.0; DECODED_MAX]),
            decoded_len: 0,
            next: None,
            waited: false,
            expanded: 0,
            frames_judged: 0,
            least_spare: i64::MAX,
            surplus: 0,
            counts: BrowserCounts::default(),
        })
    }

    pub(super) fn counts(&self) -> BrowserCounts {
        self.counts
    }

    /// Plays the next frame; gives false (and silence) while the browser makes a pause.
    pub(super) fn pull(&mut self, frame: &mut FbFrame) -> bool {
        self.receive();
        frame.fill(0.0);
        if self.next.is_none() && !self.begin() {
            return false;
        }
        if !self.fill() {
            self.pause();
            return false;
        }
        self.take(frame);
        if self.expanded > PAUSE {
            fade_out(frame);
            self.pause();
            return true;
        }
        self.judge();
        let quiet = power(frame) < QUIET_POWER;
        if self.surplus > SPARE_MAX || (quiet && self.surplus >= FRAME) {
            self.shorten(frame);
        }
        true
    }

    fn receive(&mut self) {
        while let Ok(packet) = self.ring.pop() {
            let known = self
                .held
                .iter()
                .any(|held| held.timestamp == packet.timestamp);
            let late = self
                .next
                .is_some_and(|next| ahead(packet.timestamp, next) < 0);
            if known || late || self.held.len() >= HELD_MAX {
                self.counts.dropped += 1;
            } else {
                self.held.push(packet);
            }
        }
    }

    /// A stream begins one frame after its first packet has been seen.
    fn begin(&mut self) -> bool {
        let Some(first) = self.held.first().map(|packet| packet.timestamp) else {
            return false;
        };
        if !std::mem::replace(&mut self.waited, true) {
            return false;
        }
        let first = self.held.iter().fold(first, |first, packet| {
            if ahead(packet.timestamp, first) < 0 {
                packet.timestamp
            } else {
                first
            }
        });
        self.next = Some(first);
        true
    }

    fn pause(&mut self) {
        self.next = None;
        self.waited = false;
        self.expanded = 0;
        self.decoded_len = 0;
        self.frames_judged = 0;
        self.least_spare = i64::MAX;
        self.surplus = 0;
    }

    /// Decodes until a frame is there; false when the stream makes no sense.
    fn fill(&mut self) -> bool {
        // Every round adds sound, consumes expansion or ends; the bound is for broken streams.
        for _ in 0..HELD_MAX + 2 {
            if self.decoded_len >= FB_FRAME {
                return true;
            }
            let Some(next) = self.next else { return false };
            match self.nearest(next) {
                None => {
                    self.expanded += FRAME;
                    self.conceal(None);
                }
                Some((at, 0)) => {
                    let packet = self.held.swap_remove(at);
                    self.expanded = 0;
                    self.decode(&packet);
                }
                Some((_, gap)) if self.expanded > 0 || gap > LOSS_MAX => {
                    let counted = if gap > LOSS_MAX {
                        gap
                    } else {
                        self.expanded.min(gap)
                    };
                    self.next = Some(next.wrapping_add(counted as u32));
                    self.expanded = 0;
                }
                Some((at, gap)) => {
                    self.conceal((gap <= FRAME).then_some(at));
                    self.next = Some(next.wrapping_add(gap.min(FRAME) as u32));
                }
            }
        }
        self.decoded_len >= FB_FRAME
    }

    /// The held packet nearest to `next`, and how far ahead of it it is.
    fn nearest(&mut self, next: u32) -> Option<(usize, i64)> {
        let before = self.held.len();
        self.held
            .retain(|packet| ahead(packet.timestamp, next) >= 0);
        self.counts.dropped += (before - self.held.len()) as u64;
        let gaps = self
            .held
            .iter()
            .map(|packet| ahead(packet.timestamp, next))
            .enumerate();
        gaps.min_by_key(|(_, gap)| *gap)
    }

    fn decode(&mut self, packet: &OpusPacket) {
        let len = match self.decoder.decode(packet.payload.as_slice()) {
            Ok(samples) => append(&mut self.decoded, &mut self.decoded_len, samples),
            Err(_) => {
                self.conceal(None);
                FB_FRAME
            }
        };
        self.next = Some(packet.timestamp.wrapping_add(len as u32));
    }

    /// Makes up one frame, by the successor's FEC if there is one.
    fn conceal(&mut self, successor: Option<usize>) {
        self.counts.concealed_frames += 1;
        let successor = successor.and_then(|at| self.held.get(at));
        let made_up = match successor {
            Some(packet) => self.decoder.decode_fec(packet.payload.as_slice()),
            None => self.decoder.conceal(),
        };
        match made_up {
            Ok(samples) if !samples.is_empty() => {
                append(&mut self.decoded, &mut self.decoded_len, samples);
            }
            Ok(_) | Err(_) => self.append_silence(),
        }
    }

    fn append_silence(&mut self) {
        append(&mut self.decoded, &mut self.decoded_len, &[0.0; FB_FRAME]);
    }

    fn take(&mut self, frame: &mut FbFrame) {
        frame.copy_from_slice(&self.decoded[..FB_FRAME]);
        self.decoded.copy_within(FB_FRAME..self.decoded_len, 0);
        self.decoded_len -= FB_FRAME;
    }

    /// Watches how much lies ready beyond the frame that is due.
    fn judge(&mut self) {
        let ready = self.decoded_len as i64 + self.held.len() as i64 * FRAME;
        self.least_spare = self.least_spare.min(ready);
        self.frames_judged += 1;
        if self.frames_judged >= JUDGED_FRAMES {
            self.surplus = self.least_spare - SPARE;
            self.frames_judged = 0;
            self.least_spare = i64::MAX;
        }
    }

    /// Crosses this frame over into the next one, which takes one frame out of the delay.
    fn shorten(&mut self, frame: &mut FbFrame) {
        if !self.fill() {
            return;
        }
        let mut next = [0.0; FB_FRAME];
        self.take(&mut next);
        for (n, (sample, to)) in frame.iter_mut().zip(next).enumerate() {
            *sample += (to - *sample) * (n + 1) as f32 / FB_FRAME as f32;
        }
        self.surplus -= FRAME;
    }
}

/// Distance on the wrapping 48 kHz clock.
fn ahead(timestamp: u32, of: u32) -> i64 {
    i64::from(timestamp.wrapping_sub(of) as i32)
}

/// Appends what fits and gives how much was offered.
fn append(buffer: &mut [f32; DECODED_MAX], len: &mut usize, samples: &[f32]) -> usize {
    let fits = samples.len().min(DECODED_MAX - *len);
    buffer[*len..*len + fits].copy_from_slice(&samples[..fits]);
    *len += fits;
    samples.len()
}

fn fade_out(frame: &mut FbFrame) {
    for (n, sample) in frame.iter_mut().enumerate() {
        *sample *= (FB_FRAME - 1 - n) as f32 / FB_FRAME as f32;
    }
}

fn power(samples: &[f32]) -> f32 {
    dot(samples, samples) / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests;
