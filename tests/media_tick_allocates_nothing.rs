//! The tick of a loud live room takes no memory from the heap, whatever was changed before it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use audioroad::media::asset::{Assets, demo_callers};
use audioroad::media::g711::Law;
use audioroad::media::latch::Sources;
use audioroad::media::rtcp::{CNAME_LEN, RtcpPath};
use audioroad::media::rtp::{PACKET_BUF, RtpOut};
use audioroad::media::{
    Datagram, FRAME_MS, LegKey, LegSpec, MediaIo, MediaSettings, MediaTable, NB_FRAME, Place,
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
    let assets = Arc::new(Assets::built_in().expect("the built-in sounds decode"));
    let mut table = MediaTable::new(assets, MediaSettings::default());
    let mut line = Line {
        packets: VecDeque::with_capacity(4),
        now: start(),
    };
    let leg = table.add_leg(line.now, spec());
    let room = table.add_live_room();
    table.place(leg, Place::Seat(room));
    let (_microphone, packets) = rtrb::RingBuffer::new(8);
    let host = table.add_source(room, packets).expect("a decoder");
    table.set_source_leads(host, true);
    table.set_gain(leg, 20.0);
    let (voice, mut browser) = rtrb::RingBuffer::new(8);
    let heard = Arc::new(AtomicBool::new(true));
    table.tap(leg, room, voice, heard).expect("an encoder");

    let story = demo_callers()
        .expect("the built-in stories decode")
        .swap_remove(0);
    let mut stream = RtpOut::new(7, 1, 1);
    for n in 0..500 {
        // What a desk does may allocate; the frames after it may not.
        table.set_denoised(leg, n / 50 % 2 == 1);
        table.set_ducking(room, n / 30 % 2 == 1);
        table.set_muted(leg, n / 40 % 4 == 3);
        line.packets.push_back(packet(
            &mut stream,
            story.frame(n % story.frames(), Law::Mu),
        ));
        line.now += Duration::from_millis(FRAME_MS);
        let taken = allocation_counter::measure(|| {
            (0..4).for_each(|phase| table.tick(line.now, phase, &mut line));
            while table.poll_event().is_some() {}
        });
        assert_eq!(taken.count_total, 0, "frame {n}: {taken:?}");
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

fn packet(stream: &mut RtpOut, voice: Option<&[u8; NB_FRAME]>) -> (usize, [u8; NB_FRAME + 12]) {
    let mut buf = PACKET_BUF;
    let voice = voice.expect("a frame of the story");
    let sent = stream
        .packet(0, voice, &mut buf)
        .expect("room for a packet");
    let mut packet = [0; NB_FRAME + 12];
    packet[..sent.len()].copy_from_slice(sent);
    let len = sent.len();
    stream.advance(NB_FRAME as u32);
    (len, packet)
}

fn far_end() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000))
}

fn spec() -> LegSpec {
    LegSpec {
        law: Law::Mu,
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
