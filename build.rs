//! Tells cargo what else is compiled in: the dashboards and the migrations. Without this, a program that was built before the
//! dashboards were would stay without them. And packs the line numbers of a release, which only a panic's backtrace reads.

use std::{env, fs};

/// Files that macros embed.
const EMBEDDED: [&str; 2] = ["assets/dist", "migrations"];

fn main() {
    for folder in EMBEDDED {
        // A folder that is missing would count as changed at every build.
        fs::create_dir_all(folder).ok();
        println!("cargo::rerun-if-changed={folder}");
    }
    let is = |name, value| env::var(name).is_ok_and(|is| is == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--compress-debug-sections=zlib");
    }
}
