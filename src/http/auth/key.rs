//! The key file: made at the first start, readable by its owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Reads the 32 octets at `path`; where there is no file, writes `fresh` there first.
///
/// # Errors
/// When the file cannot be read or written, or does not hold 32 octets.
pub(super) fn read_or_make(path: &Path, fresh: [u8; 32]) -> io::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            let why = format!("{} does not hold a key of 32 bytes; delete it to make a new one", path.display());
            io::Error::new(io::ErrorKind::InvalidData, why)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(&fresh)?;
            file.sync_all()?;
            Ok(fresh)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/session.key");
        assert_eq!(read_or_make(&path, [1; 32]).unwrap(), [1; 32]);
        assert_eq!(read_or_make(&path, [2; 32]).unwrap(), [1; 32]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"short").unwrap();
        assert!(read_or_make(&path, [1; 32]).unwrap_err().to_string().contains("32 bytes"));
    }
}
