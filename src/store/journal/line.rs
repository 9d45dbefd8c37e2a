//! A record as a line: the CRC-32 of the JSON in eight hexadecimal digits, a space, the JSON, a
//! line feed.

use super::{JournalError, Record};

/// Longest line, line feed included: more than the longest texts of a call, all escaped, take.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024;

const CRC_CHARS: usize = 8;

/// The lines of `records`.
pub(super) fn encode(records: &[&Record]) -> Result<Vec<u8>, JournalError> {
    let mut lines = Vec::new();
    for record in records {
        let json = serde_json::to_vec(record).map_err(|_| JournalError::TooLong)?;
        if CRC_CHARS + 1 + json.len() + 1 > LINE_BYTES_MAX {
            return Err(JournalError::TooLong);
        }
        lines.extend_from_slice(format!("{:08x} ", crc32(&json)).as_bytes());
        lines.extend_from_slice(&json);
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Reads a line (without its line feed) back; `None` when it is damaged or says what this version
/// does not know.
pub(super) fn decode(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(checked(line)?).ok()
}

/// The JSON of a line whose checksum holds.
pub(super) fn checked(line: &[u8]) -> Option<&[u8]> {
    let (crc, rest) = line.split_at_checked(CRC_CHARS)?;
    let json = rest.strip_prefix(b" ")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc == crc32(json)).then_some(json)
}

/// CRC-32 as in IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc_table();
    !bytes.iter().fold(!0, |crc, &byte| {
        TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8)
    })
}

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{CallEvent, CallId, UnixMs},
        store::models::EventRow,
    };

    fn event(detail: &str) -> Record {
        let event = CallEvent {
            call: CallId(7),
            at: UnixMs(1_790_000_000_000),
            what: "arrived",
            by: None,
            detail: detail.to_owned(),
        };
        Record::Event(EventRow::of("e1", &event))
    }

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_record_is_one_line() {
        let record = event("two\nlines");
        let lines = encode(&[&record]).unwrap();
        assert_eq!(lines.iter().filter(|&&byte| byte == b'\n').count(), 1);
        assert_eq!(decode(&lines[..lines.len() - 1]), Some(record));
    }

    proptest! {
        #[test]
        fn any_other_byte_is_noticed(detail in ".{0,40}", at in any::<prop::sample::Index>(), flip in 1..=255u8) {
            let mut line = encode(&[&event(&detail)]).unwrap();
            line.pop();
            let at = at.index(line.len());
            line[at] ^= flip;
            // Upper-case hexadecimal digits are the same number.
            prop_assume!(!(at < CRC_CHARS && flip == 0x20));
            prop_assert_eq!(decode(&line), None);
        }

        #[test]
        fn any_bytes_are_survived(line in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&line), None);
        }
    }
}
