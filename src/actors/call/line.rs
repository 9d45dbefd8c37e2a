//! What a call's line was like in all, for its row.

use serde_json::{Value, json};

use crate::media::stats::LegReport;

/// Adds the line, the far end and RTCP to what the row says of the call's quality.
pub(super) fn add(told: &mut Value, report: &LegReport) {
    let (line, rtcp) = (&report.line, &report.rtcp);
    let far = report.far.map(|far| {
        json!({
            "lossPercent": rounded(far.loss_percent),
            "lost": far.lost,
            "jitterMs": rounded(far.jitter_ms),
            "mosMin": line.far_mos_min.map(rounded),
        })
    });
    let Some(told) = told.as_object_mut() else {
        return;
    };
    for (name, value) in [
        ("mosMin", json!(line.mos_min.map(rounded))),
        ("mosMean", json!(line.mos_mean.map(rounded))),
        ("lossPercent", json!(rounded(line.loss_percent))),
        (
            "burstDensityPercent",
            json!(rounded(line.burst_density_percent)),
        ),
        ("burstPacketsMean", json!(rounded(line.burst_packets_mean))),
        ("jitterMsMax", json!(rounded(line.jitter_ms_max))),
        ("rttMs", json!(line.rtt_ms.map(rounded))),
        ("rttMsMax", json!(line.rtt_ms_max.map(rounded))),
        ("far", json!(far)),
        (
            "rtcp",
            json!({
                "sent": rtcp.sent, "received": rtcp.received, "foreign": rtcp.foreign,
                "malformed": rtcp.malformed, "overRate": rtcp.over_rate, "forged": rtcp.forged,
            }),
        ),
    ] {
        told.insert(name.to_owned(), value);
    }
}

/// In hundredths, so that nobody reads more into it than there is.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}
