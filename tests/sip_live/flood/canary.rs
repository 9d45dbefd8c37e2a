//! Calls with tones that a flood may not harm: three on air, the others on hold, each heard by the stamps of the kernel.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use audioroad::actors::clock;
use audioroad::media::g711::Law;
use audioroad::media::rtp::{DATAGRAM_MAX, PACKET_BUF, RtpIn, RtpOut};
use audioroad::media::tone::{Tone, ToneDetector};
use audioroad::media::{NB_FRAME, NbFrame};
use audioroad::net::rtp::RtpSocket;
use serde_json::json;

use crate::line::{By, Line, SDP};
use crate::switch::{SOON, Switch, free_port, text};

/// Calls in all.
const CALLS: usize = 20;
/// The tones of those on air, between the notes of any music.
const ON_AIR: [f32; 3] = [539.0, 906.0, 1357.9];
const FRAME: Duration = Duration::from_millis(20);
/// A look at what is heard: half a second.
const LOOK_FRAMES: usize = 25;

/// What the calls heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// Times between two packets of a call, of all calls.
    pub(crate) p99_ms: f64,
    pub(crate) most_ms: f64,
    /// Looks that had another tone than those on air, or not all of them.
    pub(crate) wrong: usize,
    pub(crate) looks: usize,
    /// Packets that never came.
    pub(crate) missing: u64,
}

struct Caller {
    rtp: RtpSocket,
    to: SocketAddr,
    out: RtpOut,
    voice: Option<Tone>,
    expected: Vec<f32>,
    last: Option<(SystemTime, u16)>,
    look: Vec<f32>,
}

pub(crate) struct Canary {
    callers: Vec<Caller>,
    ears: ToneDetector,
    /// Their signalling; nothing more is said there until the calls are hung up.
    _line: Line,
}

impl Canary {
    /// Places the calls and puts them where they belong.
    pub(crate) fn call(switch: &Switch) -> Self {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut line = Line::new(By::Udp, here, switch.sip());
        let mut callers = Vec::new();
        for at in 0..CALLS {
            let port = free_port();
            let rtp = RtpSocket::bind(here, port).unwrap();
            let (dialog, ok) =
                line.call("", &SDP.replace("m=audio 9 ", &format!("m=audio {port} ")));
            let row = switch.call_once(&dialog.call, |call| call["ringing"] == false);
            let id = text(&row["id"]);
            let step = |step: &str| {
                let path = format!("/api/twilio-sip/{step}");
                switch.ask("POST", &path, json!({"callId": id}));
            };
            step("move-to-screening");
            step("move-to-hold");
            if at < ON_AIR.len() {
                step("move-to-live");
            }
            let media = ok
                .body()
                .lines()
                .find_map(|line| line.strip_prefix("m=audio "));
            let far: u16 = media.unwrap().split(' ').next().unwrap().parse().unwrap();
            let own = ON_AIR.get(at).copied();
            callers.push(Caller {
                rtp,
                to: (here, far).into(),
                out: RtpOut::new(at as u32 + 1, 1, 1),
                voice: own.map(|hz| Tone::new(8000, hz, 0.2)),
                expected: ON_AIR.into_iter().filter(|hz| Some(*hz) != own).collect(),
                last: None,
                look: Vec::new(),
            });
        }
        let mut canary = Self {
            callers,
            ears: ToneDetector::new(8000, &ON_AIR),
            _line: line,
        };
        let deadline = clock::now() + SOON;
        while canary.listen(Duration::from_secs(1), || ()).wrong > 0 {
            assert!(clock::now() < deadline, "the calls never heard each other");
        }
        canary
    }

    /// Speaks and listens for so long, and looks at the memory now and then.
    pub(crate) fn listen(&mut self, time: Duration, mut look: impl FnMut()) -> Heard {
        let mut heard = Heard {
            p99_ms: 0.0,
            most_ms: 0.0,
            wrong: 0,
            looks: 0,
            missing: 0,
        };
        for caller in &mut self.callers {
            caller.last = None;
            caller.look.clear();
        }
        let (start, mut gaps) = (clock::now(), Vec::new());
        let frames = (time.as_millis() / FRAME.as_millis()) as u32;
        for frame in 0..frames {
            let due = start + FRAME * frame;
            std::thread::park_timeout(due.saturating_duration_since(clock::now()));
            for caller in &mut self.callers {
                caller.speak();
                caller.hear(&self.ears, &mut heard, &mut gaps);
            }
            if frame.is_multiple_of(25) {
                look();
            }
        }
        gaps.sort_by(f64::total_cmp);
        heard.p99_ms = gaps.get(gaps.len() * 99 / 100).copied().unwrap_or(f64::MAX);
        heard.most_ms = gaps.last().copied().unwrap_or(f64::MAX);
        heard
    }
}

impl Caller {
    fn speak(&mut self) {
        let mut frame: NbFrame = [0.0; NB_FRAME];
        if let Some(voice) = &mut self.voice {
            voice.add(&mut frame);
        }
        let mut buffer = PACKET_BUF;
        let payload = Law::Mu.encode_frame(&frame);
        if let Some(packet) = self.out.packet(0, &payload, &mut buffer) {
            self.rtp.send(self.to, packet);
        }
        self.out.advance(NB_FRAME as u32);
    }

    fn hear(&mut self, ears: &ToneDetector, heard: &mut Heard, gaps: &mut Vec<f64>) {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(arrived) = self.rtp.recv(&mut buffer) {
            let Some(packet) = RtpIn::parse(&buffer[..arrived.len]) else {
                continue;
            };
            let at = arrived.at.unwrap();
            if let Some((before, sequence)) = self.last {
                let gap = at.duration_since(before).unwrap_or_default();
                gaps.push(gap.as_secs_f64() * 1000.0);
                heard.missing += u64::from(packet.sequence.wrapping_sub(sequence).wrapping_sub(1));
            }
            self.last = Some((at, packet.sequence));
            self.look.extend(Law::Mu.decode_frame(packet.payload));
            if self.look.len() >= LOOK_FRAMES * NB_FRAME {
                let mut there = ears.present_hz(&self.look);
                there.sort_by(f32::total_cmp);
                heard.wrong += usize::from(there != self.expected);
                heard.looks += 1;
                self.look.clear();
            }
        }
    }
}
