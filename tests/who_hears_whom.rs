//! Who hears whom is the product: six callers, four by telephone and two by Media Streams, a screener and a host, each with a tone of its own and a detector at its
//! ear, through every state of a call on a running switch.
//!
//! The table is written down once, in [`Studio::expected`]; each step moves one call and compares every ear with it.
//! The people at browsers are LiveKit's own SDK, which `scripts/python-venv` installs. They meet in the switch itself, and,
//! where `make test` has installed one, on a LiveKit server: what is heard is the same.

#[path = "common/ear.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit.rs")]
mod ear;
#[path = "common/livekit.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit.rs")]
mod livekit;
#[path = "common/livekit_server.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_livekit.rs")]
mod livekit_server;
#[path = "common/media_stream.rs"]
#[expect(
    dead_code,
    reason = "the other half of it is for tests/media_streams.rs"
)]
mod media_stream;
#[path = "common/switch.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/phones.rs")]
mod switch;
#[path = "e2e_peers/twiml.rs"]
#[expect(dead_code, reason = "the other half of it is for tests/e2e_peers.rs")]
mod twiml;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use audioroad::media::tone::{ClickDetector, GapDetector};
use audioroad::phone::{Call, End, HeardFrame, Hum, Phone};
use serde_json::{Value, json};

use ear::{Ears, Listens, samples};
use livekit::LiveKitPerson;
use livekit_server::Rooms;
use media_stream::{StreamCall, StreamEnd, with_gaps};
use switch::{SOON, Switch, text};

/// Each telephone's tone in Hz: between the notes of any music tuned to 440 Hz, and no multiple or difference of one
/// another.
const TONES: [f32; 6] = [339.3, 427.5, 539.0, 641.0, 761.9, 906.0];
/// Callers who come by a WebSocket.
const BY_STREAM: [usize; 2] = [1, 4];
const HOST: f32 = 1142.3;
const SCREENER: f32 = 1357.9;

/// Where a call is, as the test sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Lobby,
    Screening,
    Hold,
    Air,
    Muted,
    Gone,
}

/// What a party hears.
#[derive(Debug, PartialEq)]
enum Picture {
    /// Prompts and music, and nobody.
    Wait,
    /// Exactly these tones.
    Tones(Vec<f32>),
    /// The line is hung up.
    Nothing,
}

struct Line {
    tone: f32,
    party: Party,
    id: String,
    place: Place,
}

/// A caller and how the call comes.
enum Party {
    Phone(Call),
    Stream(StreamCall),
}

impl Party {
    /// What SIP, or Twilio, calls the call.
    fn leg(&self) -> &str {
        match self {
            Self::Phone(call) => call.sip_call_id(),
            Self::Stream(call) => &call.stream_sid,
        }
    }

    fn listen(&self, frames: usize) -> Vec<HeardFrame> {
        self.frames(frames, SOON).expect("audio")
    }

    /// Everything heard since the last time, with the gaps between.
    fn take_heard(&self) -> Vec<f32> {
        match self {
            Self::Phone(call) => samples(&call.take_heard()),
            Self::Stream(call) => with_gaps(&call.take_heard()),
        }
    }

    /// Holes in the stream so far.
    fn breaks(&self) -> u64 {
        match self {
            Self::Phone(call) => {
                let reception = call.reception();
                reception.sequence_breaks + reception.time_breaks + reception.stream_breaks
            }
            // TCP loses nothing.
            Self::Stream(_) => 0,
        }
    }

    /// Waits until the switch has hung up.
    fn wait_hung_up(&self) {
        match self {
            Self::Phone(call) => {
                let end = call.wait_ended(SOON);
                assert!(matches!(end, Ok(End::FarEndHungUp { .. })), "{end:?}");
            }
            Self::Stream(call) => {
                assert_eq!(call.wait_ended(SOON), Ok(StreamEnd::Switch { code: 1000 }));
            }
        }
    }
}

impl Listens for Party {
    fn frames(&self, frames: usize, within: Duration) -> Result<Vec<HeardFrame>, String> {
        match self {
            Self::Phone(call) => call.frames(frames, within),
            Self::Stream(call) => call.frames(frames, within),
        }
    }
}

struct Studio {
    switch: Switch,
    episode: String,
    lines: Vec<Line>,
    host: Option<LiveKitPerson>,
    screener: Option<LiveKitPerson>,
    _rooms: Rooms,
}

impl Studio {
    /// A live show with so many callers in its lobby.
    fn open(rooms: Rooms, callers: usize) -> Self {
        let switch = rooms.switch_with(&media_stream::SETTINGS);
        let episode = switch.go_live();
        let mut lines = Vec::new();
        for (number, &tone) in TONES.iter().enumerate().take(callers) {
            let (from, voice) = (format!("+1555010010{number}"), Hum::new(tone, 0.2));
            let party = if BY_STREAM.contains(&number) {
                Party::Stream(StreamCall::place(&switch, &from, voice))
            } else {
                let phone = Phone::new(Ipv4Addr::LOCALHOST.into()).number(&from);
                let call = phone.call(switch.sip(), "lobby", voice).expect("a phone");
                call.wait_answered(SOON).expect("the switch answers");
                Party::Phone(call)
            };
            let row = switch.call_once(party.leg(), |call| call["ringing"] == false);
            lines.push(Line {
                tone,
                party,
                id: text(&row["id"]),
                place: Place::Lobby,
            });
        }
        Self {
            switch,
            episode,
            lines,
            host: None,
            screener: None,
            _rooms: rooms,
        }
    }

    fn host_joins(&mut self) {
        let room = format!("live-{}", self.episode);
        self.host = Some(LiveKitPerson::join(&self.switch, &room, "host:h", HOST));
    }

    /// The screener picks a caller up and joins the caller's room.
    fn screen(&mut self, line: usize) {
        self.step(line, "move-to-screening", Place::Screening);
        let room = format!("screening-{}-{}", self.episode, self.lines[line].id);
        self.screener = Some(LiveKitPerson::join(
            &self.switch,
            &room,
            "screener:s",
            SCREENER,
        ));
    }

    /// One press about one call, by its name in the API.
    fn step(&mut self, line: usize, step: &str, to: Place) {
        let id = &self.lines[line].id;
        self.switch.ask(
            "POST",
            &format!("/api/twilio-sip/{step}"),
            json!({"callId": id}),
        );
        if self.lines[line].place == Place::Screening
            && let Some(screener) = self.screener.take()
        {
            screener.wait_for("disconnected");
        }
        self.lines[line].place = to;
    }

    fn mute(&mut self, line: usize, muted: bool) {
        let id = &self.lines[line].id;
        self.switch
            .press(json!({"command": "set-muted", "callId": id, "muted": muted}));
        self.lines[line].place = if muted { Place::Muted } else { Place::Air };
    }

    /// The table of S1: what the caller on a line hears.
    fn expected(&self, line: usize) -> Picture {
        let host = self.host.iter().map(|_| HOST);
        let others = (0..self.lines.len()).filter(|other| *other != line);
        let air = others.filter(|other| self.lines[*other].place == Place::Air);
        let show: Vec<f32> = host
            .chain(air.map(|other| self.lines[other].tone))
            .collect();
        match self.lines[line].place {
            Place::Gone => Picture::Nothing,
            Place::Lobby => Picture::Wait,
            Place::Screening => Picture::Tones(self.screener.iter().map(|_| SCREENER).collect()),
            Place::Hold if show.is_empty() => Picture::Wait,
            Place::Hold | Place::Air | Place::Muted => Picture::Tones(show),
        }
    }

    /// Every caller hears what the table says, at the same time.
    fn check_phones(&self, step: &str) {
        let ears = Ears::new(&[&TONES[..], &[HOST, SCREENER]].concat());
        std::thread::scope(|scope| {
            for (number, line) in self.lines.iter().enumerate() {
                let (ears, expected) = (&ears, self.expected(number));
                let who = format!("{step}: caller {number} ({:?})", line.place);
                scope.spawn(move || match expected {
                    Picture::Nothing => {}
                    Picture::Wait => ears.waits(&who, &line.party),
                    Picture::Tones(tones) => ears.hears(&who, &line.party, &tones),
                });
            }
        });
    }

    /// Every ear hears what the table says: telephones, screener and host.
    fn check(&self, step: &str) {
        self.check_phones(step);
        let at = |place: Place| {
            let lines = self.lines.iter().filter(move |line| line.place == place);
            lines
                .map(|line| (format!("call:{}", line.id), line.tone))
                .collect::<BTreeMap<_, _>>()
        };
        if let Some(host) = &self.host {
            host.hears(&at(Place::Air));
        }
        if let Some(screener) = &self.screener {
            screener.hears(&at(Place::Screening));
        }
    }
}

#[test]
fn a_whole_show() {
    whole_show(Rooms::Embedded);
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn a_whole_show_on_livekit() {
    whole_show(Rooms::on_livekit());
}

fn whole_show(rooms: Rooms) {
    let mut show = Studio::open(rooms, 6);
    show.check("all wait in the lobby");

    show.screen(0);
    show.check("0 is screened, nobody is live");
    show.step(0, "move-to-lobby", Place::Lobby);
    show.check("0 is back in the lobby");
    show.screen(0);
    show.step(0, "move-to-hold", Place::Hold);
    show.check("0 is approved, nobody is live: music");

    show.host_joins();
    show.check("the host is live");
    for line in 1..4 {
        show.step(line, "move-to-screening", Place::Screening);
        show.step(line, "move-to-hold", Place::Hold);
    }
    show.check("0 to 3 are on hold");

    show.step(0, "move-to-live", Place::Air);
    show.screen(5);
    show.check("0 is alone on air, 5 is screened");
    show.step(1, "move-to-live", Place::Air);
    show.check("0 and 1 are on air");
    show.mute(0, true);
    show.check("0 is muted");
    show.mute(0, false);
    show.check("0 is heard again");

    show.step(0, "move-to-hold", Place::Hold);
    show.check("0 is back on hold");
    show.step(0, "move-to-live", Place::Air);
    show.step(2, "move-to-live", Place::Air);
    show.check("0, 1 and 2 are on air");

    show.step(1, "end-call", Place::Gone);
    show.lines[1].party.wait_hung_up();
    show.check("1 is dropped");
    let Party::Phone(phone) = &show.lines[2].party else {
        panic!("2 comes by telephone");
    };
    phone.hang_up();
    phone.wait_ended(SOON).expect("the switch lets go");
    show.lines[2].place = Place::Gone;
    show.check("2 hung up");

    show.switch.ask(
        "POST",
        &format!("/api/episodes/{}/end", show.episode),
        Value::Null,
    );
    for (number, line) in show.lines.iter().enumerate() {
        if number != 2 {
            line.party.wait_hung_up();
        }
        let row = show
            .switch
            .call_once(line.party.leg(), |row| row["status"] == "completed");
        let cause = match number {
            1 => "dropped",
            2 => "caller-hung-up",
            _ => "show-ended",
        };
        assert_eq!(row["cause"], cause, "{row}");
    }
}

/// What a caller hears all through the moves of others, and of itself, has no gap, no click, and no hole in its stream.
///
/// A fault of the switch comes with every round of moves. One of a machine that is too busy to send a telephone's packets
/// in time does not come three times.
#[test]
fn moves_leave_no_gap_and_no_click() {
    smooth_moves(Rooms::Embedded);
}

#[test]
#[ignore = "needs livekit-server: make test"]
fn moves_leave_no_gap_and_no_click_on_livekit() {
    smooth_moves(Rooms::on_livekit());
}

fn smooth_moves(rooms: Rooms) {
    let mut show = Studio::open(rooms, 4);
    for line in 0..4 {
        show.step(line, "move-to-screening", Place::Screening);
        show.step(line, "move-to-hold", Place::Hold);
    }
    // 0 speaks all the time; 1 hears it on hold and on air; 2 and 3 come and go.
    show.step(0, "move-to-live", Place::Air);
    show.check_phones("0 speaks");
    let rounds: Vec<Vec<String>> = (0..3).map(|_| show.round_of_moves()).collect();
    assert!(
        rounds.iter().any(Vec::is_empty),
        "faults in every round: {rounds:#?}"
    );

    show.lines[1].party.listen(50);
    let heard = show.lines[1].party.take_heard();
    let (before, after) = heard.split_at(heard.len() - 2000);
    // How loud the click is depends on where in the wave the hole begins.
    let holes = (77..101).map(|len| faults(&[before, &after[len..]].concat()).1);
    let click = holes.fold(0.0, f32::max);
    assert!(
        click >= ClickDetector::CLICK_RATIO,
        "a hole of 10 ms would go unnoticed: {click}"
    );
    let (gap_ms, _) = faults(&[before, &[0.0; 200], after].concat());
    assert!(
        gap_ms > 20.0,
        "a silence of 25 ms would go unnoticed: {gap_ms} ms"
    );
}

impl Studio {
    /// Callers 1, 2 and 3 come and go; what was wrong with what they heard meanwhile.
    fn round_of_moves(&mut self) -> Vec<String> {
        let before: Vec<u64> = self.lines.iter().map(|line| line.party.breaks()).collect();
        for line in &self.lines {
            let _ = line.party.take_heard();
        }
        for (line, step, to) in [
            (1, "move-to-live", Place::Air),
            (2, "move-to-live", Place::Air),
            (1, "move-to-hold", Place::Hold),
            (3, "move-to-live", Place::Air),
            (2, "move-to-hold", Place::Hold),
            (3, "move-to-hold", Place::Hold),
        ] {
            self.step(line, step, to);
            self.lines[1].party.listen(9);
        }
        let mut wrong = Vec::new();
        for (number, line) in self.lines.iter().enumerate().skip(1) {
            let (gap_ms, click) = faults(&line.party.take_heard());
            if gap_ms > 20.0 {
                wrong.push(format!("caller {number}: a gap of {gap_ms} ms"));
            }
            // A clear cuts what the far end of a stream has buffered.
            let is_cut = matches!(line.party, Party::Stream(_));
            if click >= ClickDetector::CLICK_RATIO && !is_cut {
                wrong.push(format!("caller {number}: a click of {click}"));
            }
            let breaks = line.party.breaks() - before[number];
            if breaks > 0 {
                wrong.push(format!("caller {number}: the stream has {breaks} holes"));
            }
        }
        wrong
    }
}

/// The longest gap in ms and the worst click.
fn faults(heard: &[f32]) -> (f32, f32) {
    let mut gaps = GapDetector::new(8000, 0.01);
    let mut clicks = ClickDetector::new(8000);
    gaps.hear(heard);
    clicks.hear(heard);
    (gaps.longest_ms(), clicks.worst_ratio())
}
