//! The floor: a program that takes a packet and sends a packet for each far end every 20 ms, by the calls of the kernel that the
//! switch makes too and as seldom, and does nothing besides.
//!
//! It is this benchmark itself, started with `--bare N`. Far end number `n` sends to port [`FIRST_PORT`] + n.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use audioroad::media::NB_FRAME;
use audioroad::media::rtp::{DATAGRAM_MAX, PACKET_BUF, RtpOut};
use audioroad::net::rtp::RtpSocket;

use crate::child::Program;
use crate::crowd::Crowd;
use crate::peers::is_bound;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FIRST_PORT: u16 = 12_000;
/// Sockets are served a quarter at a time, as those of the switch are, or all at once where there are no more than this.
const PHASES: usize = 4;
const PHASE: Duration = Duration::from_millis(5);
const AT_ONCE: usize = 64;

/// A floor under so many far ends.
pub(crate) struct Bare {
    pub(crate) program: Program,
    pub(crate) crowd: Crowd,
}

impl Bare {
    /// Each socket is read every so many frames, until nothing is left.
    pub(crate) fn start(callers: usize, reads_every: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let reads_every = reads_every.to_string();
        command.args([
            "--bare",
            &callers.to_string(),
            "--reads-every",
            &reads_every,
        ]);
        let mut program = Program::start(&mut command)?.context("this program")?;
        let last = FIRST_PORT + callers.saturating_sub(1) as u16;
        program.wait_for("bare sockets", || is_bound(last))?;
        let mut crowd = Crowd::new();
        for port in (FIRST_PORT..).take(callers) {
            let at = crowd.add()?;
            let leg = crowd.legs.get_mut(at).context("a leg")?;
            leg.to = Some(SocketAddr::new(HERE, port));
        }
        Ok(Self { program, crowd })
    }
}

/// What the program does, until it is killed.
pub(crate) fn run(callers: usize, reads_every: usize) -> Result<()> {
    let sockets = (FIRST_PORT..)
        .take(callers)
        .map(|port| Ok((RtpSocket::bind(HERE, port)?, RtpOut::new(1, 1, 1), None)));
    let mut sockets: Vec<(RtpSocket, RtpOut, Option<SocketAddr>)> =
        sockets.collect::<Result<_>>()?;
    let (mut buffer, silence) = ([0; DATAGRAM_MAX], [0xFF; NB_FRAME]);
    let phases = if callers <= AT_ONCE { 1 } else { PHASES };
    let begin = Instant::now();
    for tick in 1.. {
        let due = begin + PHASE * (PHASES / phases) as u32 * tick;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (phase, frame) = (tick as usize % phases, tick as usize / phases);
        let ours = sockets.iter_mut().enumerate().skip(phase);
        for (at, (socket, out, far)) in ours.step_by(phases) {
            // Whose turn it is to be read: a few in each frame.
            if (at / phases + frame).is_multiple_of(reads_every) {
                while let Some(arrived) = socket.recv(&mut buffer) {
                    *far = Some(arrived.from);
                }
            }
            let mut packet = PACKET_BUF;
            if let (Some(far), Some(packet)) = (*far, out.packet(0, &silence, &mut packet)) {
                socket.send(far, packet);
            }
            out.advance(NB_FRAME as u32);
        }
    }
    Ok(())
}
