//! The file itself: whole lines at its end, read back from any line's start.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use super::line::{self, LINE_BYTES_MAX};

/// Why a record is not in the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or the file cannot be used, or the disk is full.
    #[error("the journal cannot be written: {0}")]
    Io(#[from] io::Error),
    /// Another process has it open.
    #[error("another process uses this journal")]
    InUse,
    /// The file is as long as it may get: the database has been away for long.
    #[error("the journal is full")]
    Full,
    /// A record is longer than a line may be.
    #[error("a record is too long for the journal")]
    TooLong,
}

/// How much is read at once: at least one line.
const CHUNK_BYTES: usize = 2 * LINE_BYTES_MAX;

/// Lines of the journal, and where they end.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Bytes of the file that they take.
    pub(super) length: u64,
}

impl Chunk {
    /// The lines, without their line feeds.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes
            .split_inclusive(|&byte| byte == b'\n')
            .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct JournalFile {
    file: Arc<File>,
    length: u64,
    /// An append failed half-way and its bytes could not be cut off yet.
    torn: bool,
}

impl JournalFile {
    /// Opens or makes it, cuts off a torn end; also says how many records are in it.
    pub(super) fn open(folder: &Path) -> Result<(Self, u64), JournalError> {
        fs::create_dir_all(folder)?;
        let path = folder.join("journal.jsonl");
        // Who phoned is nobody else's business on this machine.
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (sound, lines) = measure(&file)?;
        let found = file.metadata()?.len();
        if found > sound {
            tracing::warn!(
                bytes = found - sound,
                "the journal's last line was torn and is cut off"
            );
            file.set_len(sound)?;
        }
        File::open(folder)?.sync_all()?;
        Ok((
            Self {
                file: Arc::new(file),
                length: sound,
                torn: false,
            },
            lines,
        ))
    }

    /// Adds whole lines, all or none.
    pub(super) fn append(&mut self, lines: &[u8], length_max: u64) -> Result<(), JournalError> {
        let after = self.length + lines.len() as u64;
        if after > length_max {
            return Err(JournalError::Full);
        }
        // What a full disk took of an earlier append would tear this one.
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        if let Err(error) = (&*self.file).write_all(lines) {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(error.into());
        }
        self.length = after;
        Ok(())
    }

    /// Bytes of whole lines.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The file for reading and syncing beside the appends.
    pub(super) fn reader(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        Ok(())
    }
}

/// Whole lines between `from` and `end`, at most `lines_max`; empty only at the end.
pub(super) fn read_chunk(file: &File, from: u64, end: u64, lines_max: usize) -> io::Result<Chunk> {
    let wanted = usize::try_from(end.saturating_sub(from))
        .unwrap_or(usize::MAX)
        .min(CHUNK_BYTES);
    let mut bytes = vec![0; wanted];
    file.read_exact_at(&mut bytes, from)?;
    let line_ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    // Without any line feed it is no line of ours: skipped whole, as a damaged one.
    let whole = line_ends
        .take(lines_max)
        .last()
        .map_or(wanted, |(at, _)| at + 1);
    bytes.truncate(whole);
    Ok(Chunk {
        length: bytes.len() as u64,
        bytes,
    })
}

/// The bytes up to the end of the last whole line, and the lines in them. Only an end without a
/// line feed, or a last line with a wrong checksum, is torn: a damaged line before others is theirs
/// who read it.
fn measure(file: &File) -> io::Result<(u64, u64)> {
    let end = file.metadata()?.len();
    let (mut at, mut lines, mut last_line) = (0, 0, (0, true));
    while at < end {
        let chunk = read_chunk(file, at, end, usize::MAX)?;
        for line in chunk.bytes.split_inclusive(|&byte| byte == b'\n') {
            last_line = (
                line.len() as u64,
                line::checked(line.strip_suffix(b"\n").unwrap_or(b"")).is_some(),
            );
            lines += 1;
        }
        at += chunk.length;
    }
    match last_line {
        (_, true) => Ok((end, lines)),
        (length, false) => Ok((end - length, lines - 1)),
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
