//! What is done with packets at our end: `arrivals → Player → what is heard, and how late`.

use std::time::{Duration, Instant};

use anyhow::Result;
use audioroad::media::g711::Law;
use audioroad::media::jitter::{JitterBuffer, JitterCounts};
use audioroad::media::plc::Plc;
use audioroad::media::{FRAME_MS, MediaSettings, NB_FRAME, WB_FRAME};

use crate::codec::Codec;
use crate::trace::{Arrival, PACKET_MS, Path};

/// RTP timestamps begin just before they wrap.
const FIRST_TIMESTAMP: u32 = u32::MAX - 100_000;

/// What comes to our end.
pub(crate) struct Call<'a> {
    pub(crate) codec: Codec,
    pub(crate) path: &'a Path,
    pub(crate) packets: &'a [Vec<u8>],
    pub(crate) arrivals: &'a [Arrival],
    /// The switch's frame begins so long after the sender's, in ms.
    pub(crate) phase_ms: f64,
}

/// A way to play packets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Player {
    /// The switch's own.
    Adaptive,
    /// Every packet is played so many ms after it would have come at the earliest, if it is there by then. That a mixer has
    /// frames of its own, for which sound waits, is not counted: it is flattered.
    Fixed { ms: u32, conceals: bool },
    /// The same with the switch's frames and its concealment: packets are played at the first frame then, as ours are.
    Framed { ms: u32 },
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) samples: Vec<f32>,
    /// Mean time from a packet's earliest arrival to its play-out, in ms; the packet's own length is not in it.
    pub(crate) delay_ms: f64,
    /// Samples made up, in ms.
    pub(crate) concealed_ms: f64,
}

impl Player {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Adaptive => "adaptive".to_owned(),
            Self::Framed { ms } => format!("framed {ms}"),
            Self::Fixed { ms, conceals: true } => format!("fixed {ms} + concealment"),
            Self::Fixed {
                ms,
                conceals: false,
            } => format!("fixed {ms}"),
        }
    }

    pub(crate) fn play(self, epoch: Instant, call: &Call<'_>) -> Result<Heard> {
        let is_wide = call.codec.rate_hz() > 8000;
        let fixed = if is_wide { fixed::<2> } else { fixed::<1> };
        match self {
            Self::Adaptive => Ok(adaptive(epoch, call, Buffer::of(call.codec)?)),
            Self::Fixed { ms, conceals } => fixed(f64::from(ms), conceals, call),
            Self::Framed { ms } => {
                let frames = ((f64::from(ms) - call.phase_ms) / PACKET_MS).ceil();
                fixed(call.phase_ms + frames * PACKET_MS, true, call)
            }
        }
    }
}

/// The switch's buffer for a codec.
enum Buffer {
    Narrow(Box<JitterBuffer<1>>),
    Wide(Box<JitterBuffer<2>>),
}

impl Buffer {
    fn of(codec: Codec) -> Result<Self> {
        let ms = MediaSettings::default().jitter_ms_min;
        Ok(match codec {
            Codec::Pcmu => Self::Narrow(Box::new(JitterBuffer::new(ms, Law::Mu))),
            Codec::Pcma => Self::Narrow(Box::new(JitterBuffer::new(ms, Law::A))),
            Codec::G722 => Self::Wide(Box::new(JitterBuffer::g722(ms))),
            Codec::Opus => Self::Wide(Box::new(JitterBuffer::opus(ms)?)),
        })
    }

    fn insert(&mut self, at: Instant, timestamp: u32, payload: &[u8]) {
        match self {
            Self::Narrow(buffer) => buffer.insert(at, timestamp, payload),
            Self::Wide(buffer) => buffer.insert(at, timestamp, payload),
        }
    }

    fn next_timestamp(&self) -> Option<u32> {
        match self {
            Self::Narrow(buffer) => buffer.next_timestamp(),
            Self::Wide(buffer) => buffer.next_timestamp(),
        }
    }

    fn pull(&mut self, now: Instant, heard: &mut Vec<f32>) {
        match self {
            Self::Narrow(buffer) => {
                let mut frame = [0.0; NB_FRAME];
                buffer.pull(now, &mut frame);
                heard.extend_from_slice(&frame);
            }
            Self::Wide(buffer) => {
                let mut frame = [0.0; WB_FRAME];
                buffer.pull(now, &mut frame);
                heard.extend_from_slice(&frame);
            }
        }
    }

    fn counts(&self) -> JitterCounts {
        match self {
            Self::Narrow(buffer) => buffer.counts(),
            Self::Wide(buffer) => buffer.counts(),
        }
    }
}

fn adaptive(epoch: Instant, call: &Call<'_>, mut buffer: Buffer) -> Heard {
    let &Call {
        codec,
        path,
        packets,
        ..
    } = call;
    let at = |ms: f64| epoch + Duration::from_secs_f64(ms / 1000.0);
    let step = (PACKET_MS * f64::from(codec.clock_hz()) / 1000.0) as u32;
    let mut heard = Heard::default();
    let mut delays = Mean::default();
    let mut arrivals = call.arrivals.iter().peekable();
    for tick in 0..=packets.len() {
        let now = call.phase_ms + (tick as u64 * FRAME_MS) as f64;
        while let Some(arrival) = arrivals.next_if(|arrival| arrival.ms <= now) {
            let timestamp = FIRST_TIMESTAMP.wrapping_add(arrival.packet as u32 * step);
            buffer.insert(at(arrival.ms), timestamp, &packets[arrival.packet]);
        }
        if let Some(timestamp) = buffer.next_timestamp() {
            let media = timestamp.wrapping_sub(FIRST_TIMESTAMP) as i32;
            delays.add(now - path.sent_ms(0) - media_ms(f64::from(media), call));
        }
        buffer.pull(at(now), &mut heard.samples);
    }
    heard.delay_ms = delays.mean();
    heard.concealed_ms = buffer.counts().concealed_samples as f64 / 8.0;
    heard
}

/// Samples of the codec's clock, as long as they last on the sender's.
fn media_ms(samples: f64, call: &Call<'_>) -> f64 {
    samples * 1000.0 / f64::from(call.codec.clock_hz()) * (1.0 + call.path.drift_ppm * 1e-6)
}

/// Plays sample by sample what was there in time, with `W` samples to a tick of 1/8 ms.
fn fixed<const W: usize>(delay_ms: f64, conceals: bool, call: &Call<'_>) -> Result<Heard> {
    let &Call {
        codec,
        path,
        packets,
        arrivals,
        ..
    } = call;
    let mut first = vec![f64::INFINITY; packets.len()];
    for arrival in arrivals {
        first[arrival.packet] = first[arrival.packet].min(arrival.ms);
    }
    let len = NB_FRAME * W;
    let mut decoder = codec.decoder()?;
    let mut heard = Heard {
        delay_ms,
        ..Heard::default()
    };
    heard.samples = vec![0.0; (delay_ms * f64::from(codec.rate_hz()) / 1000.0) as usize + len];
    let mut plc = Plc::<W>::new();
    for (n, packet) in packets.iter().enumerate() {
        let due = path.sent_ms(n) + delay_ms;
        let frame = if first[n] <= due {
            let mut frame = decoder.decode(packet)?;
            plc.heard(&mut frame);
            frame
        } else if conceals {
            heard.concealed_ms += PACKET_MS;
            let next = (n..packets.len()).find(|next| first[*next] <= due);
            let adjacent = next.filter(|next| *next == n + 1);
            let adjacent = adjacent.map(|next| packets[next].as_slice());
            match decoder.stand_in(adjacent)? {
                Some(frame) => frame,
                None => conceal(&mut plc, n, next, |at| first[at] <= due, call)?,
            }
        } else {
            plc = Plc::new();
            vec![0.0; len]
        };
        heard.samples.extend_from_slice(&frame);
    }
    Ok(heard)
}

/// Stands in for packet `n` until the one that is there `next`, with the sound after it known as far as it `is_there`.
fn conceal<const W: usize>(
    plc: &mut Plc<W>,
    n: usize,
    next: Option<usize>,
    is_there: impl Fn(usize) -> bool,
    call: &Call<'_>,
) -> Result<Vec<f32>> {
    let mut frame = vec![0.0; NB_FRAME * W];
    let Some(next) = next else {
        plc.conceal(&mut frame);
        return Ok(frame);
    };
    // A decoder that has not heard what is missing; it finds its way within the packet.
    let mut ahead = call.codec.decoder()?;
    let mut after = Vec::new();
    for at in (next..call.packets.len())
        .take_while(|at| is_there(*at))
        .take(2)
    {
        after.extend(ahead.decode(&call.packets[at])?);
    }
    plc.conceal_until(&mut frame, (next - n) * NB_FRAME, &after);
    Ok(frame)
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }
}
