//! Calls: messages on their way through transactions, dialogs, sessions and back to octets.
//!
//! The input is a row of messages with `0xff 0xff` between them. The first octet of each says how much time passes before it,
//! whether it comes by UDP or TCP, and whether we hang up first. `$T` in a message is the tag of our last answer, `$B` the
//! branch of our last request.

use std::time::Duration;

use super::answering::{Answering, TCP, UDP};
use super::octets::epoch;

const MESSAGES_MAX: usize = 12;
const WAITS_MS: [u64; 8] = [0, 0, 1, 500, 4_000, 32_000, 64_000, 180_000];

pub(crate) fn run(data: &[u8]) {
    let mut now = epoch();
    let mut switch = Answering::new(now);
    for piece in split(data).take(MESSAGES_MAX) {
        let Some((how, message)) = piece.split_first() else {
            continue;
        };
        let wait = WAITS_MS.get(usize::from(how & 7)).copied().unwrap_or(0);
        let until = now + Duration::from_millis(wait);
        switch.wait(now, until);
        now = until;
        if how & 8 != 0 {
            switch.hang_up(now);
        }
        let flow = if how & 16 != 0 { TCP } else { UDP };
        let message = filled(message, &switch.tag, &switch.branch);
        switch.hear(now, flow, &message);
    }
    switch.end(now);
}

/// The pieces between the marks.
fn split(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let all = rest?;
        match all.windows(2).position(|pair| pair == [0xff, 0xff]) {
            Some(at) => {
                rest = all.get(at + 2..);
                all.get(..at)
            }
            None => rest.take(),
        }
    })
}

/// The message with what it stands for.
fn filled(message: &[u8], tag: &[u8], branch: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut rest = message;
    while let Some((octet, after)) = rest.split_first() {
        let name = (*octet == b'$').then(|| after.first()).flatten();
        let value = match name {
            Some(b'T') => tag,
            Some(b'B') => branch,
            Some(_) | None => {
                out.push(*octet);
                rest = after;
                continue;
            }
        };
        out.extend_from_slice(value);
        rest = after.get(1..).unwrap_or_default();
    }
    out
}
