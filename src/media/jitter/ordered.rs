//! Packets of a codec that remembers: they wait here until everything before them has been decoded or given up.
//!
//! `packets → held, by media time → decoded one after the other, up to the first hole → the ring`

use crate::media::g722;
use crate::media::opus::phone::{GRAIN, PhoneDecoder, TICKS_MAX, ticks};
use crate::media::opus::{OpusError, OpusPayload};

/// Packets held at most: a second of 20 ms packets.
const HELD_MAX: usize = 50;
/// The longest packet of G.722 that is taken: as long as Opus can be.
const OCTETS_MAX: usize = TICKS_MAX;
/// An Opus packet of so few octets says that silence follows (RFC 6716 section 2.1.9).
const DTX_OCTETS_MAX: usize = 2;

/// Ticks that the decoder makes up at a time: the least that all of its modes can do, 10 ms.
const MADE_UP: usize = 80;
/// Samples to a tick of 1/8 ms.
const WIDE: usize = 2;

/// The packets, and what decodes them.
#[derive(Debug)]
pub(super) struct Ordered {
    decoder: Decoder,
    /// In no order.
    held: Vec<Held>,
    /// Media time up to which has been decoded, or given up.
    frontier: i64,
    decoded: Box<[[f32; WIDE]; TICKS_MAX]>,
    /// What the decoder made up beyond what was asked for.
    spare: [[f32; WIDE]; MADE_UP],
    spare_len: usize,
}

#[derive(Debug)]
enum Decoder {
    G722(Box<g722::Decoder>),
    Opus(PhoneDecoder),
}

#[derive(Debug)]
struct Held {
    start: i64,
    ticks: i64,
    payload: OpusPayload,
}

/// Where decoded sound belongs.
pub(super) struct Decoded<'a> {
    pub(super) start: i64,
    pub(super) samples: &'a [f32],
}

impl Ordered {
    pub(super) fn g722() -> Self {
        Self::new(Decoder::G722(Box::default()))
    }

    pub(super) fn opus() -> Result<Self, OpusError> {
        Ok(Self::new(Decoder::Opus(PhoneDecoder::new()?)))
    }

    fn new(decoder: Decoder) -> Self {
        Self {
            decoder,
            held: Vec::with_capacity(HELD_MAX),
            frontier: i64::MIN,
            decoded: Box::new([[0.0; WIDE]; TICKS_MAX]),
            spare: [[0.0; WIDE]; MADE_UP],
            spare_len: 0,
        }
    }

    /// Steps of the RTP clock in a tick.
    pub(super) fn clock_per_tick(&self) -> i64 {
        match self.decoder {
            Decoder::G722(_) => 1,
            Decoder::Opus(_) => 6,
        }
    }

    /// The length of a packet in ticks; 0 when it is none of ours.
    pub(super) fn ticks(&self, payload: &[u8]) -> usize {
        match self.decoder {
            Decoder::G722(_) if payload.len() <= OCTETS_MAX => payload.len(),
            Decoder::G722(_) => 0,
            Decoder::Opus(_) => ticks(payload).unwrap_or(0),
        }
    }

    /// Whether a packet says that nothing follows for a while.
    pub(super) fn is_farewell(&self, payload: &[u8]) -> bool {
        matches!(self.decoder, Decoder::Opus(_)) && payload.len() <= DTX_OCTETS_MAX
    }

    /// Whether the decoder itself makes up what is missing.
    pub(super) fn conceals(&self) -> bool {
        matches!(self.decoder, Decoder::Opus(_))
    }

    /// Holds a packet, in the place of the oldest when there are too many; `false` when it is no news.
    pub(super) fn hold(&mut self, start: i64, ticks: usize, payload: &[u8]) -> bool {
        let is_held = self.held.iter().any(|held| held.start == start);
        let Some(payload) = OpusPayload::try_from(payload).ok().filter(|_| !is_held) else {
            return false;
        };
        if self.held.len() >= HELD_MAX
            && let Some(oldest) = self.nearest()
        {
            self.held.swap_remove(oldest);
        }
        self.held.push(Held {
            start,
            ticks: ticks as i64,
            payload,
        });
        true
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.frontier = i64::MIN;
        self.spare_len = 0;
    }

    /// Media time of the next packet.
    pub(super) fn next_start(&self) -> Option<i64> {
        self.held.iter().map(|held| held.start).min()
    }

    fn nearest(&self) -> Option<usize> {
        let starts = self.held.iter().enumerate();
        starts.min_by_key(|(_, held)| held.start).map(|(at, _)| at)
    }

    /// Decodes the packet that follows on what is there, if it is there. What belongs before `frontier` is given up.
    pub(super) fn decode(&mut self, frontier: i64) -> Option<Decoded<'_>> {
        self.frontier = self.frontier.max(frontier);
        let held = loop {
            let nearest = self.nearest()?;
            let held = self.held.get(nearest)?;
            if held.start > self.frontier {
                return None;
            }
            let held = self.held.swap_remove(nearest);
            if held.start + held.ticks > self.frontier {
                break held;
            }
        };
        self.frontier = held.start + held.ticks;
        let payload = held.payload.as_slice();
        let ticks = match &mut self.decoder {
            Decoder::G722(decoder) => {
                for (tick, octet) in self.decoded.iter_mut().zip(payload) {
                    *tick = decoder.samples(*octet);
                }
                payload.len().min(TICKS_MAX)
            }
            Decoder::Opus(decoder) => {
                let space = self.decoded.as_flattened_mut();
                let decoded = decoder.decode(payload, space);
                let samples = decoded.or_else(|_| {
                    let broken = &mut space[..held.ticks as usize * WIDE];
                    broken.fill(0.0);
                    decoder.conceal(broken)
                });
                samples.map_or(held.ticks as usize, |samples| samples / WIDE)
            }
        };
        Some(Decoded {
            start: held.start,
            samples: self.decoded[..ticks].as_flattened(),
        })
    }

    /// What stands in for the `gap` ticks from `play` to the next packet, or the beginning of it: in-band FEC at its end,
    /// the decoder's own guess before. `None` when the decoder cannot, or the gap is no whole number of its frames.
    pub(super) fn recover(&mut self, play: i64, gap: i64) -> Option<Decoded<'_>> {
        let Decoder::Opus(decoder) = &mut self.decoder else {
            return None;
        };
        let gap = usize::try_from(gap).ok()?;
        let ticks = gap.min(TICKS_MAX);
        if ticks == 0 || !ticks.is_multiple_of(GRAIN) {
            return None;
        }
        let samples = self.decoded[..ticks].as_flattened_mut();
        let starts = self.held.iter();
        let next = starts.min_by_key(|held| held.start);
        match next.filter(|_| gap == ticks) {
            Some(next) => decoder.recover(next.payload.as_slice(), samples),
            None => decoder.conceal(samples),
        }
        .ok()?;
        self.frontier = play + ticks as i64;
        Some(Decoded {
            start: play,
            samples,
        })
    }

    /// Makes up the next samples while nothing is there.
    pub(super) fn stand_in(&mut self, samples: &mut [f32]) {
        let mut left = samples;
        while !left.is_empty() {
            if self.spare_len == 0 && !self.make_up() {
                left.fill(0.0);
                return;
            }
            let spare = self.spare[MADE_UP - self.spare_len..].as_flattened();
            let len = spare.len().min(left.len());
            let (now, later) = left.split_at_mut(len);
            now.copy_from_slice(&spare[..len]);
            self.spare_len -= len / WIDE;
            left = later;
        }
    }

    fn make_up(&mut self) -> bool {
        let Decoder::Opus(decoder) = &mut self.decoder else {
            return false;
        };
        self.spare_len = MADE_UP;
        decoder.conceal(self.spare.as_flattened_mut()).is_ok()
    }

    /// Lets what was made up go over into what has come since.
    pub(super) fn blend(&mut self, samples: &mut [f32]) {
        let spare = self.spare[MADE_UP - self.spare_len..].as_flattened();
        let steps = (spare.len() + 1) as f32;
        for (n, (sample, made_up)) in samples.iter_mut().zip(spare).enumerate() {
            *sample = made_up + (*sample - made_up) * (n + 1) as f32 / steps;
        }
        self.spare_len = 0;
    }
}
