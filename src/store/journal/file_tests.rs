use super::*;

fn lines(file: &JournalFile, from: u64, lines_max: usize) -> (Vec<String>, u64) {
    let chunk = read_chunk(&file.reader(), from, file.length(), lines_max).unwrap();
    let lines = chunk
        .lines()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    (lines, chunk.length)
}

#[test]
fn lines_are_read_from_any_mark() {
    let folder = tempfile::tempdir().unwrap();
    let (mut file, left) = JournalFile::open(folder.path()).unwrap();
    assert_eq!(left, 0);
    file.append(b"one\ntwo\n", 100).unwrap();
    file.append(b"three\n", 100).unwrap();
    assert_eq!(lines(&file, 0, 2), (vec!["one".into(), "two".into()], 8));
    assert_eq!(lines(&file, 8, 2), (vec!["three".into()], 6));
    assert_eq!(lines(&file, 14, 2), (vec![], 0));

    assert!(matches!(
        file.append(b"much\n", 18),
        Err(JournalError::Full)
    ));
    file.clear().unwrap();
    file.append(b"four\n", 18).unwrap();
    assert_eq!(lines(&file, 0, 9), (vec!["four".into()], 5));
}

#[test]
fn a_file_of_no_lines_is_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let (mut file, _) = JournalFile::open(folder.path()).unwrap();
    file.append(&vec![b'x'; CHUNK_BYTES + 10], u64::MAX)
        .unwrap();
    file.append(b"\nsound\n", u64::MAX).unwrap();
    let (first, length) = lines(&file, 0, 9);
    assert_eq!((first.len(), length), (1, CHUNK_BYTES as u64));
    let (rest, _) = lines(&file, length, 9);
    assert_eq!(rest, ["x".repeat(10), "sound".into()]);
}
