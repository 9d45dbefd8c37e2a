//! The bodies of `make fuzz` on stable Rust: every input that was once worth keeping, and thousands made up from them.

mod bodies;

use std::fs;
use std::path::Path;

use bodies::{ALL, Body};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Inputs made up for each body.
const CASES: u32 = 1_500;

/// What is kept in the repository.
fn kept(body: &Body) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(body.name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an input").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("an input"))
        .collect()
}

#[derive(Debug, Clone)]
enum Edit {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, octet)| Edit::Set(at, octet)),
        (at(), any::<u8>()).prop_map(|(at, len)| Edit::Remove(at, len)),
        (at(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, octets)| Edit::Insert(at, octets)),
        (at(), any::<u8>()).prop_map(|(at, len)| Edit::Repeat(at, len)),
    ]
}

fn edited(mut input: Vec<u8>, edits: Vec<Edit>) -> Vec<u8> {
    for edit in edits {
        let len = input.len();
        match edit {
            Edit::Set(at, octet) if len > 0 => input[at.index(len)] = octet,
            Edit::Remove(at, count) if len > 0 => {
                let from = at.index(len);
                input.drain(from..len.min(from + usize::from(count)));
            }
            Edit::Insert(at, octets) => {
                let from = at.index(len + 1);
                input.splice(from..from, octets);
            }
            Edit::Repeat(at, count) if len > 0 => {
                let from = at.index(len);
                let piece = input[from..len.min(from + usize::from(count))].to_vec();
                input.splice(from..from, piece);
            }
            Edit::Set(..) | Edit::Remove(..) | Edit::Repeat(..) => {}
        }
    }
    input
}

fn endures(name: &str) {
    let body = ALL.iter().find(|body| body.name == name).expect("a body");
    let kept = kept(body);
    assert!(!kept.is_empty(), "{name}: no inputs are kept");
    kept.iter().for_each(|input| (body.run)(input));
    let inputs = (
        any::<prop::sample::Index>(),
        prop::collection::vec(edit(), 1..12),
    )
        .prop_map(move |(at, edits)| edited(at.get(&kept).clone(), edits));
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let run = TestRunner::new(config).run(&inputs, |input| {
        (body.run)(&input);
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{name}: {failure}"));
}

/// Each body has its test: a name that is missing here would fuzz nothing in `make test`.
macro_rules! bodies {
    ($($name:ident)+) => {
        $(#[test] fn $name() { endures(stringify!($name)); })+

        #[test]
        fn every_body_has_a_test_a_target_and_inputs() {
            let names: Vec<&str> = ALL.iter().map(|body| body.name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
            let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml"));
            let manifest = manifest.expect("the manifest of the targets");
            for name in names {
                assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} has no target");
            }
        }
    };
}

bodies!(message call stream sdp rtp wide rtcp noise digest command twilio);
