//! Sees to it that a release carries the web client.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BALCONY_WITHOUT_CLIENT");
    // Other builds read the client from disk at run time, so they need not follow it.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../target/site");
        let is_there = Path::new("../target/site/index.html").is_file();
        assert!(
            is_there || env::var_os("BALCONY_WITHOUT_CLIENT").is_some(),
            "target/site/index.html is missing: run `cargo xtask build`, which makes it first \
             (or set BALCONY_WITHOUT_CLIENT=1 for a server without its client)"
        );
    }
}
