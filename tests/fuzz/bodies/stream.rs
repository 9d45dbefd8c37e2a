//! A stream cut anywhere gives the messages that it gives in one piece, and keeps no more than it must.

use audioroad::sip::{BODY_BYTES_MAX, Framer, Framing, HEAD_BYTES_MAX, parse};
use bytes::Bytes;

use super::octets::Octets;

/// Messages, and whether the stream was given up.
type Cut = (Vec<Bytes>, bool);

pub(crate) fn run(data: &[u8]) {
    let mut octets = Octets(data);
    let seed = octets.number();
    let whole = cut(octets.0, usize::MAX, 0);
    let pieces = cut(octets.0, usize::from(seed & 0xff) + 1, seed);
    assert_eq!(whole, pieces);
    let total: usize = whole.0.iter().map(Bytes::len).sum();
    assert!(total <= octets.0.len());
    for message in &whole.0 {
        assert!(message.len() <= HEAD_BYTES_MAX + 4 + BODY_BYTES_MAX);
        // Whatever comes of it.
        let _ = parse(message, Framing::Stream);
    }
}

fn cut(stream: &[u8], piece_max: usize, seed: u16) -> Cut {
    let (mut framer, mut rest, mut dice) = (Framer::new(), stream, u32::from(seed));
    let mut messages = Vec::new();
    while !rest.is_empty() {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = (dice >> 16) as usize % piece_max + 1;
        let (piece, after) = rest.split_at(len.min(rest.len()));
        rest = after;
        framer.push(if piece_max == usize::MAX {
            stream
        } else {
            piece
        });
        if piece_max == usize::MAX {
            rest = &[];
        }
        loop {
            match framer.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}
