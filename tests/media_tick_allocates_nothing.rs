//! The tick of a loud live room takes no memory from the heap, whatever was changed before it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use audioroad::media::asset::{Assets, Prompt, demo_callers};
use audioroad::media::codec::Codec;
use audioroad::media::g711::Law;
use audioroad::media::g722;
use audioroad::media::latch::Sources;
use audioroad::media::opus::phone::PhoneEncoder;
use audioroad::media::resample::Up2;
use audioroad::media::rtcp::{CNAME_LEN, RtcpPath};
use audioroad::media::rtp::{PACKET_BUF, RtpOut};
use audioroad::media::{
    Datagram, FRAME_MS, LegKey, LegSpec, MediaIo, MediaSettings, MediaTable, NB_FRAME, Place,
    WB_FRAME,
};

/// One caller's packets, each of which is read once; what is sent is gone.
struct Line {
    packets: VecDeque<(usize, [u8; NB_FRAME + 12])>,
    now: Instant,
}

impl MediaIo for Line {
    fn recv(&mut self, _: LegKey, buf: &mut [u8]) -> Option<Datagram> {
        let (len, packet) = self.packets.pop_front()?;
        buf.get_mut(..len)?.copy_from_slice(packet.get(..len)?);
        Some(Datagram {
            len,
            from: far_end(),
            at: self.now,
        })
    }

    fn send(&mut self, _: LegKey, _: SocketAddr, _: &[u8]) {}
}

#[test]
fn the_chain_of_a_caller_on_air() {
    for codec in [Codec::G711(Law::Mu), Codec::G722, Codec::Opus] {
        no_frame_allocates(codec);
    }
}

/// Half a minute of a caller in this codec, to whom one packet in nine is lost.
fn no_frame_allocates(codec: Codec) {
    let assets = Arc::new(Assets::built_in().expect("the built-in sounds decode"));
    let mut table = MediaTable::new(assets, MediaSettings::default());
    let mut line = Line {
        packets: VecDeque::with_capacity(4),
        now: start(),
    };
    let leg = table.add_leg(line.now, spec(codec));
    let listener = table.add_leg(line.now, spec(codec));
    let room = table.add_live_room();
    table.place(leg, Place::Seat(room));
    table.place(listener, Place::Listen(room));
    let (_microphone, packets) = rtrb::RingBuffer::new(8);
    let host = table.add_source(room, packets).expect("a decoder");
    table.set_source_leads(host, true);
    table.set_gain(leg, 20.0);
    let (voice, mut browser) = rtrb::RingBuffer::new(8);
    let heard = Arc::new(AtomicBool::new(true));
    table.tap(leg, room, voice, heard).expect("an encoder");

    let mut speaker = Speaker::new(codec);
    for n in 0..500 {
        // What a desk does may allocate; the frames after it may not.
        table.set_denoised(leg, n / 50 % 2 == 1);
        table.set_ducking(room, n / 30 % 2 == 1);
        table.set_muted(leg, n / 40 % 4 == 3);
        line.packets
            .extend(Some(speaker.packet()).filter(|_| n % 9 != 8));
        line.now += Duration::from_millis(FRAME_MS);
        let taken = allocation_counter::measure(|| {
            (0..4).for_each(|phase| table.tick(line.now, phase, &mut line));
            while table.poll_event().is_some() {}
        });
        assert_eq!(taken.count_total, 0, "{codec:?}, frame {n}: {taken:?}");
        while browser.pop().is_ok() {}
    }
    assert!(
        table
            .program(room)
            .expect("a program")
            .loudness
            .momentary_lufs
            > -40.0
    );
}

/// A telephone that tells a story.
struct Speaker {
    story: Prompt,
    frame: usize,
    stream: RtpOut,
    clock_hz: u32,
    coder: Coder,
}

enum Coder {
    Law,
    G722(g722::Encoder, Up2),
    Opus(PhoneEncoder, Up2),
}

impl Speaker {
    fn new(codec: Codec) -> Self {
        let mut stories = demo_callers().expect("the built-in stories decode");
        Self {
            story: stories.swap_remove(0),
            frame: 0,
            stream: RtpOut::new(7, 1, 1),
            clock_hz: codec.clock_hz(),
            coder: match codec {
                Codec::G711(_) => Coder::Law,
                Codec::G722 => Coder::G722(g722::Encoder::new(), Up2::new()),
                Codec::Opus => {
                    let coder = PhoneEncoder::alone(24_000).expect("a coder");
                    Coder::Opus(coder, Up2::new())
                }
            },
        }
    }

    fn packet(&mut self) -> (usize, [u8; NB_FRAME + 12]) {
        let narrow = self.story.frame(self.frame, Law::Mu).expect("a frame");
        self.frame = (self.frame + 1) % self.story.frames();
        let widened = |up: &mut Up2| {
            let mut wide = [0.0; WB_FRAME];
            up.add(&Law::Mu.decode_frame(narrow), &mut wide);
            wide
        };
        let voice = match &mut self.coder {
            Coder::Law => narrow.to_vec(),
            Coder::G722(coder, up) => coder.frame(&widened(up)).to_vec(),
            Coder::Opus(coder, up) => {
                let wide = widened(up);
                let payload = coder.frame(&wide, &wide).expect("an encoded frame");
                payload.as_slice().to_vec()
            }
        };
        let mut buf = PACKET_BUF;
        let sent = self.stream.packet(0, &voice, &mut buf);
        let sent = sent.expect("room for a packet");
        let mut packet = [0; NB_FRAME + 12];
        packet[..sent.len()].copy_from_slice(sent);
        let len = sent.len();
        self.stream.advance(self.clock_hz / 50);
        (len, packet)
    }
}

fn far_end() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000))
}

fn spec(codec: Codec) -> LegSpec {
    LegSpec {
        codec,
        bitrate_max: None,
        payload_type: 0,
        dtmf_payload_type: Some(101),
        remote: far_end(),
        sources: Sources::of(far_end().ip()),
        srtp: None,
        ssrc: 1,
        sequence: 1,
        timestamp: 1,
        receive: true,
        send: true,
        rtcp: RtcpPath::Muxed,
        cname: [b'A'; CNAME_LEN],
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time begins somewhere")]
fn start() -> Instant {
    Instant::now()
}
