//! When the next report is due (RFC 3550 sections 6.2 and 6.3.1).

use std::time::Duration;

/// With two members the share of the bandwidth would allow two reports a second, so the least interval is what counts.
const INTERVAL_S: f64 = 5.0;
/// e - 3/2: makes up for reports that come earlier on average than their interval says (section 6.3.1).
const COMPENSATION: f64 = 1.218_28;

/// How long to wait for the next report: half as long for the first one. `chance` is any 32 random bits.
#[must_use]
pub fn interval(is_first: bool, chance: u32) -> Duration {
    let nominal = if is_first {
        INTERVAL_S / 2.0
    } else {
        INTERVAL_S
    };
    let spread = 0.5 + f64::from(chance) / f64::from(u32::MAX);
    Duration::from_secs_f64(nominal * spread / COMPENSATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_spread_over_half_to_one_and_a_half() {
        let ms = |is_first, chance| interval(is_first, chance).as_millis();
        assert_eq!([ms(false, 0), ms(false, u32::MAX)], [2052, 6156]);
        assert_eq!([ms(true, 0), ms(true, u32::MAX)], [1026, 3078]);
        assert_eq!(ms(false, u32::MAX / 2), 4104);
    }
}
