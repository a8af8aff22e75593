//! The device's history in a real IndexedDB.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;

use client_core::history::suite::{self, Subject};
use client_core::{Batch, Restored, Row, RowQuery};
use protocol::BareJid;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web::history::IndexedDb;

wasm_bindgen_test_configure!(run_in_browser);

thread_local! {
    static DATABASES: Cell<u32> = const { Cell::new(0) };
}

/// A database that no other test uses.
struct Scratch {
    name: String,
    db: Option<IndexedDb>,
}

impl Scratch {
    async fn open() -> Self {
        let number = DATABASES.replace(DATABASES.get() + 1);
        let name = format!("balcony:test:{number}");
        IndexedDb::delete(&name).await.unwrap();
        let db = Some(IndexedDb::open(&name).await.unwrap());
        Self { name, db }
    }

    fn db(&self) -> &IndexedDb {
        self.db.as_ref().unwrap()
    }
}

impl Subject for Scratch {
    async fn commit(&mut self, batch: Batch) {
        self.db().commit(&batch).await.unwrap();
    }

    async fn query(&mut self, query: RowQuery) -> Vec<Row> {
        self.db().query(&query.wanted).await.unwrap()
    }

    async fn reopen(&mut self) -> Restored {
        self.db.take().unwrap().close();
        self.db = Some(IndexedDb::open(&self.name).await.unwrap());
        self.db().restore().await.unwrap()
    }
}

// proves: S11-50
#[wasm_bindgen_test]
async fn the_browser_keeps_what_every_history_keeps() {
    suite::all(Scratch::open).await;
}

// proves: S11-50
#[wasm_bindgen_test]
async fn p7_a_batch_is_written_whole_or_not_at_all() {
    let mut subject = Scratch::open().await;
    let good = contact("juliet@capulet.example");
    subject
        .commit(Batch {
            contacts: vec![good.clone()],
            ..Batch::default()
        })
        .await;
    // No IndexedDB key has this value, so its request fails behind the others, which are fine.
    let bad = Batch {
        contacts: vec![contact("romeo@montague.example")],
        drop_contacts: vec![good.item.jid.clone()],
        rows: vec![impossible_row()],
        ..Batch::default()
    };
    assert!(subject.db().commit(&bad).await.is_err());
    let restored = subject.reopen().await;
    assert_eq!(restored.contacts, [good]);
    assert_eq!(restored.provisional, []);
}

fn contact(jid: &str) -> client_core::Contact {
    client_core::Contact {
        item: protocol::roster::Item::new(BareJid::new(jid).unwrap()),
        wants: false,
    }
}

/// A row whose place is beyond what a JavaScript number holds exactly.
fn impossible_row() -> Row {
    Row {
        place: client_core::Place::Confirmed(i64::MAX),
        key: "k".to_owned(),
        id: None,
        peer: BareJid::new("romeo@montague.example").unwrap(),
        own: false,
        message_id: None,
        stamp: protocol::time::Stamp(0),
        content: client_core::history::Content::Text("Ay me".to_owned()),
        mark: client_core::Mark::Archived,
        asks: client_core::history::Asks::default(),
    }
}
