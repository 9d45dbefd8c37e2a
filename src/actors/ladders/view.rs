//! Ladders as JSON.

use serde::Serialize;

use crate::{
    domain::{CallId, UnixMs},
    sip::ladder::{Ladder, Rung, Step, Way},
};

/// A call in the list of those whose ladders are kept.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of openapi.json")]
pub struct RecentCall {
    pub ladder: u64,
    pub call_id: Option<CallId>,
    pub sip_call_id: String,
    pub direction: &'static str,
    pub trunk: Option<String>,
    pub from: String,
    pub to: String,
    pub peer: String,
    pub transport: &'static str,
    pub began_at: UnixMs,
    /// Milliseconds from the first message to the last.
    pub lasted_ms: u64,
    pub messages: usize,
    /// Messages that came or went more than once.
    pub repeats: u32,
    /// The final answer to the INVITE.
    pub status: Option<u16>,
    pub over: bool,
    pub cause: Option<String>,
}

/// A ladder with its messages.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of openapi.json")]
pub struct LadderView {
    #[serde(flatten)]
    pub call: RecentCall,
    /// Messages between the first and the last ones that had to make room.
    pub left_out: u32,
    pub rungs: Vec<RungView>,
}

/// A message or a note.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "field by field the JSON of openapi.json")]
pub struct RungView {
    pub at_ms: u64,
    /// `in`, `out` or `note`.
    pub direction: &'static str,
    pub summary: String,
    pub line: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub transport: Option<&'static str>,
    pub repeats: u32,
    pub repeated_at_ms: Vec<u64>,
    pub text: Option<String>,
}

impl RecentCall {
    pub(super) fn new(ladder: &Ladder, began_unix_ms: u64, hide_numbers: bool) -> Self {
        let (from, to) = ladder.parties(hide_numbers);
        Self {
            ladder: ladder.number,
            call_id: ladder.call.map(CallId),
            sip_call_id: ladder.call_id.clone(),
            direction: if ladder.placed { "out" } else { "in" },
            trunk: ladder.trunk.clone(),
            from,
            to,
            peer: ladder.peer.to_string(),
            transport: ladder.transport.token(),
            began_at: UnixMs(i64::try_from(began_unix_ms).unwrap_or(i64::MAX)),
            lasted_ms: ms(ladder.last),
            messages: ladder.rungs.len(),
            repeats: ladder.rungs.iter().map(|rung| rung.repeats).sum(),
            status: ladder.status,
            over: ladder.over,
            cause: ladder.cause.clone(),
        }
    }
}

impl LadderView {
    pub(super) fn new(ladder: &Ladder, began_unix_ms: u64, hide_numbers: bool) -> Self {
        let rungs = ladder.rungs.iter();
        Self {
            call: RecentCall::new(ladder, began_unix_ms, hide_numbers),
            left_out: ladder.left_out,
            rungs: rungs
                .map(|rung| RungView::new(rung, hide_numbers))
                .collect(),
        }
    }
}

impl RungView {
    fn new(rung: &Rung, hide_numbers: bool) -> Self {
        let at_ms = ms(rung.at);
        let repeated_at_ms = rung.again.iter().copied().map(ms).collect();
        match &rung.step {
            Step::Note(note) => Self {
                at_ms,
                direction: "note",
                summary: note.clone(),
                line: None,
                from: None,
                to: None,
                transport: None,
                repeats: rung.repeats,
                repeated_at_ms,
                text: None,
            },
            Step::Message(message) => {
                let text = message.text(hide_numbers);
                let (ours, theirs) = (message.ours.to_string(), message.theirs.to_string());
                let (direction, from, to) = match message.way {
                    Way::In => ("in", theirs, ours),
                    Way::Out => ("out", ours, theirs),
                };
                Self {
                    at_ms,
                    direction,
                    summary: message.summary.clone(),
                    line: text.lines().next().map(str::to_owned),
                    from: Some(from),
                    to: Some(to),
                    transport: Some(message.transport.token()),
                    repeats: rung.repeats,
                    repeated_at_ms,
                    text: Some(text),
                }
            }
        }
    }
}

fn ms(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
