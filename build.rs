//! Tells cargo what else is compiled in: the dashboards and the migrations. Without this, a program that was built before the
//! dashboards were would stay without them.

use std::fs;

/// Files that macros embed.
const EMBEDDED: [&str; 2] = ["assets/dist", "migrations"];

fn main() {
    for folder in EMBEDDED {
        // A folder that is missing would count as changed at every build.
        fs::create_dir_all(folder).ok();
        println!("cargo::rerun-if-changed={folder}");
    }
}
