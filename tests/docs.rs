//! What the documents name exists: settings, files, make targets, and the pages they link to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_setting_has_its_row_in_the_readme() {
    let settings = settings();
    assert!(
        settings.len() > 20,
        "only {} settings found",
        settings.len()
    );
    let readme = read("README.md");
    let missing: Vec<_> = settings
        .iter()
        .filter(|name| !readme.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "no row in README.md for {missing:?}");
}

#[test]
fn the_example_file_has_every_setting_and_no_other() {
    let example: BTreeSet<String> = read("audioroad.example.toml")
        .lines()
        .take_while(|line| !line.starts_with("#[["))
        .filter_map(|line| line.strip_prefix('#')?.split_once(" = "))
        .map(|(name, _)| name.to_uppercase())
        .collect();
    assert_eq!(example, settings());
}

#[test]
fn the_trunks_of_the_example_file_can_be_read() {
    let example = read("audioroad.example.toml");
    let (_, trunks) = example
        .split_once("#[[trunk]]")
        .expect("an example of a trunk");
    let settings_alone = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
        Some(_) | None => "\n".to_owned(),
    };
    let trunks: String = format!("#[[trunk]]{trunks}")
        .lines()
        .map(settings_alone)
        .collect();
    let data = tempfile::tempdir().expect("a temporary folder");
    let folder = data.path().display().to_string();
    let settings = move |name: &str| (name == "DATA_DIR").then(|| folder.clone());
    let source = audioroad::config::Source::new(&trunks, settings).expect("a settings file");
    let config = audioroad::config::Config::read(&source).expect("settings");
    assert!(config.sip.trunks.len() >= 2);
    let findings = audioroad::check::findings(&config);
    let wrong = findings.iter().find(|finding| {
        matches!(finding, audioroad::check::Finding::Wrong(text) if text.starts_with("Who may call"))
    });
    assert_eq!(wrong, None);
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = Vec::new();
    for document in documents() {
        let folder = document.parent().expect("a document lies in a folder");
        for target in links(&read(&document)) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains(':') && !folder.join(path).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_make_target_and_script_exists() {
    let makefile = read("Makefile");
    let mut unknown = Vec::new();
    for document in documents() {
        for code in code_spans(&read(&document)) {
            let words: Vec<&str> = code.split_whitespace().collect();
            let known = match words.as_slice() {
                ["make", target, ..] => makefile.contains(&format!("\n{target}:")),
                [script, ..] if script.starts_with("scripts/") => root().join(script).exists(),
                _ => true,
            };
            if !known {
                unknown.push(format!("{}: `{code}`", document.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn the_readers_of_documents_read() {
    assert_eq!(
        links("see [a](b.md) and [c](https://d)"),
        ["b.md", "https://d"]
    );
    assert_eq!(
        code_spans("run `make x` or\n\n    make y\n\n`z`"),
        ["make x", "make y", "z"]
    );
}

/// The names of all settings.
fn settings() -> BTreeSet<String> {
    audioroad::config::SETTINGS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

/// Every document of ours.
fn documents() -> Vec<PathBuf> {
    let folders = [".", "docs", "docs/decisions", "tests"].map(|folder| root().join(folder));
    let mut documents: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a readable folder"))
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.sort();
    assert!(
        documents.len() > 10,
        "only {} documents found",
        documents.len()
    );
    documents
}

/// The targets of Markdown links.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// What stands between backticks, and lines indented as code.
fn code_spans(text: &str) -> Vec<&str> {
    let mut spans = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(code) => spans.push(code.trim()),
            None => spans.extend(line.split('`').skip(1).step_by(2)),
        }
    }
    spans
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
