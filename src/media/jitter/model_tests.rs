//! The buffer beside a model that is obviously right: a map from media time to the sample that came in time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::{Bench, noise, noise_packet};
use super::*;
use crate::media::{NB_FRAME, NbFrame};

/// What a packet goes through.
#[derive(Debug, Clone)]
enum Fate {
    Comes { late_ms: f64 },
    ComesTwice { late_ms: f64, again_ms: f64 },
    IsLost,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => (0.0..4.0_f64).prop_map(|late_ms| Fate::Comes { late_ms }),
        3 => (0.0..70.0_f64).prop_map(|late_ms| Fate::Comes { late_ms }),
        2 => (0.0..30.0_f64, 0.0..90.0_f64)
            .prop_map(|(late_ms, again_ms)| Fate::ComesTwice { late_ms, again_ms }),
        3 => Just(Fate::IsLost),
    ]
}

/// What there is, by media time, and what the buffer was at before it was asked for a frame.
struct Model {
    there: BTreeMap<i64, f32>,
    /// From the source's time to the buffer's, which begins at the first timestamp.
    offset: Option<i64>,
    restarts: u64,
    /// Samples played since one was missing.
    since_missing: u32,
}

struct Before {
    play: i64,
    /// Nothing was heard just before.
    is_dry: bool,
    expanded: i64,
    concealed: u64,
}

impl Before {
    fn of(buffer: &JitterBuffer) -> Self {
        Self {
            play: buffer.play,
            is_dry: buffer.expanded > 0 || buffer.state != State::Playing,
            expanded: buffer.expanded,
            concealed: buffer.counts().concealed_samples,
        }
    }
}

impl Model {
    /// Gives a packet to the buffer.
    fn packet(&mut self, b: &mut Bench, ms: f64, media: i64, len: i64) {
        let before = b.buffer.play;
        let is_first = self.offset.is_none();
        b.packet(ms, media, &noise_packet(media, len));
        let after = &b.buffer;
        let offset = *self.offset.get_or_insert(after.play - media);
        let start = media + offset;
        if self.restarts != after.counts().restarts {
            self.restarts = after.counts().restarts;
            self.there.clear();
        } else if !is_first && (start - before).abs() > take::FAR {
            return;
        }
        for at in start.max(after.play)..start + len {
            self.there.insert(at, Law::Mu.decode(noise(at - offset)));
        }
    }

    fn is_whole(&self, mut media: std::ops::Range<i64>) -> bool {
        media.all(|at| self.there.contains_key(&at))
    }

    /// A frame has come out.
    fn frame(&mut self, before: &Before, after: &JitterBuffer, frame: &NbFrame) {
        assert!(frame.iter().all(|x| x.abs() <= 1.0), "{frame:?}");
        if after.state != State::Playing {
            assert!(frame.iter().all(|x| *x == 0.0));
            return;
        }
        let made_up = after.counts().concealed_samples - before.concealed;
        let len = NB_FRAME as i64;
        if after.expanded == before.expanded + len {
            assert_eq!(
                after.play, before.play,
                "time stands still when nothing is there"
            );
            assert!(made_up <= len as u64);
            return;
        }
        // Media time of the frame's first sample.
        let begin = after.play + after.expanded - len;
        let shift = begin - before.play - before.expanded;
        if before.expanded == 0 && shift != 0 {
            // A voice without pauses is shortened by whole periods, and only when it is far behind.
            assert!((40..=len).contains(&shift), "{shift} samples left out");
            assert!(self.is_whole(before.play..before.play + 2 * len));
        } else {
            // It grows by what could not be played in time, and is never ahead.
            assert!(
                (-before.expanded..=0).contains(&shift),
                "time shifted by {shift}"
            );
            assert!(
                shift == 0 || self.there.contains_key(&begin),
                "shifted for nothing"
            );
            self.compare(begin, after, frame, before.is_dry);
            let missing = (begin..after.play + after.expanded)
                .filter(|at| *at >= after.play || !self.there.contains_key(at))
                .count() as u64;
            assert!(made_up <= missing, "{made_up} made up, {missing} missing");
        }
        self.there = self.there.split_off(&after.play);
    }

    /// Sample for sample, but for the overlap with what stood in for lost sound.
    fn compare(&mut self, begin: i64, after: &JitterBuffer, frame: &NbFrame, was_dry: bool) {
        if was_dry {
            self.since_missing = 0;
        }
        for (at, sample) in (begin..after.play).zip(frame) {
            match self.there.get(&at) {
                Some(source) if self.since_missing >= 80 => assert_eq!(sample, source, "at {at}"),
                Some(_) => self.since_missing += 1,
                None => self.since_missing = 0,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Loss, copies, reordering, lateness, any packet time, the wrap, a clock that jumps, and storage that is overwritten
    /// as soon as a packet has been handed over.
    #[test]
    fn it_plays_what_a_map_of_samples_holds(
        base: u32,
        len in prop::sample::select(vec![80_i64, 160, 240, 320, 400, 480]),
        fates in proptest::collection::vec(fate(), 150),
        jumps_at in 20_usize..300,
        jump in prop_oneof![-3_000_000..-8000_i64, 8000..3_000_000_i64],
    ) {
        let mut packets = Vec::new();
        for (n, fate) in fates.iter().enumerate() {
            let spoken = n as i64 * len;
            let media = spoken + if n >= jumps_at { jump } else { 0 };
            let sent_ms = (spoken + len) as f64 / 8.0;
            match fate {
                Fate::IsLost => {}
                Fate::Comes { late_ms } => packets.push((sent_ms + late_ms, media)),
                Fate::ComesTwice { late_ms, again_ms } => {
                    packets.extend([(sent_ms + late_ms, media), (sent_ms + again_ms, media)]);
                }
            }
        }
        packets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut packets = packets.into_iter().peekable();
        let mut b = Bench::new(base);
        let mut model = Model { there: BTreeMap::new(), offset: None, restarts: 0, since_missing: 0 };
        for n in 0..150 * len / 160 {
            while let Some((ms, media)) = packets.next_if(|packet| packet.0 <= n as f64 * 20.0) {
                model.packet(&mut b, ms, media, len);
            }
            let before = Before::of(&b.buffer);
            let frame = b.pull();
            model.frame(&before, &b.buffer, &frame);
        }
    }
}
