//! A bad network between the far ends and whoever is under test: it loses, delays, overtakes and doubles packets. What it does
//! follows from its seed, so that each run can be had again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Faults {
    pub(crate) seed: u64,
    /// Shares of all packets, 0 to 1.
    pub(crate) loss: f64,
    pub(crate) doubled: f64,
    /// Of those that are held back until later ones have overtaken them.
    pub(crate) overtaken: f64,
    /// Each packet is delayed by up to this, evenly spread.
    pub(crate) jitter_ms: u32,
}

/// For how long a packet is held back that others overtake: two packets' time.
const HELD: Duration = Duration::from_millis(45);

/// Packets on their way, by the time they are due.
pub(crate) struct BadNetwork {
    faults: Faults,
    dice: StdRng,
    under_way: BinaryHeap<Reverse<(Instant, u64)>>,
    packets: std::collections::HashMap<u64, (usize, SocketAddr, Vec<u8>)>,
    taken: u64,
}

impl BadNetwork {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            faults,
            dice: StdRng::seed_from_u64(faults.seed),
            under_way: BinaryHeap::new(),
            packets: std::collections::HashMap::new(),
            taken: 0,
        }
    }

    /// Takes a packet that leg `from` sends.
    pub(crate) fn take(&mut self, now: Instant, from: usize, to: SocketAddr, packet: &[u8]) {
        if self.dice.random_bool(self.faults.loss) {
            return;
        }
        let copies = 1 + u32::from(self.dice.random_bool(self.faults.doubled));
        for _ in 0..copies {
            let jitter = self
                .dice
                .random_range(0..=u64::from(self.faults.jitter_ms) * 1000);
            let held = match self.dice.random_bool(self.faults.overtaken) {
                true => HELD,
                false => Duration::ZERO,
            };
            self.taken += 1;
            self.under_way.push(Reverse((
                now + Duration::from_micros(jitter) + held,
                self.taken,
            )));
            self.packets.insert(self.taken, (from, to, packet.to_vec()));
        }
    }

    /// Hands on what is due.
    pub(crate) fn deliver(&mut self, now: Instant, mut send: impl FnMut(usize, SocketAddr, &[u8])) {
        while let Some(Reverse((due, number))) = self.under_way.peek().copied()
            && due <= now
        {
            self.under_way.pop();
            if let Some((from, to, packet)) = self.packets.remove(&number) {
                send(from, to, &packet);
            }
        }
    }
}
