//! Networks: `seed, path → when each packet arrives`, in virtual time and the same on every machine.

/// Length of a packet.
pub(crate) const PACKET_MS: f64 = 20.0;

/// What a path does to packets. Times are in ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// Share of packets lost, and the mean length of a run of losses: 1 is no more than chance (Gilbert's model).
    pub(crate) loss: f64,
    pub(crate) burst: f64,
    /// Standard deviation of a queue that changes slowly (AR(1), 0.9 from packet to packet, its magnitude).
    pub(crate) jitter_ms: f64,
    /// Every now and then everything is held back for up to so long, and then comes at once.
    pub(crate) spike_ms: f64,
    pub(crate) spikes_per_s: f64,
    /// Share of packets that are held for 25 ms while others overtake them, and that come twice.
    pub(crate) reorder: f64,
    pub(crate) duplicate: f64,
    /// The sender's clock is so much slow.
    pub(crate) drift_ppm: f64,
}

impl Path {
    const CLEAN: Self = Self {
        name: "clean",
        loss: 0.0,
        burst: 1.0,
        jitter_ms: 0.0,
        spike_ms: 0.0,
        spikes_per_s: 0.0,
        reorder: 0.0,
        duplicate: 0.0,
        drift_ppm: 0.0,
    };

    const fn losing(name: &'static str, loss: f64, burst: f64) -> Self {
        Self {
            name,
            loss,
            burst,
            ..Self::CLEAN
        }
    }

    /// Every path of the table in docs/sound.md.
    pub(crate) const ALL: [Self; 15] = [
        Self::CLEAN,
        Self {
            name: "DSL",
            loss: 0.005,
            jitter_ms: 1.0,
            drift_ppm: 50.0,
            ..Self::CLEAN
        },
        Self {
            name: "Wi-Fi",
            loss: 0.003,
            jitter_ms: 15.0,
            spike_ms: 60.0,
            spikes_per_s: 0.5,
            ..Self::CLEAN
        },
        Self {
            name: "LTE",
            loss: 0.003,
            jitter_ms: 25.0,
            spike_ms: 120.0,
            spikes_per_s: 0.5,
            ..Self::CLEAN
        },
        Self::losing("loss 1 %", 0.01, 1.0),
        Self::losing("loss 2 %", 0.02, 1.0),
        Self::losing("loss 3.5 %", 0.035, 1.0),
        Self::losing("loss 5 %", 0.05, 1.0),
        Self::losing("loss 8 %", 0.08, 1.0),
        Self::losing("bursts 2 %", 0.02, 2.5),
        Self::losing("bursts 5 %", 0.05, 2.5),
        Self {
            name: "reorder",
            reorder: 0.05,
            ..Self::CLEAN
        },
        Self {
            name: "duplicates",
            duplicate: 0.1,
            ..Self::CLEAN
        },
        Self {
            name: "drift +200 ppm",
            drift_ppm: 200.0,
            ..Self::CLEAN
        },
        Self {
            name: "drift -200 ppm",
            drift_ppm: -200.0,
            ..Self::CLEAN
        },
    ];

    /// When the packet's last sample is spoken, and it is sent, on our clock.
    pub(crate) fn sent_ms(&self, packet: usize) -> f64 {
        (packet as f64 + 1.0) * PACKET_MS * (1.0 + self.drift_ppm * 1e-6)
    }

    /// What comes of `packets` packets, in the order of arrival. The least transit is 0.
    pub(crate) fn arrivals(&self, packets: usize, seed: u64) -> Vec<Arrival> {
        let mut dice = Dice(seed);
        let mut arrivals = Vec::with_capacity(packets);
        let (mut queue, mut held_until, mut last, mut is_losing) =
            (0.0_f64, 0.0_f64, 0.0_f64, false);
        for packet in 0..packets {
            let sent = self.sent_ms(packet);
            is_losing = dice.even() < self.loss_after(is_losing);
            let wander = (1.0_f64 - 0.9 * 0.9).sqrt();
            queue = 0.9 * queue + wander * self.jitter_ms * dice.normal();
            if dice.even() < self.spikes_per_s * PACKET_MS / 1000.0 {
                held_until = sent + self.spike_ms * (0.5 + 0.5 * dice.even());
            }
            // A queue does not turn packets round.
            let arrival = (sent + queue.abs()).max(held_until).max(last);
            last = arrival;
            let is_overtaken = dice.even() < self.reorder;
            let comes_twice = dice.even() < self.duplicate;
            // The first packets come: a call begins when it is heard.
            if is_losing && packet > 10 {
                continue;
            }
            let late = if is_overtaken { 25.0 } else { 0.0 };
            arrivals.push(Arrival {
                ms: arrival + late,
                packet,
            });
            if comes_twice {
                arrivals.push(Arrival {
                    ms: arrival + 5.0,
                    packet,
                });
            }
        }
        arrivals.sort_by(|a, b| a.ms.total_cmp(&b.ms));
        arrivals
    }

    /// Gilbert's two states: the chance to lose a packet after one that was lost, or was not.
    fn loss_after(&self, lost: bool) -> f64 {
        if self.burst <= 1.0 {
            self.loss
        } else if lost {
            1.0 - 1.0 / self.burst
        } else {
            self.loss / (self.burst * (1.0 - self.loss))
        }
    }
}

/// A packet at our door.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) ms: f64,
    pub(crate) packet: usize,
}

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// In 0 to 1.
    pub(crate) fn even(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// With mean 0 and deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.even()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.even()).cos()
    }
}
