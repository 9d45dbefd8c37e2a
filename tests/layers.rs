//! Who may name whom inside the crate, read from the source text (docs/architecture.md has the same table).
//!
//! One crate has no compiler-checked layers, so this reads every `crate::name` under `src/`, and every chain of `super`
//! that climbs to the crate root, and compares it with [`LAYERS`]. Comments and literals do not count. Limit: a macro
//! that builds paths would slip through; there is none.

use std::fs;
use std::path::{Path, PathBuf};

const PURE: &[&str] = &[];
const CORE: &[&str] = &["domain", "config"];
const STORE: &[&str] = &["domain", "config", "priority"];
const ABOVE_CORE: &[&str] = &[
    "domain", "sip", "media", "rtc", "twilio", "livekit", "config", "net", "store", "priority",
];
const WEB: &[&str] = &["domain", "store", "config", "twilio", "actors"];
const PHONE: &[&str] = &["sip", "media", "actors"];
const DEMO: &[&str] = &["domain", "media", "actors", "phone"];
const EVERYTHING: &[&str] = &["*"];

/// A module of the crate, and the other modules it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", PURE),
    ("sip", PURE),
    ("media", PURE),
    ("rtc", PURE),
    ("twilio", PURE),
    ("livekit", &["rtc"]),
    ("config", CORE),
    ("priority", PURE),
    ("net", CORE),
    ("store", STORE),
    ("actors", ABOVE_CORE),
    ("http", WEB),
    ("phone", PHONE),
    ("demo", DEMO),
    ("check", EVERYTHING),
    ("telemetry", EVERYTHING),
    ("cli", EVERYTHING),
    ("app", EVERYTHING),
    ("main", EVERYTHING),
    ("lib", EVERYTHING),
];

#[test]
fn every_module_names_only_what_its_layer_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root);
    assert!(
        files.len() > 20,
        "only {} files under {}",
        files.len(),
        root.display()
    );

    let faults: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let source = fs::read_to_string(file).expect("a readable source file");
            faults(file.strip_prefix(&root).expect("a file under src"), &source)
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn planted_violations_are_caught() {
    let fault = |file: &str, source: &str| faults(Path::new(file), source).len();

    assert_eq!(fault("sip/dialog.rs", "use crate::media::rtp;"), 1);
    assert_eq!(
        fault("domain/show.rs", "fn f() { crate::actors::clock::now(); }"),
        1
    );
    assert_eq!(
        fault(
            "media/leg.rs",
            "use crate::{\n    media::rtp::{Law, x},\n    sip,\n};"
        ),
        1
    );
    assert_eq!(fault("media/leg.rs", "use super::super::sip::sdp;"), 1);
    assert_eq!(fault("media/mod.rs", "use super::sip;"), 1);
    assert_eq!(
        fault(
            "media/leg.rs",
            "mod a { mod b { use super::super::super::super::sip; } }"
        ),
        1
    );
    assert_eq!(fault("livekit/token.rs", "use crate::{rtc, net};"), 1);
    assert_eq!(fault("store/queries.rs", "use crate::*;"), 1);
    assert_eq!(
        fault("newcomer/mod.rs", "use crate::domain;"),
        1,
        "a module without a row"
    );
}

#[test]
fn lawful_names_pass() {
    let fault = |file: &str, source: &str| faults(Path::new(file), source);

    assert_eq!(
        fault(
            "livekit/endpoint.rs",
            "use crate::rtc::Peer; use crate::livekit::x;"
        ),
        [""; 0]
    );
    assert_eq!(
        fault("media/leg.rs", "mod tests { use super::super::rtp; }"),
        [""; 0]
    );
    assert_eq!(
        fault("media/leg/tests.rs", "use super::super::rtp;"),
        [""; 0]
    );
    assert_eq!(
        fault("media/leg_tests.rs", "use super::super::rtp;"),
        [""; 0]
    );
    assert_eq!(
        fault(
            "sip/wire.rs",
            "// as crate::media does\nlet s = \"crate::media\";"
        ),
        [""; 0]
    );
    assert_eq!(
        fault(
            "sip/wire.rs",
            "/* crate::media /* nested */ */ pub(crate) fn x() {}"
        ),
        [""; 0]
    );
    assert_eq!(
        fault(
            "sip/wire.rs",
            "let s = r#\"\" crate::media\"#; let c = '\"';"
        ),
        [""; 0]
    );
    assert_eq!(fault("app.rs", "use crate::{actors, http, sip};"), [""; 0]);
}

/// One sentence for each name in `source` that its file's layer may not use.
fn faults(file: &Path, source: &str) -> Vec<String> {
    let path = module_path(file);
    let layer = path.first().map_or("lib", String::as_str);
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![format!(
            "src/{}: `{layer}` has no row in LAYERS",
            file.display()
        )];
    };
    if *allowed == EVERYTHING {
        return Vec::new();
    }
    names(&tokens(source), path.len())
        .into_iter()
        .filter(|(_, name)| name != layer && !allowed.contains(&name.as_str()))
        .map(|(line, name)| {
            format!(
                "src/{}:{line}: `{layer}` may not name `{name}`",
                file.display()
            )
        })
        .collect()
}

/// The crate's modules named in the text, with their lines. `depth` is how far the file lies below the crate root.
fn names(tokens: &[(usize, String)], depth: usize) -> Vec<(usize, String)> {
    let text = |i: usize| tokens.get(i).map_or("", |(_, token)| token.as_str());
    let mut found = Vec::new();
    let mut braces = 0;
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match text(i) {
            "{" => {
                braces += 1;
                if i >= 2 && text(i - 2) == "mod" {
                    inline_modules.push(braces);
                }
            }
            "}" => {
                if inline_modules.last() == Some(&braces) {
                    inline_modules.pop();
                }
                braces -= 1;
            }
            "crate" if text(i + 1) == "::" => found.extend(first_segments(tokens, i + 2)),
            "super" => {
                let start = i;
                while text(i + 1) == "::" && text(i + 2) == "super" {
                    i += 2;
                }
                let climbed = (i - start) / 2 + 1;
                if climbed >= depth + inline_modules.len() && text(i + 1) == "::" {
                    found.extend(first_segments(tokens, i + 2));
                }
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// What follows `crate::`: one name, or the first names inside a group of braces.
fn first_segments(tokens: &[(usize, String)], at: usize) -> Vec<(usize, String)> {
    let Some((line, first)) = tokens.get(at) else {
        return Vec::new();
    };
    if first != "{" {
        return vec![(*line, first.clone())];
    }
    let mut segments = Vec::new();
    let mut depth = 0;
    let mut expected = false;
    for (line, token) in &tokens[at..] {
        match token.as_str() {
            "{" => {
                depth += 1;
                expected = depth == 1;
            }
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => expected = true,
            name if expected => {
                segments.push((*line, name.to_owned()));
                expected = false;
            }
            _ => {}
        }
    }
    segments
}

/// Identifiers, `::`, `{`, `}`, `,` and `*` with their lines; comments, strings and characters are left out.
fn tokens(source: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let word = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            match first {
                _ if word > 0 => word,
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            }
        });
        let token = &rest[..length];
        let kept = token.chars().all(|c| c.is_alphanumeric() || c == '_');
        if kept || matches!(token, "::" | "{" | "}" | "," | "*") {
            tokens.push((line, token.to_owned()));
        }
        line += token.matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the comment or literal at the head of `rest`, if there is one.
fn skipped(rest: &str) -> Option<usize> {
    let after = |pattern: &str, from: usize| {
        rest[from..]
            .find(pattern)
            .map_or(rest.len(), |at| from + at + pattern.len())
    };
    if rest.starts_with("//") {
        return Some(after("\n", 0));
    }
    if rest.starts_with("/*") {
        let mut depth = 0;
        let mut at = 0;
        while at < rest.len() {
            let tail = &rest.as_bytes()[at..];
            depth += i32::from(tail.starts_with(b"/*")) - i32::from(tail.starts_with(b"*/"));
            at += if tail.starts_with(b"/*") || tail.starts_with(b"*/") {
                2
            } else {
                1
            };
            if depth == 0 {
                break;
            }
        }
        return Some(at);
    }
    let raw = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .unwrap_or("");
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if raw[hashes..].starts_with('"') {
        let opening = rest.len() - raw.len() + hashes + 1;
        return Some(after(&format!("\"{}", "#".repeat(hashes)), opening));
    }
    if rest.starts_with('"') || rest.starts_with('\'') {
        return quoted(rest);
    }
    None
}

/// The length of a string or character literal; `None` for a lifetime.
fn quoted(rest: &str) -> Option<usize> {
    let quote = rest.chars().next()?;
    if quote == '\'' && !rest[1..].starts_with('\\') && rest.chars().nth(2) != Some('\'') {
        return None;
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some(at + c.len_utf8());
        }
        escaped = c == '\\' && !escaped;
    }
    Some(rest.len())
}

/// `media/leg.rs` is `[media, leg]`, `media/mod.rs` is `[media]`, `lib.rs` is `[]`. A `leg_tests.rs` is taken in by
/// `leg.rs` with `#[path]`, one deeper than it lies.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        path.pop();
    } else if path.last().is_some_and(|last| last.ends_with("_tests")) {
        path.push("tests".to_owned());
    }
    path
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
