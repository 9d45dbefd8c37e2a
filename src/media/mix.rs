//! One room: `voices (8 kHz, 16 kHz; ducked) + browsers (48 kHz) → everybody's ear, the hold feed, the program`.
//!
//! Each source is added once. A seated caller's ear is the sum minus that caller; the hold feed
//! is the whole sum, or music when nobody is in the room. What was made of a room's frame stands
//! until the next one, for the legs that are served later in the frame. In a live room all voices go down together while a
//! host speaks, so what is taken out of an ear goes down by the same ramp.

mod wide;

use super::codec::Codec;
use super::dsp::{Duck, Ducking, Level, Limiter, ramp};
use super::feed::SharedFrame;
use super::opus::OpusError;
use super::pcm::Pcm;
use super::program::Program;
use super::ramp::{Fade, cross_fade};
use super::resample::Down6;
use super::shared::SharedWide;
use super::table::ProgramReading;
use super::{FB_FRAME, FbFrame, NB_FRAME, NbFrame, WbFrame};
use wide::FeedOf;
pub(super) use wide::WideBus;

/// Frames after which somebody who is alone in a room is not left in silence: 2 s.
const ALONE_FRAMES: u32 = 100;

/// Everything a room is made of for one frame.
#[derive(Debug)]
pub(super) struct RoomMix {
    voices: NbFrame,
    /// Callers at 16 kHz, and the browsers, as callers at 8 kHz hear them.
    others: NbFrame,
    /// The last frame of callers who have gone since, for the next mix.
    farewells: NbFrame,
    browsers: FbFrame,
    has_browsers: bool,
    had_browsers: bool,
    /// Callers and browsers who are in, whether they speak or not.
    present: usize,
    /// Frames since two were in it.
    alone_frames: u32,
    was_live: bool,
    is_live: bool,
    down: Down6,
    feed_limiter: Limiter,
    feed: SharedFrame,
    wide: Box<WideBus>,
    live: Option<Box<Live>>,
    /// Gain of the voices at the beginning of this frame and at its end.
    ducked: (f32, f32),
}

/// What a room has when its sound is a program.
#[derive(Debug)]
struct Live {
    duck: Duck,
    /// Mean square of what the hosts say in this frame.
    leads: f32,
    program: Program,
}

impl RoomMix {
    /// A room in which people talk among themselves.
    pub(super) fn new() -> Self {
        Self {
            voices: [0.0; NB_FRAME],
            farewells: [0.0; NB_FRAME],
            browsers: [0.0; FB_FRAME],
            others: [0.0; NB_FRAME],
            has_browsers: false,
            had_browsers: false,
            present: 0,
            alone_frames: 0,
            was_live: false,
            is_live: false,
            down: Down6::new(),
            feed_limiter: Limiter::new(8000),
            feed: SharedFrame::new(),
            wide: Box::new(WideBus::new()),
            live: None,
            ducked: (1.0, 1.0),
        }
    }

    /// A room with a program.
    pub(super) fn live(ducking: Ducking) -> Self {
        let live = Live {
            duck: Duck::new(ducking),
            leads: 0.0,
            program: Program::new(),
        };
        Self {
            live: Some(Box::new(live)),
            ..Self::new()
        }
    }

    /// Somebody is going to speak in it. Not on the tick: meters are made.
    pub(super) fn open(&mut self) {
        if let Some(live) = &mut self.live {
            live.program.open();
        }
    }

    /// Starts a frame.
    pub(super) fn begin(&mut self) {
        self.voices = std::mem::replace(&mut self.farewells, [0.0; NB_FRAME]);
        if self.has_browsers {
            self.browsers.fill(0.0);
        }
        self.had_browsers = std::mem::take(&mut self.has_browsers);
        self.was_live = self.is_live;
        self.present = 0;
        self.wide.begin();
    }

    /// Counts somebody who is in the room.
    pub(super) fn count(&mut self) {
        self.present += 1;
    }

    /// Adds a caller's contribution.
    pub(super) fn add_voice(&mut self, frame: &Pcm) {
        match frame {
            Pcm::Narrow(frame) => add(&mut self.voices, frame),
            Pcm::Wide(frame) => self.wide.add_voice(frame),
        }
    }

    /// Adds the fading end of a caller who is gone before the next frame.
    pub(super) fn add_farewell(&mut self, frame: &Pcm) {
        match frame {
            Pcm::Narrow(frame) => add(&mut self.farewells, frame),
            Pcm::Wide(frame) => self.wide.add_farewell(frame),
        }
    }

    /// Adds a browser's contribution.
    pub(super) fn add_browser(&mut self, frame: &FbFrame) {
        add(&mut self.browsers, frame);
        self.has_browsers = true;
    }

    /// Tells how loud a host is in this frame, as a mean square.
    pub(super) fn add_lead(&mut self, power: f32) {
        if let Some(live) = &mut self.live {
            live.leads += power;
        }
    }

    /// Makes the frame of what was added; `music` gives this frame of the hold music, when the
    /// room fills or empties.
    pub(super) fn finish(&mut self, music: impl FnOnce() -> NbFrame) {
        self.is_live = self.present > 0;
        self.alone_frames = match self.present {
            0 | 1 => self.alone_frames.saturating_add(1),
            _ => 0,
        };
        if self.has_browsers || self.had_browsers {
            // One frame more than there is sound, to empty the filter.
            self.down.process(&self.browsers, &mut self.others);
        } else {
            self.others.fill(0.0);
        }
        if let Some(live) = &mut self.live {
            self.ducked = live.duck.step(std::mem::take(&mut live.leads));
            duck(&mut self.voices, self.ducked);
            self.wide.duck(self.ducked);
            live.program
                .mix(&self.voices, &mut self.wide, &self.browsers);
        }
        self.wide.add_to_narrow(&mut self.others);
        if !self.was_live && !self.is_live {
            return;
        }
        let mut sum = self.sum();
        self.feed_limiter.process(&mut sum);
        self.feed.set(match (self.was_live, self.is_live) {
            (true, true) => sum,
            (true, false) => cross_fade(Fade::Power, &sum, &music()),
            (false, _) => cross_fade(Fade::Power, &music(), &sum),
        });
    }

    /// The hold feed as bytes; `None` while it is nothing but music.
    pub(super) fn feed(&mut self) -> Option<&mut SharedFrame> {
        self.has_feed().then_some(&mut self.feed)
    }

    /// False while the hold feed is nothing but music.
    pub(super) fn has_feed(&self) -> bool {
        self.was_live || self.is_live
    }

    /// True when the hold feed of the frame before was the room, not music.
    pub(super) fn was_live(&self) -> bool {
        self.was_live
    }

    /// True when the hold feed of this frame is, or becomes, the room.
    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    /// True when there has been nobody else in the room for long; `inside`: the one who asks is among those who are in.
    pub(super) fn is_deserted(&self, inside: bool) -> bool {
        self.alone_frames > ALONE_FRAMES && self.present <= usize::from(inside)
    }

    /// The sum minus what the listener has contributed, before a limiter.
    pub(super) fn ear(&self, own: &NbFrame) -> NbFrame {
        let (mut ear, mut own) = (self.sum(), *own);
        duck(&mut own, self.ducked);
        for (sample, own) in ear.iter_mut().zip(own) {
            *sample -= own;
        }
        ear
    }

    /// Makes what listeners of this codec need. Not on the tick.
    ///
    /// # Errors
    /// When libopus cannot build a coder (out of memory).
    pub(super) fn prepare(&mut self, codec: Codec) -> Result<(), OpusError> {
        self.wide.prepare(codec)
    }

    /// The same as [`ear`](Self::ear) at 16 kHz.
    pub(super) fn wide_ear(&mut self, own: Option<&WbFrame>) -> WbFrame {
        let mut ear = *self.wide.sum(&self.voices, &self.browsers);
        if let Some(own) = own {
            let mut own = *own;
            duck(&mut own, self.ducked);
            for (sample, own) in ear.iter_mut().zip(own) {
                *sample -= own;
            }
        }
        ear
    }

    /// The hold feed at 16 kHz; `None` while it is nothing but music.
    pub(super) fn wide_feed(
        &mut self,
        music: impl FnOnce() -> [WbFrame; 2],
    ) -> Option<&mut SharedWide> {
        let of = match (self.was_live, self.is_live) {
            (true, true) => FeedOf::Room,
            (true, false) => FeedOf::RoomThenMusic,
            (false, true) => FeedOf::MusicThenRoom,
            (false, false) => return None,
        };
        self.wide.sum(&self.voices, &self.browsers);
        Some(self.wide.feed(of, music))
    }

    /// Callers and browsers in the room at the last frame.
    pub(super) fn present(&self) -> usize {
        self.present
    }

    /// Lets voices go down under the hosts, or not.
    pub(super) fn set_ducking(&mut self, is_on: bool) {
        if let Some(live) = &mut self.live {
            live.duck.set_on(is_on);
        }
    }

    /// Level of the program since the last call.
    pub(super) fn take_program_level(&mut self) -> Option<Level> {
        Some(self.live.as_mut()?.program.take_level())
    }

    /// Loudness of the program.
    pub(super) fn program(&self) -> Option<ProgramReading> {
        let live = self.live.as_ref()?;
        Some(ProgramReading {
            loudness: live.program.loudness(),
            ducked_db: live.duck.reduction_db(),
        })
    }

    pub(super) fn reset_loudness(&mut self) {
        if let Some(live) = &mut self.live {
            live.program.reset_loudness();
        }
    }

    fn sum(&self) -> NbFrame {
        let mut sum = self.voices;
        add(&mut sum, &self.others);
        sum
    }
}

fn duck(voices: &mut [f32], (from, to): (f32, f32)) {
    if (from, to) != (1.0, 1.0) {
        ramp(voices, from, to);
    }
}

fn add(sum: &mut [f32], frame: &[f32]) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += sample;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::WB_FRAME;

    const MUSIC: NbFrame = [0.25; NB_FRAME];

    fn frame(room: &mut RoomMix, voices: &[NbFrame]) {
        room.begin();
        for voice in voices {
            room.count();
            room.add_voice(&Pcm::Narrow(*voice));
        }
        room.finish(|| MUSIC);
    }

    #[test]
    fn everybody_hears_the_others() {
        let mut room = RoomMix::new();
        let (a, b, c) = ([0.1; NB_FRAME], [0.02; NB_FRAME], [0.003; NB_FRAME]);
        frame(&mut room, &[a, b, c]);
        frame(&mut room, &[a, b, c]);
        assert!((room.ear(&a)[7] - 0.023).abs() < 1e-6);
        assert!((room.ear(&c)[7] - 0.12).abs() < 1e-6);
        assert!((room.feed().unwrap().samples[7] - 0.123).abs() < 1e-6);
    }

    #[test]
    fn an_empty_room_is_music_and_a_silent_one_is_not() {
        let mut room = RoomMix::new();
        frame(&mut room, &[]);
        assert!(room.feed().is_none());
        frame(&mut room, &[[0.0; NB_FRAME]]);
        let fading = room.feed().unwrap().samples;
        assert!(fading[0] > 0.24 && fading[NB_FRAME - 1].abs() < 1e-6);
        frame(&mut room, &[[0.0; NB_FRAME]]);
        assert_eq!(room.feed().unwrap().samples, [0.0; NB_FRAME]);
        frame(&mut room, &[]);
        assert!((room.feed().unwrap().samples[NB_FRAME - 1] - 0.25).abs() < 1e-6);
        frame(&mut room, &[]);
        assert!(room.feed().is_none());
    }

    #[test]
    fn a_room_is_deserted_after_two_seconds_without_a_second_person() {
        let mut room = RoomMix::new();
        let voice = [0.1; NB_FRAME];
        for _ in 0..100 {
            frame(&mut room, &[voice]);
            assert!(!room.is_deserted(true));
        }
        frame(&mut room, &[voice]);
        assert!(room.is_deserted(true));
        assert!(!room.is_deserted(false), "for a newcomer there is somebody");
        frame(&mut room, &[voice, voice]);
        assert!(!room.is_deserted(true));
        frame(&mut room, &[voice]);
        assert!(!room.is_deserted(true), "the two seconds begin anew");
    }

    #[test]
    fn browsers_reach_the_callers_and_their_end_is_heard_out() {
        let mut room = RoomMix::new();
        for _ in 0..3 {
            room.begin();
            room.count();
            room.add_browser(&[0.2; FB_FRAME]);
            room.finish(|| MUSIC);
        }
        assert!((room.ear(&[0.0; NB_FRAME])[80] - 0.2).abs() < 0.01);
        frame(&mut room, &[[0.0; NB_FRAME]]);
        let tail = room.ear(&[0.0; NB_FRAME]);
        assert!(tail[0] > 0.1 && tail[100].abs() < 1e-4);
        frame(&mut room, &[[0.0; NB_FRAME]]);
        assert_eq!(room.ear(&[0.0; NB_FRAME]), [0.0; NB_FRAME]);
    }

    #[test]
    fn a_farewell_is_heard_in_the_next_frame_only() {
        let mut room = RoomMix::new();
        room.add_farewell(&Pcm::Narrow([0.1; NB_FRAME]));
        frame(&mut room, &[[0.0; NB_FRAME]]);
        assert!((room.ear(&[0.0; NB_FRAME])[0] - 0.1).abs() < 1e-6);
        frame(&mut room, &[[0.0; NB_FRAME]]);
        assert_eq!(room.ear(&[0.0; NB_FRAME])[0], 0.0);
    }

    #[test]
    fn many_loud_voices_are_limited_in_the_feed() {
        let mut room = RoomMix::new();
        let loud = [[0.9; NB_FRAME]; 8];
        frame(&mut room, &loud);
        frame(&mut room, &loud);
        assert!(room.feed().unwrap().samples.iter().all(|x| x.abs() < 1.0));
        assert_eq!(room.take_program_level(), None, "no program, no meter");
        let mut live = RoomMix::live(Ducking::default());
        frame(&mut live, &loud);
        frame(&mut live, &loud);
        assert!(live.take_program_level().unwrap().peak_dbfs < -1.0);
    }

    #[test]
    fn a_voice_that_is_ducked_is_taken_out_of_its_own_ear_as_it_is() {
        let mut room = RoomMix::live(Ducking::default());
        for n in 0..100 {
            room.begin();
            room.count();
            room.add_voice(&Pcm::Narrow([0.5; NB_FRAME]));
            room.add_lead(if n / 20 % 2 == 0 { 0.01 } else { 0.0 });
            room.finish(|| MUSIC);
            let ear = room.ear(&[0.5; NB_FRAME]);
            assert!(ear.iter().all(|x| x.abs() < 1e-6), "frame {n}");
        }
        assert!(room.program().unwrap().ducked_db > 0.0);
    }

    #[test]
    fn a_wide_voice_that_is_ducked_is_taken_out_of_its_own_ear_as_it_is() {
        let mut room = RoomMix::live(Ducking::default());
        let own = [0.5; WB_FRAME];
        let mut least = 1.0_f32;
        for n in 0..100 {
            room.begin();
            room.count();
            room.add_voice(&Pcm::Wide(own));
            room.add_lead(if n / 20 % 2 == 0 { 0.01 } else { 0.0 });
            room.finish(|| MUSIC);
            let ear = room.wide_ear(Some(&own));
            assert!(ear.iter().all(|x| x.abs() < 1e-6), "frame {n}");
            least = least.min(room.wide_ear(None)[WB_FRAME - 1]);
        }
        assert!(least < 0.4, "it never went down: {least}");
    }
}
