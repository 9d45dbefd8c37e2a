//! The programs of `tests/peers`, run from a test: each prints one line of JSON when it is done.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A program that runs.
pub(crate) struct Peer {
    what: String,
    process: Option<Child>,
}

/// What a program said at its end.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit status was 0.
    pub(crate) ok: bool,
    pub(crate) json: Value,
    /// What else it said, for people.
    pub(crate) errors: String,
}

impl Peer {
    pub(crate) fn start(
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = folder.join("build/venv/bin/python");
        let python = env::var_os("AUDIOROAD_PEERS_PYTHON").map_or(built, PathBuf::from);
        assert!(
            python.exists(),
            "no {}: run scripts/python-venv first",
            python.display()
        );
        let mut command = Command::new(python);
        command
            .arg(folder.join("tests/peers").join(program))
            .args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let process = command.spawn().expect("Python runs");
        Self {
            what: format!("{command:?}"),
            process: Some(process),
        }
    }

    /// Waits for its end: every program has a time limit of its own.
    pub(crate) fn finish(mut self) -> Said {
        let process = self.process.take().expect("a peer ends once");
        let output = process.wait_with_output().expect("the end of a child");
        let text = String::from_utf8_lossy(&output.stdout);
        let json = serde_json::from_str(text.trim()).unwrap_or(Value::Null);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Said {
            ok: output.status.success(),
            json,
            errors,
        }
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn succeed(self) -> Value {
        let what = self.what.clone();
        let said = self.finish();
        assert!(said.ok, "{what}\n{}\n{}", said.json, said.errors);
        said.json
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // The test has failed already; what the program started ends by its own time limit.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Value {
    Peer::start(program, arguments).succeed()
}
