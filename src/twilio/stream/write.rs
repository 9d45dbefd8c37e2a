//! Frames that we send: `media`, `mark` and `clear`, and no other, or Twilio ends the stream (error 31924).
//!
//! A `streamSid` has passed [`read`](super::read) and holds nothing that JSON would have to escape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MEDIA: [&str; 3] = [
    r#"{"event":"media","streamSid":""#,
    r#"","media":{"payload":""#,
    r#""}}"#,
];

/// Audio for the caller: mu-law at 8 kHz.
#[must_use]
pub fn media(stream_sid: &str, payload: &[u8]) -> String {
    let [head, middle, tail] = MEDIA;
    let encoded_len = payload.len().div_ceil(3) * 4;
    let len = head.len() + stream_sid.len() + middle.len() + encoded_len + tail.len();
    let mut frame = String::with_capacity(len);
    frame.push_str(head);
    frame.push_str(stream_sid);
    frame.push_str(middle);
    STANDARD.encode_string(payload, &mut frame);
    frame.push_str(tail);
    frame
}

/// Comes back when everything before it has been played.
#[must_use]
pub fn mark(stream_sid: &str, number: u32) -> String {
    format!(r#"{{"event":"mark","streamSid":"{stream_sid}","mark":{{"name":"{number}"}}}}"#)
}

/// Drops what was sent and not played yet; marks in it come back at once.
#[must_use]
pub fn clear(stream_sid: &str) -> String {
    format!(r#"{{"event":"clear","streamSid":"{stream_sid}"}}"#)
}
