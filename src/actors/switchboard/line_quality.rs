//! What callers' lines are like, for those who look at their cards.

use std::collections::BTreeMap;

use actix::{Context, Handler};
use serde_json::{Value, json};

use crate::{
    actors::{message::Lines, switchboard::Switchboard},
    media::quality::LineQuality,
};

impl Switchboard {
    /// All that is known, by call.
    pub(super) fn line_qualities(&self) -> Value {
        let known = self.lines.iter();
        let known = known.filter_map(|(id, line)| Some((id.to_string(), shown(&line.quality?))));
        known.collect::<serde_json::Map<_, _>>().into()
    }
}

impl Handler<Lines> for Switchboard {
    type Result = ();

    fn handle(&mut self, Lines(news): Lines, _: &mut Context<Self>) {
        let mut calls = BTreeMap::new();
        for (id, quality) in news {
            // What was measured of a call that is over comes too late.
            if let Some(line) = self.lines.get_mut(&id) {
                line.quality = Some(quality);
                calls.insert(id.to_string(), shown(&quality));
            }
        }
        let levels = self.lines.values().filter_map(|line| line.quality);
        self.peers
            .metrics
            .lines
            .show(levels.map(|quality| quality.level));
        if !calls.is_empty() {
            self.audience
                .push(&json!({ "type": "quality", "calls": calls }));
        }
    }
}

/// A line as `docs/websocket.md` has it.
fn shown(quality: &LineQuality) -> Value {
    let tenths = |value: f32| (f64::from(value) * 10.0).round() / 10.0;
    let hundredths = |value: f32| (f64::from(value) * 100.0).round() / 100.0;
    json!({
        "level": quality.level.label(),
        "askToCallBack": quality.ask_to_call_back,
        "mos": hundredths(quality.mos),
        "lossPercent": tenths(quality.loss_percent),
        "jitterMs": tenths(quality.jitter_ms),
        "rttMs": quality.rtt_ms.map(|ms| ms.round()),
        "farMos": quality.far_mos.map(hundredths),
        "farLossPercent": quality.far_loss_percent.map(tenths),
        "farJitterMs": quality.far_jitter_ms.map(tenths),
    })
}
