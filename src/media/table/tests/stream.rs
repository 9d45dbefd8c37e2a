//! Callers on Media Streams: moves, sockets that stand still, and audio that comes in bursts.

use std::collections::VecDeque;

use super::studio::*;
use crate::media::feed::Playlist;
use crate::media::stream::{BURST_FRAMES_MAX, StreamIn, StreamOut};
use crate::media::table::{MediaEvent, MediaSettings, Place};
use crate::media::tone::ToneDetector;
use crate::media::{FRAME_MS, NB_FRAME};

/// A caller on a stream who hears the host, and has been cleared once, when the room was entered.
fn on_air() -> (Studio, usize) {
    let mut s = Studio::new();
    let live = s.table.add_room();
    let a = s.stream_phone(A);
    s.browser(live, HOST);
    s.place(a, Place::Seat(live));
    s.expect("on air", &[(a, &[HOST])]);
    s.phones[a].told.clear();
    (s, a)
}

fn is_clear(out: &StreamOut) -> bool {
    *out == StreamOut::Clear
}

#[test]
fn what_was_buffered_is_cleared_before_the_new_place_is_heard() {
    let (mut s, a) = on_air();
    let other = s.table.add_room();
    let leg = s.phones[a].leg;
    s.table.set_muted(leg, true);
    s.table.set_position(leg, Some(3));
    s.run(200);
    assert!(!s.phones[a].told.iter().any(is_clear), "nothing has moved");
    for place in [
        Place::Seat(other),
        Place::Listen(other),
        Place::Waiting(Playlist::again()),
        Place::Nowhere,
    ] {
        s.phones[a].told.clear();
        s.place(a, place);
        s.place(a, place);
        s.run(20);
        let told = &s.phones[a].told;
        assert!(is_clear(&told[0]), "{place:?}: {told:?}");
        assert_eq!(told.iter().filter(|out| is_clear(out)).count(), 1);
        assert!(matches!(told[1], StreamOut::Audio(_)), "{place:?}");
        s.run(100);
        assert_eq!(
            s.phones[a].told.iter().filter(|out| is_clear(out)).count(),
            1
        );
    }
    s.phones[a].told.clear();
    s.place(a, Place::Seat(other));
    s.table.remove_room(other);
    s.run(20);
    assert!(is_clear(&s.phones[a].told[0]), "the room is gone");
}

#[test]
fn a_socket_that_takes_nothing_costs_frames_and_no_clear() {
    let (mut s, a) = on_air();
    let room = s.table.add_room();
    let socket = s.phones[a].stream.take();
    s.run(1000);
    s.place(a, Place::Listen(room));
    s.run(1000);
    s.phones[a].stream = socket;
    s.phones[a].told.clear();
    s.run(40);
    let told = &s.phones[a].told;
    let clear = told.iter().position(is_clear).expect("a clear");
    let old = told[..clear]
        .iter()
        .filter(|out| matches!(out, StreamOut::Audio(_)));
    assert!(old.count() <= 10, "what waited for the socket: {told:?}");
    assert!(matches!(told[clear + 1], StreamOut::Audio(_)));
    let report = s.table.report(s.phones[a].leg).unwrap();
    assert!(
        (88..=91).contains(&report.stream.unwrap().unsent),
        "{report:?}"
    );
}

#[test]
fn a_line_that_falls_silent_is_given_up() {
    let (mut s, a) = on_air();
    s.phones[a].talking = false;
    s.run(14_900);
    let leg = s.phones[a].leg;
    let dead = MediaEvent::RtpTimeout { leg };
    assert!(!s.events.contains(&dead));
    s.run(200);
    assert!(s.events.contains(&dead));
}

#[test]
fn marks_measure_how_late_the_caller_hears() {
    let (mut s, a) = on_air();
    s.phones[a].echoes = false;
    let mut under_way = VecDeque::new();
    for _ in 0..5000 / FRAME_MS {
        s.phones[a].told.clear();
        s.run(FRAME_MS);
        for out in s.phones[a].told.clone() {
            if let StreamOut::Mark(mark) = out {
                under_way.push_back((s.ms + 140, mark));
            }
        }
        if under_way.front().is_some_and(|(due, _)| *due <= s.ms) {
            let (_, mark) = under_way.pop_front().unwrap();
            let played = StreamIn::Played { at: s.now(), mark };
            let socket = s.phones[a].stream.as_mut().unwrap();
            socket.from_caller.push(played).unwrap();
        }
    }
    let report = s.table.report(s.phones[a].leg).unwrap();
    let playout_ms = report.stream.unwrap().playout_ms;
    assert!((140..=165).contains(&playout_ms), "{report:?}");
    assert!(report.received > 250 && report.lost == 0, "{report:?}");

    // The far end echoes no more: what is sent now would be heard late, if ever.
    let sent = s.phones[a].got.len();
    s.run(5000);
    let further = s.phones[a].got.len() - sent;
    assert!((150..=210).contains(&further), "{further} frames went on");
}

/// A caller on a stream whose voice comes and goes, a listener, and the line between them.
struct Line {
    s: Studio,
    caller: usize,
    listener: usize,
    /// What the connection holds back.
    held: VecDeque<StreamIn>,
    spoken: u64,
    detector: ToneDetector,
}

/// The caller says a syllable of 200 ms every 500 ms.
const SYLLABLE_FRAMES: u64 = 10;
const EVERY_FRAMES: u64 = 25;

impl Line {
    fn new() -> Self {
        let mut s = Studio::with(MediaSettings {
            gate: false,
            agc: false,
            ..MediaSettings::default()
        });
        let live = s.table.add_room();
        let caller = s.stream_phone(A);
        s.phones[caller].talking = false;
        let listener = s.phone(C);
        s.phones[listener].talking = false;
        s.place(caller, Place::Seat(live));
        s.place(listener, Place::Listen(live));
        Self {
            s,
            caller,
            listener,
            held: VecDeque::new(),
            spoken: 0,
            detector: ToneDetector::new(8000, &[A]),
        }
    }

    /// Speaks for a time over a line that is open, or stands still.
    fn run(&mut self, ms: u64, is_open: bool) {
        for _ in 0..ms / FRAME_MS {
            let now = self.s.now();
            let mut frame = self.s.phones[self.caller].stream_frame(now);
            let is_silent = self.spoken % EVERY_FRAMES >= SYLLABLE_FRAMES;
            if let StreamIn::Audio { payload, .. } = &mut frame
                && is_silent
            {
                *payload = [0xff; NB_FRAME];
            }
            self.spoken += 1;
            self.held.push_back(frame);
            while is_open && let Some(mut frame) = self.held.pop_front() {
                // It is stamped when it comes out of the socket.
                if let StreamIn::Audio { at, .. } = &mut frame {
                    *at = now;
                }
                let socket = self.s.phones[self.caller].stream.as_mut().unwrap();
                socket.from_caller.push(frame).unwrap();
            }
            self.s.run(FRAME_MS);
        }
    }

    /// How late the listener hears the next syllable's beginning, in ms.
    fn delay_ms(&mut self) -> u64 {
        while !self.spoken.is_multiple_of(EVERY_FRAMES) {
            self.run(FRAME_MS, true);
        }
        // The pause before it must have been heard too.
        let from = self.s.phones[self.listener].heard.len();
        self.run(EVERY_FRAMES * FRAME_MS * 2, true);
        let heard = &self.s.phones[self.listener].heard[from..];
        let loud: Vec<bool> = heard
            .chunks(80)
            .map(|ten_ms| self.detector.levels_dbfs(ten_ms)[0] > -35.0)
            .collect();
        let onset = loud.windows(2).position(|pair| pair == [false, true]);
        10 * (onset.expect("a syllable") as u64 + 1)
    }

    fn report(&self) -> crate::media::stats::LegReport {
        self.s.table.report(self.s.phones[self.caller].leg).unwrap()
    }
}

#[test]
fn a_burst_after_a_stall_is_heard_and_caught_up_with() {
    let mut line = Line::new();
    line.run(5000, true);
    let before = line.delay_ms();
    assert!(before <= 100, "{before} ms on a steady line");
    line.run(400, false);
    line.run(20, true);
    // 20 frames came at once, all of which are played: late at first, then less and less in the pauses.
    assert_eq!(line.report().stream.unwrap().overtaken, 0);
    line.run(15_000, true);
    let after = line.delay_ms();
    assert!(after <= before + 40, "{after} ms, {before} ms before");
}

#[test]
fn a_line_that_stalls_again_and_again_is_waited_for() {
    let mut line = Line::new();
    line.run(5000, true);
    let before = line.delay_ms();
    for _ in 0..20 {
        line.run(140, false);
        line.run(360, true);
    }
    let concealed = line.report().playout.concealed_samples;
    for _ in 0..20 {
        line.run(140, false);
        line.run(360, true);
    }
    let further = (line.report().playout.concealed_samples - concealed) / 8;
    assert!(
        further <= 100,
        "{further} ms made up in 10 s of a known jitter"
    );
    line.run(60_000, true);
    let after = line.delay_ms();
    assert!(after <= before + 40, "{after} ms, {before} ms before");
}

#[test]
fn the_delay_after_a_long_stall_has_its_limit() {
    let mut line = Line::new();
    line.run(5000, true);
    let before = line.delay_ms();
    line.run(3000, false);
    line.run(20, true);
    let overtaken = line.report().stream.unwrap().overtaken;
    assert_eq!(overtaken, 151 - BURST_FRAMES_MAX as u64);
    let after = line.delay_ms();
    assert!(after <= before + 520, "{after} ms, {before} ms before");
    line.run(15_000, true);
    let after = line.delay_ms();
    assert!(after <= before + 40, "{after} ms, {before} ms before");
    assert_eq!(line.report().lost, 0, "nothing is lost on TCP");
}
