//! The far end of all calls, on a thread of its own.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audioroad::media::NB_FRAME;
use audioroad::media::asset::Prompt;
use audioroad::media::g711::Law;
use audioroad::media::rtp::{PACKET_BUF, RtpOut};

use crate::{LOOPBACK, SLOTS};

/// Callers who tell the same story tell it so many frames apart.
const APART: usize = 37;

/// A socket of the far end.
pub(crate) fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((LOOPBACK, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Every call's far end: speaks, a packet every 20 ms, and throws away what comes.
pub(crate) fn talk(far: &[UdpSocket], ports: &[u16], stories: &[Prompt], over: &AtomicBool) {
    let mut streams: Vec<RtpOut> = ports.iter().map(|_| RtpOut::new(7, 1, 1)).collect();
    let mut next = Instant::now();
    let mut buf = [0; 1500];
    let mut packet = PACKET_BUF;
    for frame in 0_usize.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        for (slot, socket) in far.iter().enumerate() {
            next += Duration::from_millis(1);
            thread::sleep(next.saturating_duration_since(Instant::now()));
            while socket.recv(&mut buf).is_ok() {}
            let calls = ports.iter().zip(&mut streams).enumerate();
            for (call, (port, out)) in calls.skip(slot).step_by(SLOTS) {
                let Some(story) = stories.get(call % stories.len()) else {
                    return;
                };
                let word = story.frame((frame + call * APART) % story.frames(), Law::Mu);
                let packet = word.and_then(|word| out.packet(0, word, &mut packet));
                // What a full queue drops is missed in the count of what came.
                let _ = packet.map(|packet| socket.send_to(packet, (LOOPBACK, *port)));
                out.advance(NB_FRAME as u32);
            }
        }
    }
}
