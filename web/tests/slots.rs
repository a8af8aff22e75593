//! Which device a tab is, in a real browser with Web Locks.

#![expect(clippy::unwrap_used, reason = "tests")]

use protocol::BareJid;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web::browser;
use web::slot::{SLOTS_MAX, Slot, note_waiting};

wasm_bindgen_test_configure!(run_in_browser);

fn account(name: &str) -> BareJid {
    browser::tab_storage().unwrap().clear().unwrap();
    BareJid::new(&format!("{name}@montague.example")).unwrap()
}

#[wasm_bindgen_test]
async fn a_tab_takes_the_lowest_free_slot() {
    let account = account("lowest");
    let first = Slot::take(&account).await.unwrap();
    assert_eq!(first.label(), "1");
    assert_eq!(first.database(), "balcony:lowest@montague.example:1");
    browser::tab_storage().unwrap().clear().unwrap();
    let second = Slot::take(&account).await.unwrap();
    assert_eq!(second.label(), "2");
    drop(first);
    // The browser takes a lock back only when the promise behind it has settled.
    gloo_timers::future::TimeoutFuture::new(50).await;
    browser::tab_storage().unwrap().clear().unwrap();
    let third = Slot::take(&account).await.unwrap();
    assert_eq!(third.label(), "1");
}

// proves: INV-17 INV-27
#[wasm_bindgen_test]
async fn a_tab_takes_a_free_slot_in_which_lines_wait() {
    let account = account("waiting");
    for label in ["2", "3"] {
        note_waiting(&account, label, true);
    }
    let take = async || {
        browser::tab_storage().unwrap().clear().unwrap();
        Slot::take(&account).await.unwrap()
    };
    let first = take().await;
    assert_eq!(first.label(), "2");
    let second = take().await;
    assert_eq!(second.label(), "3", "the first is held");
    note_waiting(&account, "2", false);
    drop(first);
    gloo_timers::future::TimeoutFuture::new(50).await;
    assert_eq!(
        take().await.label(),
        "1",
        "nothing waits in the second any more"
    );
    note_waiting(&account, "3", false);
}

#[wasm_bindgen_test]
async fn a_reload_waits_for_its_own_slot() {
    let account = account("reload");
    let old_document = Slot::take(&account).await.unwrap();
    let new_document = Slot::take(&account);
    let late_unload = async {
        gloo_timers::future::TimeoutFuture::new(200).await;
        drop(old_document);
    };
    let (new_document, ()) = futures::future::join(new_document, late_unload).await;
    assert_eq!(new_document.unwrap().label(), "1");
}

#[wasm_bindgen_test]
async fn a_duplicated_tab_with_a_copied_memory_gets_another_slot() {
    let account = account("duplicate");
    let original = Slot::take(&account).await.unwrap();
    let duplicate = Slot::take(&account).await.unwrap();
    assert_eq!((original.label(), duplicate.label()), ("1", "2"));
}

#[wasm_bindgen_test]
async fn more_tabs_than_slots_are_told_so() {
    let account = account("crowd");
    let mut slots = Vec::new();
    for _ in 0..SLOTS_MAX {
        browser::tab_storage().unwrap().clear().unwrap();
        slots.push(Slot::take(&account).await.unwrap());
    }
    browser::tab_storage().unwrap().clear().unwrap();
    assert!(Slot::take(&account).await.is_err());
}
