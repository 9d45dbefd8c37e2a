#![no_main]

#[path = "../../tests/fuzz/bodies/mod.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::rtp::run_wide(data));
