//! The far ends of calls, with real media: each sends a packet every 20 ms, against the beginning and not against its last one,
//! a twentieth of them each millisecond. One of them clicks once a second, and the others write down when they heard it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use audioroad::media::g711::{EncodedFrame, Law};
use audioroad::media::opus::{CallerEncoder, CallerOpus, OpusPayload};
use audioroad::media::rtp::{DATAGRAM_MAX, PACKET_BUF, RtpIn, RtpOut};
use audioroad::media::{NB_FRAME, NbFrame};
use audioroad::net::rtp::RtpSocket;
use serde::Serialize;

use crate::network::BadNetwork;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SLOTS: usize = 20;
const SLOT: Duration = Duration::from_millis(1);
/// Frames between two clicks: a second.
const CLICK_EVERY: usize = 50;
/// A click is 5 ms of full scale.
const CLICK_SAMPLES: usize = 40;
/// Whatever is louder is a click: the gain control of whoever is under test may have turned it down by 12 dB.
const LOUD: f32 = 0.12;
/// The line noise of everybody: four hundred of them together stay far below a click.
const NOISE: f32 = 0.0008;
/// Two clicks are never closer to each other.
const CLICKS_APART: Duration = Duration::from_millis(500);

/// What Janus calls Opus, whose clock is 48 kHz whatever is in it (RFC 7587 section 4.1).
pub(crate) const OPUS: u8 = 100;
const OPUS_CLOCK: u32 = 960;

/// One far end.
pub(crate) struct Leg {
    rtp: RtpSocket,
    /// Where it takes its audio.
    pub(crate) port: u16,
    /// Where it sends its own, once somebody has said so.
    pub(crate) to: Option<SocketAddr>,
    out: RtpOut,
    clicks: bool,
    frame: usize,
    last: Option<(SystemTime, u16)>,
    last_click: Option<SystemTime>,
}

/// What a run was like.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Heard {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Packets whose number never came.
    pub(crate) lost: u64,
    /// Time between two packets of a leg, all legs.
    pub(crate) gap_ms_p99: f64,
    pub(crate) gap_ms_max: f64,
    /// From the talker's socket to the listeners', sound to sound.
    pub(crate) clicks: usize,
    pub(crate) click_ms_p50: f64,
    pub(crate) click_ms_p99: f64,
    /// How late the generator itself was.
    pub(crate) late_ms_p99: f64,
}

impl Heard {
    /// Both runs: sums, and the worse of what cannot be added up.
    pub(crate) fn after(self, before: Option<Self>) -> Self {
        let Some(before) = before else {
            return self;
        };
        Self {
            sent: before.sent + self.sent,
            received: before.received + self.received,
            lost: before.lost + self.lost,
            gap_ms_p99: before.gap_ms_p99.max(self.gap_ms_p99),
            gap_ms_max: before.gap_ms_max.max(self.gap_ms_max),
            clicks: before.clicks + self.clicks,
            click_ms_p50: before.click_ms_p50.max(self.click_ms_p50),
            click_ms_p99: before.click_ms_p99.max(self.click_ms_p99),
            late_ms_p99: before.late_ms_p99.max(self.late_ms_p99),
        }
    }
}

/// All far ends of a step.
pub(crate) struct Crowd {
    pub(crate) legs: Vec<Leg>,
    noise: Vec<EncodedFrame>,
    /// Noise in Opus, where all speak that: then nobody clicks.
    opus: Vec<OpusPayload>,
    click: EncodedFrame,
    is_loud: [bool; 256],
    clicked: Option<SystemTime>,
    /// On the way to whoever is under test.
    pub(crate) network: Option<BadNetwork>,
}

#[derive(Default)]
struct Ears {
    heard: Heard,
    gaps_ms: Vec<f32>,
    clicks_ms: Vec<f32>,
    late_ms: Vec<f32>,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        let click: NbFrame = std::array::from_fn(|at| match at {
            at if at >= CLICK_SAMPLES => 0.0,
            at if at % 8 < 4 => 0.99,
            _ => -0.99,
        });
        let mut state = 1_u32;
        let mut noise = |_: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 - 0.5) * 2.0 * NOISE
        };
        let noise =
            (0..CLICK_EVERY).map(|_| Law::Mu.encode_frame(&std::array::from_fn(&mut noise)));
        let noise = noise.collect();
        Self {
            legs: Vec::new(),
            noise,
            opus: Vec::new(),
            click: Law::Mu.encode_frame(&click),
            is_loud: std::array::from_fn(|code| Law::Mu.decode(code as u8).abs() > LOUD),
            clicked: None,
            network: None,
        }
    }

    /// Far ends that speak Opus.
    pub(crate) fn opus() -> Result<Self> {
        let how = CallerOpus {
            bitrate: 32_000,
            complexity: 5,
        };
        let mut encoder = CallerEncoder::new(how)?;
        let mut crowd = Self::new();
        let frames = crowd.noise.iter().map(|frame| {
            let packet = encoder.encode(&Law::Mu.decode_frame(frame))?;
            Ok(packet.payload)
        });
        crowd.opus = frames.collect::<Result<_>>()?;
        crowd.is_loud = [false; 256];
        Ok(crowd)
    }

    /// One more far end with a socket of its own; the first one clicks. Gives its place.
    pub(crate) fn add(&mut self) -> Result<usize> {
        let at = self.legs.len();
        let (port, rtp) = open_port()?;
        self.legs.push(Leg {
            rtp,
            port,
            to: None,
            out: RtpOut::new(at as u32 + 1, 1, 1),
            clicks: at == 0,
            frame: at * 7,
            last: None,
            last_click: None,
        });
        Ok(at)
    }

    /// Speaks and listens for so long; `meanwhile` has its turn each millisecond.
    pub(crate) fn run(
        &mut self,
        time: Duration,
        mut meanwhile: impl FnMut(Instant) -> Result<()>,
    ) -> Result<Heard> {
        let mut ears = Ears::default();
        self.forget();
        let (start, slots) = (Instant::now(), time.as_millis() as u32);
        for slot in 0..slots {
            let due = start + SLOT * slot;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let late = Instant::now().saturating_duration_since(due);
            ears.late_ms.push(late.as_secs_f32() * 1000.0);
            for at in (slot as usize % SLOTS..self.legs.len()).step_by(SLOTS) {
                self.serve(at, &mut ears);
            }
            if let Some(network) = &mut self.network {
                let legs = &self.legs;
                network.deliver(Instant::now(), |at, to, packet| {
                    if let Some(leg) = legs.get(at) {
                        leg.rtp.send(to, packet);
                    }
                });
            }
            meanwhile(Instant::now())?;
        }
        Ok(ears.sum_up())
    }

    /// What waits in the sockets is of another time.
    fn forget(&mut self) {
        let mut buffer = [0; DATAGRAM_MAX];
        for leg in &mut self.legs {
            while leg.rtp.recv(&mut buffer).is_some() {}
            leg.last = None;
        }
    }

    fn serve(&mut self, at: usize, ears: &mut Ears) {
        let Some(leg) = self.legs.get_mut(at) else {
            return;
        };
        leg.hear(&self.is_loud, self.clicked, ears);
        let turn = leg.frame % CLICK_EVERY;
        let clicks = leg.clicks && turn == 0 && self.opus.is_empty();
        let (payload_type, clock, payload) = match self.opus.get(turn) {
            Some(frame) => (OPUS, OPUS_CLOCK, Some(frame.as_slice())),
            None if clicks => (0, NB_FRAME as u32, Some(&self.click[..])),
            None => (
                0,
                NB_FRAME as u32,
                self.noise.get(turn).map(|frame| &frame[..]),
            ),
        };
        let (Some(payload), Some(to)) = (payload, leg.to) else {
            return;
        };
        leg.frame += 1;
        let mut buffer = PACKET_BUF;
        if let Some(packet) = leg.out.packet(payload_type, payload, &mut buffer) {
            if clicks {
                self.clicked = Some(SystemTime::now());
            }
            match &mut self.network {
                Some(network) => network.take(Instant::now(), at, to, packet),
                None => {
                    leg.rtp.send(to, packet);
                }
            }
            ears.heard.sent += 1;
        }
        leg.out.advance(clock);
    }
}

impl Leg {
    /// Drains the socket. Times are the kernel's, so that ours do not blur them.
    fn hear(&mut self, is_loud: &[bool; 256], clicked: Option<SystemTime>, ears: &mut Ears) {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(arrived) = self.rtp.recv(&mut buffer) {
            let bytes = buffer.get(..arrived.len).unwrap_or_default();
            let (Some(packet), Some(at)) = (RtpIn::parse(bytes), arrived.at) else {
                continue;
            };
            ears.heard.received += 1;
            if let Some((before, sequence)) = self.last {
                let gap = at.duration_since(before).unwrap_or_default();
                ears.gaps_ms.push(gap.as_secs_f32() * 1000.0);
                let missing = packet.sequence.wrapping_sub(sequence).wrapping_sub(1);
                // A packet that was overtaken is not lost.
                ears.heard.lost += u64::from(missing).min(1000) * u64::from(missing < 0x8000);
            }
            self.last = Some((at, packet.sequence));
            let loud = || {
                packet
                    .payload
                    .iter()
                    .position(|code| is_loud.get(usize::from(*code)) == Some(&true))
            };
            let is_new = |last: SystemTime| {
                at.duration_since(last)
                    .is_ok_and(|since| since > CLICKS_APART)
            };
            if let (false, Some(clicked)) = (self.clicks, clicked)
                && self.last_click.is_none_or(is_new)
                && let Some(sample) = loud()
            {
                self.last_click = Some(at);
                let took = at.duration_since(clicked).unwrap_or_default();
                ears.clicks_ms
                    .push(took.as_secs_f32() * 1000.0 + sample as f32 / 8.0);
            }
        }
    }
}

impl Ears {
    fn sum_up(mut self) -> Heard {
        let mut of = |values: fn(&mut Self) -> &mut Vec<f32>, hundredths: usize| {
            let values = values(&mut self);
            values.sort_by(f32::total_cmp);
            let at = (values.len() * hundredths / 100).min(values.len().saturating_sub(1));
            values.get(at).copied().map_or(f64::NAN, f64::from)
        };
        let gap_ms_p99 = of(|ears| &mut ears.gaps_ms, 99);
        let gap_ms_max = of(|ears| &mut ears.gaps_ms, 100);
        let click_ms_p50 = of(|ears| &mut ears.clicks_ms, 50);
        let click_ms_p99 = of(|ears| &mut ears.clicks_ms, 99);
        let late_ms_p99 = of(|ears| &mut ears.late_ms, 99);
        Heard {
            gap_ms_p99,
            gap_ms_max,
            clicks: self.clicks_ms.len(),
            click_ms_p50,
            click_ms_p99,
            late_ms_p99,
            ..self.heard
        }
    }
}

/// A port of ours above those of whoever is under test.
fn open_port() -> Result<(u16, RtpSocket)> {
    const FIRST: u16 = 33_000;
    const PORTS: u16 = 27_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    (0..PORTS)
        .find_map(|_| {
            let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS;
            Some((port, RtpSocket::bind(HERE, port).ok()?))
        })
        .context("no UDP port is free")
}
