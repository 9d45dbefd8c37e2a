//! `journal-rejected.jsonl`: what the database will never take, kept for somebody to look at.
//!
//! Limit: beyond 64 MiB nothing more is kept, only logged.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde_json::json;

use super::apply::Rejected;

const FILE_BYTES_MAX: u64 = 64 << 20;

/// Keeps refused records and damaged lines, and logs them. A failure is logged too: it holds up nobody.
pub(super) fn set_aside(folder: &Path, rejected: &[Rejected], damaged: &[&[u8]]) {
    let of_rejected = rejected.iter().map(|Rejected { record, error }| {
        let (kind, id) = record.name();
        tracing::error!(kind, id, %error, "the database refused a record; see journal-rejected.jsonl");
        json!({"error": error.to_string(), "record": record})
    });
    let of_damaged = damaged.iter().map(|line| {
        tracing::error!("a line of the journal is damaged; see journal-rejected.jsonl");
        json!({"error": "damaged line", "line": String::from_utf8_lossy(line)})
    });
    let text: String = of_rejected
        .chain(of_damaged)
        .map(|entry| format!("{entry}\n"))
        .collect();
    if text.is_empty() {
        return;
    }
    if let Err(error) = append(folder, &text) {
        tracing::error!(%error, "journal-rejected.jsonl cannot be written");
    }
}

fn append(folder: &Path, text: &str) -> io::Result<()> {
    let path = folder.join("journal-rejected.jsonl");
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.write_all(text.as_bytes())
}
