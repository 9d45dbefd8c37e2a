//! The floor: a program that takes a packet and sends a packet for each far end every 20 ms, by the calls of the kernel that the
//! switch makes too, and does nothing besides. Nobody with a socket for each call can cost less.
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
/// Sockets are served a quarter at a time, as those of the switch are.
const PHASES: usize = 4;
const PHASE: Duration = Duration::from_millis(5);

/// A floor under so many far ends.
pub(crate) struct Bare {
    pub(crate) program: Program,
    pub(crate) crowd: Crowd,
}

impl Bare {
    pub(crate) fn start(callers: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--bare", &callers.to_string()]);
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
pub(crate) fn run(callers: usize) -> Result<()> {
    let sockets = (FIRST_PORT..)
        .take(callers)
        .map(|port| Ok((RtpSocket::bind(HERE, port)?, RtpOut::new(1, 1, 1), None)));
    let mut sockets: Vec<(RtpSocket, RtpOut, Option<SocketAddr>)> =
        sockets.collect::<Result<_>>()?;
    let (mut buffer, payload) = ([0; DATAGRAM_MAX], [0; NB_FRAME]);
    let begin = Instant::now();
    for tick in 1.. {
        let due = begin + PHASE * tick;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let ours = sockets.iter_mut().skip(tick as usize % PHASES);
        for (socket, out, far) in ours.step_by(PHASES) {
            while let Some(arrived) = socket.recv(&mut buffer) {
                *far = Some(arrived.from);
            }
            let mut packet = PACKET_BUF;
            if let (Some(far), Some(packet)) = (*far, out.packet(0, &payload, &mut packet)) {
                socket.send(far, packet);
            }
            out.advance(NB_FRAME as u32);
        }
    }
    Ok(())
}
