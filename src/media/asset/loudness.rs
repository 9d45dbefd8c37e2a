//! Brings a recording to a given loudness without letting its peaks distort.

use crate::media::dsp::SILENCE_DBFS;

/// 50 ms at 8 kHz.
const BLOCK: usize = 400;
/// Quieter blocks are silence, whatever the rest is like.
const SILENT_DBFS: f32 = -60.0;
/// Blocks that far below the mean of the others are pauses.
const PAUSE_DB: f32 = 15.0;
/// A recording fainter than this is noise; it is not blown up to full loudness.
const GAIN_DB_MAX: f32 = 30.0;
/// -3 dBFS.
const PEAK: f32 = 0.708;
/// Half the reach of the peak limiter: 5 ms at 8 kHz.
const REACH: usize = 40;

/// The recording with `dbfs` RMS where it is not silent and no sample beyond -3 dBFS. Silence
/// stays silence.
pub(super) fn normalise(samples: &[f32], dbfs: f32) -> Vec<f32> {
    let gain_db = match active_dbfs(samples) {
        Some(level_dbfs) => (dbfs - level_dbfs).min(GAIN_DB_MAX),
        None => 0.0,
    };
    let gain = 10.0_f32.powf(gain_db / 20.0);
    limit_peaks(samples.iter().map(|x| x * gain).collect())
}

/// RMS level of what is not a pause, in dBFS; `None` when all of it is silence. Gated twice, in
/// the manner of ITU-R BS.1770.
pub(super) fn active_dbfs(samples: &[f32]) -> Option<f32> {
    let power = |block: &[f32]| block.iter().map(|x| x * x).sum::<f32>() / block.len() as f32;
    let blocks: Vec<f32> = samples.chunks(BLOCK).map(power).collect();
    let mean_above = |floor_dbfs: f32| {
        let floor = 10.0_f32.powf(floor_dbfs / 10.0);
        let heard: Vec<f32> = blocks
            .iter()
            .copied()
            .filter(|&block| block > floor)
            .collect();
        let mean = heard.iter().sum::<f32>() / heard.len().max(1) as f32;
        (!heard.is_empty()).then(|| (10.0 * mean.log10()).max(SILENCE_DBFS))
    };
    let loose = mean_above(SILENT_DBFS)?;
    mean_above(loose - PAUSE_DB)
}

/// Turns the sound down around each peak, 5 ms before and after it, smoothly.
fn limit_peaks(mut samples: Vec<f32>) -> Vec<f32> {
    if samples.iter().all(|x| x.abs() <= PEAK) {
        return samples;
    }
    let wanted: Vec<f32> = samples.iter().map(|x| PEAK / x.abs().max(PEAK)).collect();
    let lowest: Vec<f32> = (0..wanted.len())
        .map(|n| around(&wanted, n).iter().copied().fold(1.0, f32::min))
        .collect();
    // Each of these minima holds the peak in its window, so their mean is never too high for it.
    for (n, sample) in samples.iter_mut().enumerate() {
        let gains = around(&lowest, n);
        *sample *= gains.iter().sum::<f32>() / gains.len().max(1) as f32;
    }
    samples
}

fn around(gains: &[f32], n: usize) -> &[f32] {
    gains
        .get(n.saturating_sub(REACH)..(n + REACH + 1).min(gains.len()))
        .unwrap_or_default()
}
