//! The E-model (ITU-T G.107) for a telephone line over packets: everything at its default but delay, loss and codec.

/// Rating of a line without delay or loss, with all defaults (G.107 section 7.7).
const BEST: f32 = 93.2;
/// Delay beyond which conversation suffers, in ms one way.
const DELAY_KNEE_MS: f32 = 177.3;

/// What a codec does to speech, undisturbed and under loss (G.113 appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Ie: of the codec alone.
    pub ie: f32,
    /// Bpl: how well it bears loss, in percent.
    pub bpl: f32,
}

impl Impairment {
    /// G.711 with the concealment of its Appendix I.
    pub const G711: Self = Self { ie: 0.0, bpl: 25.1 };
}

/// One direction of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The codec.
    pub codec: Impairment,
    /// Ta: from mouth to ear, in ms.
    pub one_way_ms: f32,
    /// Ppl: packets lost or too late, in percent.
    pub loss_percent: f32,
    /// BurstR: mean run of losses against that of the same loss at random; 1 is random.
    pub burst_ratio: f32,
}

impl Conditions {
    /// R, 0 to 93.2: 80 satisfies, at 70 many are dissatisfied (G.107 annex B).
    #[must_use]
    pub fn rating(&self) -> f32 {
        (BEST - self.delay_impairment() - self.equipment_impairment()).clamp(0.0, BEST)
    }

    /// Id, without echo: the approximation of G.107's curve that is linear below and above its knee.
    fn delay_impairment(&self) -> f32 {
        let ms = self.one_way_ms.max(0.0);
        0.024 * ms + 0.11 * (ms - DELAY_KNEE_MS).max(0.0)
    }

    /// Ie,eff (G.107 section 7.5).
    fn equipment_impairment(&self) -> f32 {
        let loss = self.loss_percent.clamp(0.0, 100.0);
        let Impairment { ie, bpl } = self.codec;
        ie + (95.0 - ie) * loss / (loss / self.burst_ratio.max(1.0) + bpl)
    }
}

/// Mean opinion score of a conversation, 1 to 4.5, for a rating (G.107 annex B).
#[must_use]
pub fn mos(rating: f32) -> f32 {
    let r = rating.clamp(0.0, 100.0);
    // Near 0 the cubic dips below 1.
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(one_way_ms: f32, loss_percent: f32) -> Conditions {
        Conditions {
            codec: Impairment::G711,
            one_way_ms,
            loss_percent,
            burst_ratio: 1.0,
        }
    }

    #[test]
    fn known_lines_have_known_scores() {
        for (ms, loss, rating, score) in [
            (0.0, 0.0, 93.2, 4.41),
            (50.0, 0.0, 92.0, 4.38),
            (150.0, 1.0, 86.0, 4.23),
            (400.0, 1.0, 55.5, 2.86),
        ] {
            let r = line(ms, loss).rating();
            assert!((r - rating).abs() < 0.05, "{ms} ms, {loss} %: R {r}");
            assert!(
                (mos(r) - score).abs() < 0.01,
                "{ms} ms, {loss} %: {}",
                mos(r)
            );
        }
    }

    #[test]
    fn bursts_are_worse_than_the_same_loss_at_random() {
        let bursty = Conditions {
            burst_ratio: 3.0,
            ..line(50.0, 5.0)
        };
        // 95 * 5 / (5 / 3 + 25.1) against 95 * 5 / (5 + 25.1).
        assert!((line(50.0, 5.0).rating() - bursty.rating() - 1.97).abs() < 0.01);
    }

    #[test]
    fn nothing_leaves_the_scale() {
        let worst = Conditions {
            burst_ratio: f32::MAX,
            ..line(f32::MAX, f32::MAX)
        };
        assert_eq!((worst.rating(), mos(worst.rating())), (0.0, 1.0));
        assert_eq!((mos(3.0), mos(100.0), mos(1e9)), (1.0, 4.5, 4.5));
        assert!(line(-5.0, -5.0).rating() <= BEST);
    }
}
