//! The samples of the last second and of the time to come, at the places their timestamps give them.

use std::ops::Range;

use crate::media::pcm::{from_linear, to_linear};

/// Length in ticks of 1/8 ms: 1.024 s. A power of two, so that it fits the wrap of the timestamp.
pub(super) const RING: usize = 8192;
/// Marks a place that holds nothing. G.711 never decodes to it, and what other codecs make of it is one step less.
const MISSING: i16 = i16::MIN;

/// Places of `W` samples each, by media time; none at all while nobody listens.
///
/// In 16 bits, as telephones' codecs have them: a caller goes round the whole ring every second, and what is twice as large
/// is twice as often not in the processor's cache.
#[derive(Debug)]
pub(super) struct Ring<const W: usize> {
    ticks: Option<Box<[[i16; W]; RING]>>,
}

impl<const W: usize> Ring<W> {
    pub(super) fn new() -> Self {
        Self {
            ticks: Some(Box::new([[MISSING; W]; RING])),
        }
    }

    /// Gives the memory back, which is most of what a caller takes. Not on the tick.
    pub(super) fn park(&mut self) {
        self.ticks = None;
    }

    /// Takes it again. Not on the tick.
    pub(super) fn wake(&mut self) {
        self.ticks
            .get_or_insert_with(|| Box::new([[MISSING; W]; RING]));
    }

    pub(super) fn is_parked(&self) -> bool {
        self.ticks.is_none()
    }

    pub(super) fn clear(&mut self) {
        if let Some(ticks) = &mut self.ticks {
            ticks.fill([MISSING; W]);
        }
    }

    pub(super) fn is_missing(&self, at: i64) -> bool {
        self.at(at).is_none_or(is_missing)
    }

    /// Puts what `decode` makes of each octet in its place, from `at` on, a tick each; whether any of it is news.
    pub(super) fn put(&mut self, at: i64, octets: &[u8], decode: impl Fn(u8) -> i16) -> bool {
        let [before, after] = self.places(at, octets.len());
        let (first, rest) = octets.split_at(before.len());
        let mut is_news = false;
        for (places, octets) in [(before, first), (after, rest)] {
            for (place, octet) in places.iter_mut().zip(octets) {
                is_news |= is_missing(place);
                *place = [decode(*octet); W];
            }
        }
        is_news
    }

    /// Puts samples in their places from `start` on, but nothing before `play`.
    pub(super) fn write(&mut self, play: i64, start: i64, samples: &[f32]) {
        let past = usize::try_from(play - start).unwrap_or(0);
        let ticks = samples.as_chunks().0.get(past..).unwrap_or_default();
        let [before, after] = self.places(start + past as i64, ticks.len());
        let (first, rest) = ticks.split_at(before.len());
        for (places, ticks) in [(before, first), (after, rest)] {
            for (place, tick) in places.iter_mut().zip(ticks) {
                *place = tick.map(|sample| to_linear(sample).max(MISSING + 1));
            }
        }
    }

    /// Copies what is there without a hole from `at` on; gives its length in ticks.
    pub(super) fn copy_run(&self, at: i64, out: &mut [[f32; W]]) -> usize {
        let Some(ticks) = &self.ticks else { return 0 };
        let (wrapped, straight) = ticks.split_at(index(at));
        let mut run = 0;
        for stretch in [straight, wrapped] {
            let wanted = stretch.len().min(out.len() - run);
            let there = leading(&stretch[..wanted]);
            for (tick, place) in out[run..].iter_mut().zip(&stretch[..there]) {
                *tick = place.map(from_linear);
            }
            run += there;
            if there < stretch.len() {
                break;
            }
        }
        run
    }

    /// Empties places.
    pub(super) fn discard(&mut self, at: Range<i64>) {
        let ticks = usize::try_from(at.end - at.start).unwrap_or(0);
        for places in self.places(at.start, ticks) {
            places.fill([MISSING; W]);
        }
    }

    fn at(&self, at: i64) -> Option<&[i16; W]> {
        Some(&self.ticks.as_ref()?[index(at)])
    }

    /// The places of so many ticks, at most all: up to the end of the memory, and from its beginning on.
    fn places(&mut self, at: i64, ticks: usize) -> [&mut [[i16; W]]; 2] {
        let Some(ring) = &mut self.ticks else {
            return [&mut [], &mut []];
        };
        let ticks = ticks.min(RING);
        let (wrapped, straight) = ring.split_at_mut(index(at));
        let before = ticks.min(straight.len());
        let (before, after) = (&mut straight[..before], ticks - before);
        [before, &mut wrapped[..after]]
    }
}

/// How many ticks there are before the first that is missing.
fn leading<const W: usize>(ticks: &[[i16; W]]) -> usize {
    // Nearly always all of them: that is asked for a stretch at a time, which takes a fraction of asking tick by tick.
    const STRETCH: usize = 16;
    let whole = ticks
        .chunks(STRETCH)
        .take_while(|stretch| {
            !stretch
                .iter()
                .fold(false, |any, tick| any | is_missing(tick))
        })
        .map(<[_]>::len)
        .sum::<usize>();
    let rest = ticks[whole..].iter().position(is_missing);
    whole + rest.unwrap_or(ticks.len() - whole)
}

fn index(at: i64) -> usize {
    at.rem_euclid(RING as i64) as usize
}

fn is_missing<const W: usize>(tick: &[i16; W]) -> bool {
    tick.contains(&MISSING)
}
