//! Random moves of many callers, as fast as the switch takes them, and what everybody hears meanwhile: no hole in any stream,
//! no gap and no click for whoever hears tones alone, and never somebody who is not to be heard.

use std::net::Ipv4Addr;

use audioroad::media::tone::{ClickDetector, GapDetector};
use audioroad::phone::{Call, Hum, Phone};
use serde_json::json;

use super::ear::{Ears, samples};
use super::switch::{SOON, Switch, text};

/// Tones in Hz between the notes of any music tuned to 440 Hz, 40 Hz or more from one another, and low enough for the ear
/// that finds clicks.
pub(crate) const TONES: [f32; 16] = [
    339.3, 380.6, 427.5, 480.0, 539.0, 562.0, 641.0, 678.4, 718.4, 761.9, 806.4, 854.2, 906.0,
    959.5, 1016.5, 1077.2,
];
/// These two speak all the time, so that whoever is on hold or on air hears tones and nothing else.
const ANCHORS: usize = 2;
/// Callers on air at most: the sum is not to reach the limiter.
const ON_AIR_MAX: usize = 5;
/// So many moves, and then everybody stands still and every ear is looked into.
const MOVES_PER_LOOK: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Lobby,
    Screening,
    Hold,
    Air,
}

struct Line {
    tone: f32,
    call: Call,
    id: String,
    place: Place,
    /// It has heard tones alone since the last look.
    hears_tones: bool,
    breaks: u64,
}

#[derive(Debug, Default)]
struct Faults {
    holes: u64,
    gaps: Vec<String>,
    clicks: Vec<String>,
}

struct Show {
    switch: Switch,
    ears: Ears,
    lines: Vec<Line>,
    dice: u64,
    moves: usize,
    faults: Faults,
}

impl Show {
    fn open() -> Self {
        let switch = Switch::start(&[]);
        switch.go_live();
        let mut show = Self {
            switch,
            ears: Ears::new(&TONES),
            lines: Vec::new(),
            dice: 20,
            moves: 0,
            faults: Faults::default(),
        };
        for tone in TONES {
            let line = show.call(tone);
            show.lines.push(line);
        }
        for line in 0..ANCHORS {
            for place in [Place::Screening, Place::Hold, Place::Air] {
                show.go(line, place);
            }
        }
        show.moves = 0;
        show
    }

    fn call(&self, tone: f32) -> Line {
        let phone = Phone::new(Ipv4Addr::LOCALHOST.into())
            .number(&format!("+1555{:07}", (tone * 10.0) as u32));
        let call = phone
            .call(self.switch.sip(), "lobby", Hum::new(tone, 0.1))
            .expect("a phone");
        call.wait_answered(SOON).expect("the switch answers");
        let row = self
            .switch
            .call_once(call.sip_call_id(), |call| call["ringing"] == false);
        Line {
            tone,
            call,
            id: text(&row["id"]),
            place: Place::Lobby,
            hears_tones: false,
            breaks: 0,
        }
    }

    /// SplitMix64.
    fn roll(&mut self, sides: usize) -> usize {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 33) as usize % sides
    }

    fn go(&mut self, line: usize, to: Place) {
        let step = match to {
            Place::Lobby => "lobby",
            Place::Screening => "screening",
            Place::Hold => "hold",
            Place::Air => "live",
        };
        let path = format!("/api/twilio-sip/move-to-{step}");
        self.switch
            .ask("POST", &path, json!({"callId": self.lines[line].id}));
        let line = &mut self.lines[line];
        line.place = to;
        line.hears_tones &= matches!(to, Place::Hold | Place::Air);
        self.moves += 1;
    }

    /// One caller goes somewhere, if there is somewhere to go.
    fn move_somebody(&mut self) {
        let line = ANCHORS + self.roll(TONES.len() - ANCHORS);
        let on_air = self
            .lines
            .iter()
            .filter(|line| line.place == Place::Air)
            .count();
        let place = self.lines[line].place;
        match place {
            Place::Lobby => self.go(line, Place::Screening),
            // Nobody comes back from hold: most are sent back to the lobby.
            Place::Screening if self.roll(12) > 0 => self.go(line, Place::Lobby),
            Place::Screening => self.go(line, Place::Hold),
            Place::Hold if on_air < ON_AIR_MAX => self.go(line, Place::Air),
            Place::Hold if self.roll(10) == 0 => self.begin_anew(line),
            Place::Hold => {}
            Place::Air => self.go(line, Place::Hold),
        }
    }

    /// A caller on hold gives up and calls again.
    fn begin_anew(&mut self, line: usize) {
        self.judge(line);
        self.switch.ask(
            "POST",
            "/api/twilio-sip/end-call",
            json!({"callId": self.lines[line].id}),
        );
        self.lines[line]
            .call
            .wait_ended(SOON)
            .expect("the switch hangs up");
        self.lines[line] = self.call(self.lines[line].tone);
        self.moves += 1;
    }

    /// What was wrong with what a caller heard since the last time.
    fn judge(&mut self, number: usize) {
        let line = &mut self.lines[number];
        let reception = line.call.reception();
        let breaks = reception.sequence_breaks + reception.time_breaks + reception.stream_breaks;
        self.faults.holes += breaks - line.breaks;
        line.breaks = breaks;
        let heard = samples(&line.call.take_heard());
        if !line.hears_tones {
            return;
        }
        let mut gaps = GapDetector::new(8000, 0.002);
        let mut clicks = ClickDetector::new(8000);
        gaps.hear(&heard);
        clicks.hear(&heard);
        let who = format!("move {}, caller {number} ({:?})", self.moves, line.place);
        if gaps.longest_ms() > 20.0 {
            self.faults
                .gaps
                .push(format!("{who}: {} ms", gaps.longest_ms()));
        }
        if clicks.worst_ratio() >= ClickDetector::CLICK_RATIO {
            self.faults
                .clicks
                .push(format!("{who}: {}", clicks.worst_ratio()));
        }
    }

    /// Everybody stands still: the past is judged, and every ear hears exactly whom it should.
    fn look(&mut self) {
        for line in 0..self.lines.len() {
            self.judge(line);
        }
        let air: Vec<f32> = self
            .lines
            .iter()
            .filter(|line| line.place == Place::Air)
            .map(|line| line.tone)
            .collect();
        std::thread::scope(|scope| {
            for line in &self.lines {
                let (ears, air) = (&self.ears, &air);
                let who = format!(
                    "after {} moves, {} Hz ({:?})",
                    self.moves, line.tone, line.place
                );
                scope.spawn(move || match line.place {
                    // Who is alone in screening hears music, too, after two seconds.
                    Place::Lobby | Place::Screening => ears.hears_nobody(&who, &line.call),
                    Place::Hold | Place::Air => {
                        let others: Vec<f32> = air
                            .iter()
                            .copied()
                            .filter(|tone| *tone != line.tone)
                            .collect();
                        ears.hears(&who, &line.call, &others);
                    }
                });
            }
        });
        for line in &mut self.lines {
            let _ = line.call.take_heard();
            line.hears_tones = matches!(line.place, Place::Hold | Place::Air);
        }
    }

    fn run(&mut self, moves: usize) {
        while self.moves < moves {
            let next = (self.moves + MOVES_PER_LOOK).min(moves);
            while self.moves < next {
                self.move_somebody();
            }
            self.look();
        }
    }
}

#[expect(clippy::print_stderr, reason = "the figures are what the test is for")]
fn moves(count: usize) {
    let mut show = Show::open();
    show.look();
    show.run(count);
    let Faults {
        holes,
        gaps,
        clicks,
    } = &show.faults;
    eprintln!(
        "{} moves of {} callers: {holes} holes, {} gaps, {} clicks, 0 wrong tones",
        show.moves,
        TONES.len(),
        gaps.len(),
        clicks.len()
    );
    assert!(
        *holes == 0 && gaps.is_empty() && clicks.is_empty(),
        "{:#?}",
        show.faults
    );
}

#[test]
fn three_hundred_moves_leave_no_mark() {
    moves(300);
}

#[test]
#[ignore = "takes three minutes: make sound"]
fn ten_thousand_moves_leave_no_mark() {
    moves(10_000);
}
