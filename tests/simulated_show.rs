//! Two hundred callers and random presses in simulated time: after every press, every ear hears exactly whom the table of
//! stages lets it hear, never itself, and no stream loses or repeats a frame.
//!
//! Every third caller comes by a Media Stream, the others by RTP.
//! The desk decides and the media table carries out, as in the switch; sockets and browsers are memory, time is a number.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test may start from any instant"
)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use audioroad::{
    actors::room::placement,
    domain::{
        Arrival, CallId, CallerId, Command, Desk, DeskSettings, Effect, EpisodeId, Limits,
        Operator, OperatorId, Role, RoomName, ShowId, Stage, UnixMs, Verdict,
        desk::{EpisodePlan, ShowPlan},
    },
    media::{
        LegKey, LegSpec, MediaIo, MediaTable, NB_FRAME, NbFrame, RoomKey,
        asset::{Assets, PromptId},
        codec::Codec,
        g711::Law,
        latch::Sources,
        opus::{CallerEncoder, CallerOpus, OpusPacket},
        stream::{self, StreamIn, StreamOut, StreamSocket},
        table::{Datagram, MediaSettings},
        tone::{Tone, ToneDetector},
    },
};

const CALLERS: usize = 200;
const PRESSES: usize = 60;
/// Tones 14 Hz apart, all below 3.4 kHz.
const STEP_HZ: f32 = 14.0;
const LOWEST_HZ: f32 = 400.0;
const HOST_HZ: f32 = 310.0;
const SCREENER_HZ: f32 = 350.0;
/// Long enough to tell 14 Hz apart through a Hann window.
const LISTEN: usize = 20;
/// A move has been heard, its fade is over and buffers are full.
const SETTLE: usize = 12;

fn hz(index: usize) -> f32 {
    LOWEST_HZ + STEP_HZ * index as f32
}

/// What a phone sends and hears.
struct Ear {
    tone: Tone,
    sequence: u16,
    waiting: Vec<Vec<u8>>,
    heard: Vec<[u8; NB_FRAME]>,
    last: Option<(u16, u32)>,
    /// The far end of a Media Stream, for a caller who comes by one.
    stream: Option<StreamSocket>,
}

#[derive(Default)]
struct Wires {
    ears: HashMap<LegKey, Ear>,
    now: Option<Instant>,
}

fn address(leg: LegKey) -> SocketAddr {
    let _ = leg;
    SocketAddr::from(([127, 0, 0, 1], 4000))
}

impl MediaIo for Wires {
    fn recv(&mut self, leg: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let packet = self.ears.get_mut(&leg)?.waiting.pop()?;
        buf[..packet.len()].copy_from_slice(&packet);
        Some(Datagram {
            len: packet.len(),
            from: address(leg),
            at: self.now?,
        })
    }

    fn send(&mut self, leg: LegKey, _: SocketAddr, packet: &[u8]) {
        let ear = self.ears.get_mut(&leg).unwrap();
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        if let Some((before, then)) = ear.last {
            assert_eq!(
                sequence,
                before.wrapping_add(1),
                "no packet is lost or doubled"
            );
            assert_eq!(
                timestamp,
                then.wrapping_add(160),
                "no frame is lost or doubled"
            );
        }
        ear.last = Some((sequence, timestamp));
        ear.heard.push(packet[12..].try_into().unwrap());
    }
}

impl Wires {
    /// Takes what is in the rings of Media Streams.
    fn read_streams(&mut self) {
        for ear in self.ears.values_mut() {
            let Some(stream) = &mut ear.stream else {
                continue;
            };
            while let Ok(out) = stream.to_caller.pop() {
                if let StreamOut::Audio(payload) = out {
                    ear.heard.push(payload);
                }
            }
        }
    }

    fn speak(&mut self, now: Instant) {
        for ear in self.ears.values_mut() {
            let mut frame: NbFrame = [0.0; NB_FRAME];
            ear.tone.add(&mut frame);
            if let Some(stream) = &mut ear.stream {
                let audio = StreamIn::Audio {
                    at: now,
                    chunk: ear.sequence,
                    timestamp: u32::from(ear.sequence) * 160,
                    len: NB_FRAME as u8,
                    payload: Law::Mu.encode_frame(&frame),
                };
                stream.from_caller.push(audio).unwrap();
                ear.sequence = ear.sequence.wrapping_add(1);
                continue;
            }
            let mut packet = vec![0x80, 0];
            packet.extend(ear.sequence.to_be_bytes());
            packet.extend((u32::from(ear.sequence) * 160).to_be_bytes());
            packet.extend([1, 2, 3, 4]);
            packet.extend(frame.iter().map(|sample| Law::Mu.encode(*sample)));
            ear.sequence = ear.sequence.wrapping_add(1);
            ear.waiting.push(packet);
        }
    }
}

/// A browser in a room: its tone, as Opus.
struct Browser {
    tone: Tone,
    encoder: CallerEncoder,
    ring: rtrb::Producer<OpusPacket>,
}

impl Browser {
    fn speak(&mut self) {
        let mut frame: NbFrame = [0.0; NB_FRAME];
        self.tone.add(&mut frame);
        let packet = self.encoder.encode(&frame).unwrap();
        let _ = self.ring.push(packet);
    }
}

struct Show {
    desk: Desk,
    table: MediaTable,
    wires: Wires,
    rooms: BTreeMap<RoomName, RoomKey>,
    browsers: BTreeMap<RoomName, Browser>,
    legs: BTreeMap<CallId, LegKey>,
    tones: BTreeMap<CallId, f32>,
    episode: EpisodeId,
    start: Instant,
    frames: u64,
    prompts: HashSet<[u8; NB_FRAME]>,
}

impl Show {
    fn new() -> Self {
        let limits = Limits {
            lobby: 300,
            hold: 150,
            live: 9,
        };
        let mut desk = Desk::new(DeskSettings {
            limits,
            ..DeskSettings::default()
        });
        let plan = ShowPlan {
            name: Some("Sim".into()),
            slug: Some("sim".into()),
            ..ShowPlan::default()
        };
        desk.create_show(UnixMs(0), ShowId(1), plan).unwrap();
        let plan = EpisodePlan {
            show_id: ShowId(1),
            title: String::new(),
            scheduled_at: None,
        };
        let episode = desk.create_episode(EpisodeId(1), plan).unwrap().id;
        let assets = Arc::new(Assets::built_in().unwrap());
        let settings = MediaSettings {
            rtp_timeout: Duration::from_secs(3600),
            ..MediaSettings::default()
        };
        let mut show = Self {
            desk,
            prompts: prompts(&assets),
            table: MediaTable::new(assets, settings),
            wires: Wires::default(),
            rooms: BTreeMap::new(),
            browsers: BTreeMap::new(),
            legs: BTreeMap::new(),
            tones: BTreeMap::new(),
            episode,
            start: Instant::now(),
            frames: 0,
        };
        let host = show.host();
        show.press(
            &host,
            &Command::StartShow {
                episode_id: episode,
            },
        );
        show.press(
            &host,
            &Command::OpenLines {
                episode_id: episode,
            },
        );
        let live = RoomName::Live(episode);
        show.desk.browser_joined(live, "PA_host", "host:hal");
        show.browser(live, HOST_HZ);
        show
    }

    fn host(&self) -> Operator {
        Operator {
            id: OperatorId(1),
            name: "Hal".into(),
            role: Role::Admin,
        }
    }

    fn screener(&self, which: u64) -> Operator {
        Operator {
            id: OperatorId(10 + u128::from(which)),
            name: format!("Screener {which}"),
            role: Role::Screener,
        }
    }

    fn browser(&mut self, room: RoomName, tone_hz: f32) {
        let (ring, packets) = rtrb::RingBuffer::new(16);
        self.table.add_source(self.rooms[&room], packets).unwrap();
        let browser = Browser {
            tone: Tone::new(8000, tone_hz, 0.1),
            encoder: CallerEncoder::new(CallerOpus::default()).unwrap(),
            ring,
        };
        self.browsers.insert(room, browser);
    }

    fn ring(&mut self, index: usize) {
        let id = CallId(1000 + index as u128);
        let arrival = Arrival {
            new_call: id,
            new_caller: CallerId(1000 + index as u128),
            known: None,
            from: None,
            dialled: "sim".into(),
            display_name: String::new(),
            twilio_call_sid: None,
            sip_call_id: Some(index.to_string()),
        };
        let Verdict::Admit { call, room, .. } = self.desk.arrive(UnixMs(0), arrival) else {
            panic!("not admitted")
        };
        let now = self.now();
        let spec = LegSpec {
            codec: Codec::G711(Law::Mu),
            payload_type: 0,
            bitrate_max: None,
            dtmf_payload_type: None,
            remote: SocketAddr::from(([127, 0, 0, 1], 4000)),
            sources: Sources::of(Ipv4Addr::LOCALHOST.into()),
            srtp: None,
            rtcp: audioroad::media::rtcp::RtcpPath::Muxed,
            cname: [b'A'; audioroad::media::rtcp::CNAME_LEN],
            ssrc: index as u32,
            sequence: 65_000,
            timestamp: u32::MAX - 5000,
            receive: true,
            send: true,
        };
        let (leg, stream) = if index.is_multiple_of(3) {
            let (rings, socket) = stream::rings();
            (self.table.add_stream(now, rings), Some(socket))
        } else {
            (self.table.add_leg(now, spec), None)
        };
        let tone = Tone::new(8000, hz(index), 0.05);
        self.wires.ears.insert(
            leg,
            Ear {
                tone,
                sequence: 0,
                waiting: Vec::new(),
                heard: Vec::new(),
                last: None,
                stream,
            },
        );
        self.legs.insert(call, leg);
        self.tones.insert(call, hz(index));
        self.desk.answered(UnixMs(0), call);
        self.table
            .place(leg, placement(room, true, |_| None).unwrap());
        self.settle();
    }

    fn press(&mut self, by: &Operator, command: &Command) -> bool {
        let done = self.desk.command(UnixMs(0), by, command).is_ok();
        self.settle();
        done
    }

    /// What rooms and calls do with the desk's orders.
    fn settle(&mut self) {
        for effect in self.desk.drain().effects {
            match effect {
                Effect::OpenStudio(episode) => {
                    let key = self.table.add_live_room();
                    self.rooms.insert(RoomName::Live(episode), key);
                }
                Effect::Place { call, room, .. } => {
                    if let RoomName::Screening(..) = room {
                        let key = self.table.add_room();
                        self.rooms.insert(room, key);
                        self.browser(room, SCREENER_HZ);
                    }
                    let place =
                        placement(room, false, |room| self.rooms.get(&room).copied()).unwrap();
                    self.table.place(self.legs[&call], place);
                }
                Effect::CloseRoom(room) => {
                    if let Some(key) = self.rooms.remove(&room) {
                        self.table.remove_room(key);
                        self.browsers.remove(&room);
                    }
                }
                Effect::SetMuted { call, muted } => self.table.set_muted(self.legs[&call], muted),
                Effect::SetGain { call, gain_db } => {
                    self.table.set_gain(self.legs[&call], f32::from(gain_db));
                }
                Effect::SetDenoised { call, denoised } => {
                    self.table.set_denoised(self.legs[&call], denoised);
                }
                Effect::SetDucking { episode, ducking } => {
                    let live = self.rooms[&RoomName::Live(episode)];
                    self.table.set_ducking(live, ducking);
                }
                Effect::ResetLoudness(episode) => {
                    let live = self.rooms[&RoomName::Live(episode)];
                    self.table.reset_loudness(live);
                }
                Effect::HangUp { call, .. } => {
                    if let Some(leg) = self.legs.remove(&call) {
                        self.table.remove_leg(leg);
                        self.wires.ears.remove(&leg);
                        self.desk.gone(
                            UnixMs(0),
                            call,
                            audioroad::domain::Cause::CallerHungUp,
                            None,
                        );
                    }
                }
                Effect::SetPlaces { places, .. } => {
                    for (call, place) in places {
                        if let Some(leg) = self.legs.get(&call) {
                            self.table.set_position(*leg, Some(place));
                        }
                    }
                }
                Effect::CloseStudio(_) => {}
                Effect::OpenRoom(_)
                | Effect::Dial { .. }
                | Effect::Transfer { .. }
                | Effect::Notify { .. } => unreachable!("nobody calls out here"),
            }
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(20) * u32::try_from(self.frames).unwrap()
    }

    fn run(&mut self, frames: usize) {
        for _ in 0..frames {
            let now = self.now();
            self.wires.speak(now);
            self.browsers.values_mut().for_each(Browser::speak);
            for phase in 0..4_u8 {
                let now = self.now() + Duration::from_millis(5) * u32::from(phase);
                self.wires.now = Some(now);
                self.table.tick(now, phase, &mut self.wires);
                self.wires.read_streams();
            }
            self.frames += 1;
            while self.table.poll_event().is_some() {}
        }
    }

    /// Listens at every ear and compares with the table of stages.
    fn check(&mut self, detector: &ToneDetector, bank: &[f32]) {
        self.run(SETTLE);
        self.wires
            .ears
            .values_mut()
            .for_each(|ear| ear.heard.clear());
        self.run(LISTEN);
        let calls: Vec<(CallId, Stage, bool)> = self
            .desk
            .open_calls()
            .map(|call| (call.id, call.stage, call.muted))
            .collect();
        let on_air: Vec<f32> = calls
            .iter()
            .filter(|(_, stage, muted)| *stage == Stage::OnAir && !muted)
            .map(|(id, ..)| self.tones[id])
            .collect();
        for (id, stage, _) in &calls {
            let ear = &self.wires.ears[&self.legs[id]];
            assert_eq!(ear.heard.len(), LISTEN, "one packet a frame");
            let own = self.tones[id];
            let expected: Vec<f32> = match stage {
                Stage::Queued => {
                    // From one prompt to the next there is one frame of both; anything longer is somebody's voice.
                    let known: Vec<bool> = ear
                        .heard
                        .iter()
                        .map(|frame| self.prompts.contains(frame))
                        .collect();
                    let leak = known.windows(2).any(|pair| pair == [false, false]);
                    assert!(
                        !leak,
                        "{own} Hz waits in the lobby and hears something that is no prompt and no music"
                    );
                    continue;
                }
                Stage::Screening => vec![SCREENER_HZ],
                Stage::OnHold => std::iter::once(HOST_HZ)
                    .chain(on_air.iter().copied())
                    .collect(),
                Stage::OnAir => std::iter::once(HOST_HZ)
                    .chain(on_air.iter().copied().filter(|tone| *tone != own))
                    .collect(),
                Stage::Completed => continue,
            };
            let sound: Vec<f32> = ear
                .heard
                .iter()
                .flatten()
                .map(|octet| Law::Mu.decode(*octet))
                .collect();
            let levels = detector.levels_dbfs(&sound);
            for (tone, level) in bank.iter().zip(levels) {
                let wanted = expected.contains(tone);
                let heard = level > if wanted { -45.0 } else { -38.0 };
                assert_eq!(
                    heard, wanted,
                    "{own} Hz is {stage:?} and hears {tone} Hz at {level:.1} dBFS"
                );
            }
        }
    }
}

fn prompts(assets: &Assets) -> HashSet<[u8; NB_FRAME]> {
    let named = [PromptId::Greeting, PromptId::HoldMusic].map(|id| assets.prompt(id));
    let named = named
        .into_iter()
        .flat_map(|prompt| (0..prompt.frames()).filter_map(|n| prompt.frame(n, Law::Mu)));
    let places = (1..=100).map(|place| assets.position(place));
    let places = places.flat_map(|said| (0..said.frames()).filter_map(|n| said.frame(n, Law::Mu)));
    let silence = [Law::Mu.encode(0.0); NB_FRAME];
    named.chain(places).copied().chain([silence]).collect()
}

/// A small generator of its own, so that a failure can be played again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

#[test]
fn two_hundred_callers_and_random_presses() {
    let mut show = Show::new();
    let bank: Vec<f32> = [HOST_HZ, SCREENER_HZ]
        .into_iter()
        .chain((0..CALLERS).map(hz))
        .collect();
    let detector = ToneDetector::new(8000, &bank);
    let mut dice = Dice(0x00A1_D107_0AD5);
    (0..CALLERS).for_each(|index| show.ring(index));
    show.run(50);
    let mut done: BTreeMap<&'static str, usize> = BTreeMap::new();
    for _ in 0..PRESSES {
        // Several presses between two looks: a caller may move more than once within a frame.
        for _ in 0..1 + dice.roll(6) {
            let calls: Vec<CallId> = show.desk.open_calls().map(|call| call.id).collect();
            let call_id = calls[dice.roll(calls.len())];
            let by = match dice.roll(3) {
                0 => show.screener(0),
                1 => show.screener(1),
                _ => show.host(),
            };
            let episode_id = show.episode;
            let command = match dice.roll(14) {
                0..=2 => Command::PickUpNext { episode_id },
                3..=5 => Command::Approve {
                    call_id: screened(&show, &by).unwrap_or(call_id),
                    next: false,
                },
                6 => Command::BackToLobby {
                    call_id: screened(&show, &by).unwrap_or(call_id),
                },
                7..=8 => Command::PutOnAir {
                    call_id: at(&show, Stage::OnHold).unwrap_or(call_id),
                },
                9 => Command::PutOnHold {
                    call_id: at(&show, Stage::OnAir).unwrap_or(call_id),
                },
                10 => Command::Next { episode_id },
                11 => Command::SetMuted {
                    call_id: at(&show, Stage::OnAir).unwrap_or(call_id),
                    muted: dice.roll(2) == 0,
                },
                12 => Command::Drop { call_id },
                _ => Command::PutOnAir { call_id },
            };
            if show.press(&by, &command) {
                *done.entry(command.name()).or_default() += 1;
            }
        }
        show.check(&detector, &bank);
    }
    for name in [
        "pick-up-next",
        "approve",
        "back-to-lobby",
        "put-on-air",
        "put-on-hold",
        "next",
        "set-muted",
        "drop",
    ] {
        assert!(
            done.get(name).is_some_and(|times| *times > 0),
            "{name} never happened: {done:?}"
        );
    }
}

fn screened(show: &Show, by: &Operator) -> Option<CallId> {
    let mine = |call: &&audioroad::domain::Call| {
        call.stage == Stage::Screening
            && call.screener.as_ref().is_some_and(|held| held.id == by.id)
    };
    show.desk.open_calls().find(mine).map(|call| call.id)
}

fn at(show: &Show, stage: Stage) -> Option<CallId> {
    show.desk
        .open_calls()
        .find(|call| call.stage == stage)
        .map(|call| call.id)
}
