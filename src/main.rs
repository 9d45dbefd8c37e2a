//! audioroad: see `audioroad --help` and the map in `lib.rs`.

fn main() -> std::process::ExitCode {
    audioroad::run()
}
