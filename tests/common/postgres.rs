//! A PostgreSQL of one's own for tests: initdb and postgres from the system's packages, in a
//! temporary folder, on a Unix socket.
//!
//! It ends with the process that started it, however that ends: a shell beside it waits for the end
//! of a pipe that only the test holds. PostgreSQL refuses to run as root; as root it runs as the
//! user `postgres`.

use std::{
    fs,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;

/// Starts the server ($1: folder of programs, $2: our folder), says `ready`, waits for the end of
/// stdin, stops it, and tidies up unless the folder is to be used again (a line was read).
const KEEPER: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 \
    -c shared_buffers=32MB -c fsync=off >"$2/log" 2>&1 </dev/null &
server=$!
until "$1/pg_isready" -q -h "$2" -t 1; do
    kill -0 $server 2>/dev/null || { cat "$2/log" >&2; exit 1; }
    sleep 0.05
done
echo ready
exec >/dev/null
read -r again && keep=yes
kill -INT $server
wait $server
[ "$keep" = yes ] || rm -rf "$2"
"#;

/// A running server.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    keeper: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that all tests of this process share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// A server for one test, which may stop it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pg")
            .tempdir()
            .expect("a temporary folder");
        let programs = programs();
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres")
                .arg(folder.path())
                .status();
            assert!(owned.expect("chown").success());
        }
        let made = as_postgres(&programs.join("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ])
            .arg("-D")
            .arg(folder.path().join("data"))
            .output()
            .expect("initdb");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let server = Self {
            folder,
            programs,
            keeper: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        server.start();
        server
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        format!(
            "postgres://postgres@/{name}?host={}",
            self.folder.path().display()
        )
    }

    /// Runs statements in a database, by its name, and returns what they print (unaligned, rows
    /// alone).
    pub(crate) fn sql(&self, database: &str, statements: &str) -> String {
        let ran = Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .arg("-h")
            .arg(self.folder.path())
            .args(["-c", statements])
            .output()
            .expect("psql");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }

    /// Stops the server; its databases stay for [`Postgres::start`].
    pub(crate) fn stop(&self) {
        let mut keeper = self
            .keeper
            .lock()
            .expect("not poisoned")
            .take()
            .expect("a running server");
        let mut pipe = keeper.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut pipe, b"again\n").expect("the keeper listens");
        drop(pipe);
        assert!(keeper.wait().expect("the keeper").success());
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        let mut child = as_postgres(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.programs)
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C in the terminal is for the tests: the server goes when their pipe closes.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut said = String::new();
        let mut out = child.stdout.take().expect("a pipe");
        out.read_to_string(&mut said).expect("the keeper's word");
        assert_eq!(said, "ready\n", "PostgreSQL did not start");
        *self.keeper.lock().expect("not poisoned") = Some(child);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.lock().expect("not poisoned").take() {
            drop(keeper.stdin.take());
            drop(keeper.wait());
        }
    }
}

/// The newest version that is installed, or that of `PATH`.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    newest.unwrap_or_else(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .find(|folder| folder.join("initdb").exists())
            .expect("PostgreSQL is not installed (Debian: apt install postgresql)")
    })
}

fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id");
    id.stdout.starts_with(b"0\n")
}
