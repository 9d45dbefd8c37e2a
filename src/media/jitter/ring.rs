//! The samples of the last second and of the time to come, at the places their timestamps give them.

/// Length in ticks of 1/8 ms: 1.024 s. A power of two, so that it fits the wrap of the timestamp.
pub(super) const RING: usize = 8192;
/// Marks a place that holds nothing; no codec decodes to it.
const MISSING: f32 = f32::NAN;

/// Places of `W` samples each, by media time; none at all while nobody listens.
#[derive(Debug)]
pub(super) struct Ring<const W: usize> {
    ticks: Option<Box<[[f32; W]; RING]>>,
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

    /// Puts a tick in its place; whether that is news.
    pub(super) fn put(&mut self, at: i64, tick: [f32; W]) -> bool {
        let Some(place) = self.place(at) else {
            return false;
        };
        let is_news = is_missing(place);
        *place = tick;
        is_news
    }

    /// Puts samples in their places from `start` on, but nothing before `play`.
    pub(super) fn write(&mut self, play: i64, start: i64, samples: &[f32]) {
        let past = usize::try_from(play - start).unwrap_or(0);
        for (n, tick) in samples.as_chunks().0.iter().enumerate().skip(past) {
            if let Some(place) = self.place(start + n as i64) {
                *place = *tick;
            }
        }
    }

    /// Copies what is there without a hole from `at` on; gives its length in ticks.
    pub(super) fn copy_run(&self, at: i64, out: &mut [[f32; W]]) -> usize {
        let mut run = 0;
        for (n, tick) in out.iter_mut().enumerate() {
            let there = self.at(at + n as i64);
            let Some(there) = there.filter(|there| !is_missing(there)) else {
                break;
            };
            *tick = *there;
            run += 1;
        }
        run
    }

    /// Empties places.
    pub(super) fn discard(&mut self, at: std::ops::Range<i64>) {
        for at in at {
            if let Some(place) = self.place(at) {
                *place = [MISSING; W];
            }
        }
    }

    fn at(&self, at: i64) -> Option<&[f32; W]> {
        Some(&self.ticks.as_ref()?[index(at)])
    }

    fn place(&mut self, at: i64) -> Option<&mut [f32; W]> {
        Some(&mut self.ticks.as_mut()?[index(at)])
    }
}

fn index(at: i64) -> usize {
    at.rem_euclid(RING as i64) as usize
}

fn is_missing<const W: usize>(tick: &[f32; W]) -> bool {
    tick.iter().any(|sample| sample.is_nan())
}
