//! The torture messages of RFC 4475 and RFC 5118 in `tests/sip_torture`, read for the tests of the
//! wire and of the endpoint. The texts are our own, modelled on the sections that they name.
//!
//! ```text
//! # a remark
//! wire: REQUEST branch= from= to= cseq= body= | CODE body= | CODE of the refusal | silence
//! over: IPv6, where the addresses must be of that family
//! udp: the status codes sent in answer, or silence
//! tcp: the same where a stream differs; `, closed` or `, stuck` when the next message is not read
//! says: a header of the last answer
//! ---
//! the message: a line is a line; a blank one is added to a head that ends without
//! ```
//!
//! As in RFC 4475 section 3, `<hex>` holds octets and `<repeat count=3>` what is repeated.

use std::fs;
use std::path::Path;

/// One message and what must come of it.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// The name of its file.
    pub(super) name: String,
    pub(super) wire: String,
    pub(super) over_ipv6: bool,
    pub(super) udp: String,
    pub(super) tcp: String,
    pub(super) says: Vec<String>,
    pub(super) octets: Vec<u8>,
}

/// All of them, by name.
pub(super) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip_torture");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Case {
    let text = fs::read_to_string(file).unwrap();
    let (told, message) = text.split_once("---\n").unwrap();
    let mut case = Case {
        name: file.file_stem().unwrap().to_string_lossy().into_owned(),
        octets: octets(message),
        ..Case::default()
    };
    for line in told.lines().filter(|line| !line.starts_with('#')) {
        let (key, value) = line.split_once(": ").unwrap();
        match key {
            "wire" => case.wire = String::from_utf8(unfolded(value)).unwrap(),
            "over" => case.over_ipv6 = value == "IPv6",
            "udp" => case.udp = value.to_owned(),
            "tcp" => case.tcp = value.to_owned(),
            "says" => case.says.push(value.to_owned()),
            _ => panic!("{}: what is `{key}`?", case.name),
        }
    }
    if case.tcp.is_empty() {
        case.tcp = case.udp.clone();
    }
    case
}

/// The message as it is sent.
fn octets(text: &str) -> Vec<u8> {
    let end = if text.contains("\n\n") { "" } else { "\n" };
    unfolded(&format!("{text}{end}").replace('\n', "\r\n"))
}

/// The text with what is in tags written out.
fn unfolded(text: &str) -> Vec<u8> {
    let Some((before, rest)) = text.split_once('<') else {
        return text.into();
    };
    let mut out = before.as_bytes().to_vec();
    if let Some((hex, rest)) = rest
        .strip_prefix("hex>")
        .and_then(|rest| rest.split_once("</hex>"))
    {
        let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
        out.extend(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8));
        out.extend(unfolded(rest));
    } else if let Some((count, rest)) = rest
        .strip_prefix("repeat count=")
        .and_then(|rest| rest.split_once('>'))
    {
        let (repeated, rest) = rest.split_once("</repeat>").unwrap();
        out.extend(repeated.repeat(count.parse().unwrap()).into_bytes());
        out.extend(unfolded(rest));
    } else {
        out.push(b'<');
        out.extend(unfolded(rest));
    }
    out
}
