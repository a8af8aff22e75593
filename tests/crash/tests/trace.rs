//! The order of system calls, as strace tells it.

use std::{env, path::PathBuf};

use crash::trace;

// proves: PT-04 INV-33 S11-30
#[tokio::test(flavor = "multi_thread")]
async fn no_ack_and_no_copy_is_written_before_the_sync_that_covers_its_rows() {
    let left = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/balcony");
    let program = env::var_os("BALCONY_BIN").map_or_else(left, PathBuf::from);
    let traced = trace(&program, 200).await.unwrap();
    println!("{traced:?}");
    assert_eq!((traced.messages, traced.before_sync), (200, 0));
    // An ack and a copy of each at least.
    assert!(traced.after_sync >= 400, "{traced:?}");
}
