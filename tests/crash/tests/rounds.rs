//! A few rounds against the server that a development build leaves: `cargo xtask crash` plays hundreds.

use crash::{Settings, run};

// proves: PT-01 PT-07 PT-08 INV-01 INV-02 INV-03 INV-04 INV-05 INV-06 INV-07 INV-09 INV-11 INV-12 INV-13 INV-14
// proves: INV-15 INV-17 INV-18 INV-27 INV-32 S11-10 S11-20 S11-25 S11-30 S11-31 S11-40 S11-41 S11-55
// proves: S11-60 S11-61 S11-62 S11-63
#[tokio::test(flavor = "multi_thread")]
async fn ten_rounds_of_kills_and_cuts_lose_double_and_swap_nothing() {
    let settings = Settings {
        rounds: 10,
        seed: 11,
        per_database: 10,
        lines: 12,
        program: None,
    };
    let report = run(&settings).await.unwrap();
    println!("{report}");
    assert!(report.is_good(), "{report}");
    assert_eq!(report.rounds, 10);
    assert!(report.acked > 1_000, "{report}");
    assert!(report.restored() > 10, "{report}");
}
