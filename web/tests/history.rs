//! The device's history in a real IndexedDB.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::cell::Cell;

use client_core::history::suite::{self, Subject};
use client_core::{Batch, Restored, Row, RowQuery, Wanted};
use protocol::{ArchiveId, BareJid};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
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

/// A database as version 1 of the layout made it, with values as that version wrote them.
const FORMER: &str = "
    const open = indexedDB.open(name, 1);
    open.onupgradeneeded = () => {
        const db = open.result;
        const rows = db.createObjectStore('rows', { keyPath: 'order' });
        rows.createIndex('peer_order', ['peer', 'order']);
        for (const [store, key] of [['outbox', 'seq'], ['chats', 'peer'], ['contacts', 'jid']])
            db.createObjectStore(store, { keyPath: key });
        const meta = db.createObjectStore('meta');
        const peer = 'romeo@montague.example', stamp = 1700000000000;
        for (const order of [1, 2, 3]) rows.put({ order, peer, row: {
            place: { Confirmed: order }, key: 'k' + order, id: 'e' + order, peer, own: order === 2,
            message_id: 'm' + order, stamp, content: { Text: 'line ' + order }, mark: 'Archived' } });
        open.transaction.objectStore('outbox').put({ seq: 4, item: { seq: 4, message_id: 'm4', to: peer,
            body: 'waits', written: stamp, prefix: null, failed: null } });
        open.transaction.objectStore('chats').put({ peer, chat: { peer, last_text: 'waits', last_own: true,
            last_stamp: stamp, unread: 2 } });
        meta.put({ account: 'juliet@capulet.example', pos: 'e3', oldest: 'e1', reaches_start: true,
            places: [1, 3], stream: null, roster_ver: 'v1', next_seq: 5, ahead: [] }, 'device');
    };
    return new Promise((good, bad) => {
        open.onerror = () => bad(open.error);
        open.onsuccess = () => { open.result.close(); good(); };
    });";

// proves: S11-50
#[wasm_bindgen_test]
async fn a_database_of_the_former_layout_keeps_all_that_is_in_it() {
    let name = "balcony:test:former";
    IndexedDb::delete(name).await.unwrap();
    let make = js_sys::Function::new_with_args("name", FORMER);
    let made = make.call1(&JsValue::UNDEFINED, &name.into()).unwrap();
    JsFuture::from(js_sys::Promise::from(made)).await.unwrap();
    let peer = BareJid::new("romeo@montague.example").unwrap();
    // Opening it twice brings it over once.
    for _ in 0..2 {
        let db = IndexedDb::open(name).await.unwrap();
        let restored = db.restore().await.unwrap();
        let device = restored.device.unwrap();
        assert_eq!(device.pos, ArchiveId::parse("e3"));
        assert_eq!(device.below, []);
        assert_eq!(restored.outbox[0].body, "waits");
        assert_eq!(restored.chats[0].last_text, "waits");
        let latest = Wanted::Latest {
            peer: peer.clone(),
            before: None,
            max: 9,
        };
        let rows = db.query(&latest).await.unwrap();
        let keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["k1", "k2", "k3"]);
        let ids = ["e2", "e9"].into_iter().filter_map(ArchiveId::parse);
        let found = db.query(&Wanted::Entries(ids.collect())).await.unwrap();
        assert_eq!(found.len(), 1, "the old rows are found by their ids");
        assert_eq!(found[0].key, "k2");
        db.close();
    }
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
        beside: client_core::history::Beside::default(),
        mark: client_core::Mark::Archived,
        asks: client_core::history::Asks::default(),
    }
}
