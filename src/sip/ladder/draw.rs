//! A ladder as text: the drawing that every SIP person reads, then the messages by their numbers.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};

use super::{Ladder, Message, Step, Way, printable};

/// Columns between the two sides.
const WIDTH: usize = 66;
/// Columns of an arrow's text; longer texts are cut.
const LABEL_MAX: usize = WIDTH - 8;

/// One line of the drawing.
struct Arrow<'a> {
    at: Duration,
    number: usize,
    what: What<'a>,
}

enum What<'a> {
    Message(&'a Message),
    /// The same octets once more, for the so-manieth time.
    Repeat(&'a Message, usize),
    Note(&'a str),
}

pub(super) fn draw(
    ladder: &Ladder,
    began_unix_ms: u64,
    call: Option<&str>,
    hide_numbers: bool,
) -> String {
    let mut text = String::new();
    title(&mut text, ladder, began_unix_ms, call, hide_numbers);
    let rungs: Vec<_> = ladder.rungs.iter().collect();
    let mut arrows = Vec::with_capacity(rungs.len());
    for (index, rung) in rungs.iter().enumerate() {
        let number = index + 1;
        let (first, repeat): (What<'_>, Option<&Message>) = match &rung.step {
            Step::Message(message) => (What::Message(message), Some(message)),
            Step::Note(note) => (What::Note(note), None),
        };
        arrows.push(Arrow {
            at: rung.at,
            number,
            what: first,
        });
        let again = rung.again.iter().enumerate();
        arrows.extend(again.filter_map(|(time, at)| {
            Some(Arrow {
                at: *at,
                number,
                what: What::Repeat(repeat?, time + 1),
            })
        }));
    }
    arrows.sort_by_key(|arrow| arrow.at);
    for arrow in &arrows {
        line(&mut text, ladder, arrow);
    }
    if ladder.left_out > 0 {
        push(
            &mut text,
            &format!(
                "          ({} messages between the first ones and the last ones are left out)",
                ladder.left_out
            ),
        );
    }
    for (index, rung) in rungs.iter().enumerate() {
        if let Step::Message(message) = &rung.step {
            body(&mut text, index + 1, rung.at, message, hide_numbers);
        }
    }
    text
}

fn title(
    text: &mut String,
    ladder: &Ladder,
    began_unix_ms: u64,
    call: Option<&str>,
    hide_numbers: bool,
) {
    let (from, to) = ladder.parties(hide_numbers);
    let began = i64::try_from(began_unix_ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true));
    let status = ladder.status.map(|code| format!("SIP {code}"));
    let end = match (&ladder.cause, &status) {
        (Some(cause), Some(status)) => Some(format!("{cause} ({status})")),
        (Some(cause), None) => Some(cause.clone()),
        (None, Some(status)) if ladder.over => Some(status.clone()),
        (None, _) => None,
    };
    let rows = [
        ("Call-ID", Some(printable(ladder.call_id.as_bytes()))),
        ("Call", call.map(str::to_owned)),
        ("Trunk", ladder.trunk.clone()),
        ("From", Some(from)),
        ("To", Some(to)),
        ("Began", began),
        ("Ended", end),
    ];
    for (name, value) in rows {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            push(text, &format!("{name:<8}  {value}"));
        }
    }
    let theirs = format!("{} {}", ladder.peer, ladder.transport.token());
    let ours = ladder.rungs.iter().find_map(|rung| match &rung.step {
        Step::Message(message) => Some(format!("switch {}", message.ours)),
        Step::Note(_) => None,
    });
    let ours = ours.unwrap_or_default();
    let gap = (WIDTH + 2).saturating_sub(theirs.len());
    push(text, &format!("\n seconds  {theirs}{ours:>gap$}"));
}

fn line(text: &mut String, ladder: &Ladder, arrow: &Arrow<'_>) {
    let at = arrow.at.as_secs_f64();
    let (message, note) = match &arrow.what {
        What::Message(message) => (*message, String::new()),
        What::Repeat(message, time) => (*message, format!(" [repeat {time}]")),
        What::Note(note) => {
            let note = format!("* {note}");
            let note = cut(&note, WIDTH - 2);
            return push(
                text,
                &format!("{at:>8.3}  | {note:<width$} |", width = WIDTH - 2),
            );
        }
    };
    let elsewhere = if message.theirs.ip() == ladder.peer.ip() {
        String::new()
    } else {
        format!(" [{}]", message.theirs)
    };
    let label = format!("{} {}{note}{elsewhere}", arrow.number, message.summary);
    let label = cut(&label, LABEL_MAX);
    let dashes = "-".repeat((WIDTH - 3).saturating_sub(label.chars().count() + 2));
    let drawn = match message.way {
        Way::In => format!("|- {label} {dashes}>|"),
        Way::Out => format!("|<{dashes} {label} -|"),
    };
    push(text, &format!("{at:>8.3}  {drawn}"));
}

fn body(text: &mut String, number: usize, at: Duration, message: &Message, hide_numbers: bool) {
    let (from, to) = match message.way {
        Way::In => (message.theirs, message.ours),
        Way::Out => (message.ours, message.theirs),
    };
    let transport = message.transport.token();
    let at = at.as_secs_f64();
    push(
        text,
        &format!("\n--- {number}  {at:.3} s  {from} -> {to}  {transport}"),
    );
    let shown = message.text(hide_numbers);
    for line in shown.trim_end().split('\n') {
        push(text, line.trim_end_matches('\r'));
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}~")
}

fn push(text: &mut String, line: &str) {
    // Writing into a string does not fail.
    let _ = writeln!(text, "{line}");
}
