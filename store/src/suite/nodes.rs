//! What is kept of personal eventing.

use protocol::Element;
use protocol::pubsub::{Config, Item};
use server_core::archive::ReadError;
use server_core::nodes::{ItemPage, ItemQuery, Node, NodeChange};
use server_core::records::{Change, ChangeError};

use super::tools::{Script, bare, register};
use crate::Store;

fn item(id: &str, text: &str) -> Item {
    Item::new(id, &Element::new("nick", "urn:example").text(text))
}

fn publish(items: Vec<Item>, keep: u32, evict: bool) -> NodeChange {
    NodeChange::Publish {
        config: Config::private(),
        items,
        keep,
        evict,
        bytes_max: 10_000,
    }
}

async fn change(
    store: &impl Store,
    account: &str,
    node: &str,
    change: NodeChange,
) -> Result<(), ChangeError> {
    let change = Change::Node {
        account: bare(account),
        node: node.to_owned(),
        change,
    };
    store.change(change).await
}

fn query(node: &str) -> ItemQuery {
    ItemQuery {
        account: bare("romeo"),
        node: node.to_owned(),
        ids: Vec::new(),
        after: None,
        max: 100,
        bytes_max: 1_000_000,
    }
}

async fn ids(store: &impl Store, query: ItemQuery) -> Vec<String> {
    let page = store.items(query).await.unwrap();
    page.items.into_iter().map(|item| item.id).collect()
}

// proves: PE-02
pub(crate) async fn nodes_come_back_as_they_were_written(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let items = vec![item("a", "one & <two>"), item("b", "")];
    change(store, "romeo", "n", publish(items.clone(), 10, true))
        .await
        .unwrap();
    let save = NodeChange::Save {
        config: Config::default(),
        keep: 1,
    };
    change(store, "romeo", "m", save).await.unwrap();
    let record = store.load(&bare("romeo")).await.unwrap().unwrap();
    let node = |name: &str, config| Node {
        name: name.to_owned(),
        config,
    };
    let nodes = [node("m", Config::default()), node("n", Config::private())];
    assert_eq!(record.nodes, nodes);
    let juliet = store.load(&bare("juliet")).await.unwrap().unwrap();
    assert_eq!(juliet.nodes, []);

    let page = store.items(query("n")).await.unwrap();
    let newest_first: Vec<_> = items.into_iter().rev().collect();
    assert_eq!(page.items, newest_first);
    assert!(page.complete);
    let foreign = ItemQuery {
        account: bare("juliet"),
        ..query("n")
    };
    let nothing = ItemPage {
        items: vec![],
        complete: true,
    };
    assert_eq!(store.items(foreign).await.unwrap(), nothing);
    let nobody = change(store, "mercutio", "n", publish(vec![], 1, true)).await;
    assert_eq!(nobody, Err(ChangeError::NoAccount));
}

// proves: PE-05
pub(crate) async fn items_are_read_newest_first_and_page_by_page(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    for id in ["a", "b", "c", "b"] {
        change(store, "romeo", "n", publish(vec![item(id, id)], 10, true))
            .await
            .unwrap();
    }
    assert_eq!(ids(store, query("n")).await, ["b", "c", "a"]);
    let first = ItemQuery {
        max: 1,
        ..query("n")
    };
    let page = store.items(first.clone()).await.unwrap();
    assert_eq!((page.items.len(), page.complete), (1, false));
    let light = ItemQuery {
        bytes_max: 1,
        ..query("n")
    };
    let page = store.items(light).await.unwrap();
    assert_eq!((page.items.len(), page.complete), (1, false));
    let after = |id: &str| ItemQuery {
        after: Some(id.to_owned()),
        ..query("n")
    };
    assert_eq!(ids(store, after("b")).await, ["c", "a"]);
    let rest = store.items(after("c")).await.unwrap();
    assert_eq!((rest.items.len(), rest.complete), (1, true));
    let unknown = store.items(after("z")).await;
    assert_eq!(unknown, Err(ReadError::UnknownId));
    let named = ItemQuery {
        ids: vec!["a".to_owned(), "z".to_owned()],
        ..query("n")
    };
    assert_eq!(ids(store, named).await, ["a"]);
    assert_eq!(ids(store, query("other")).await, Vec::<String>::new());
}

// proves: PE-07
pub(crate) async fn a_full_node_gives_way_or_refuses(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    for id in ["a", "b", "c"] {
        let made = change(store, "romeo", "n", publish(vec![item(id, id)], 2, true)).await;
        assert_eq!(made, Ok(()));
    }
    assert_eq!(ids(store, query("n")).await, ["c", "b"]);
    let refused = change(store, "romeo", "n", publish(vec![item("d", "")], 2, false)).await;
    assert_eq!(refused, Err(ChangeError::Full));
    let replaced = change(store, "romeo", "n", publish(vec![item("b", "x")], 2, false)).await;
    assert_eq!(replaced, Ok(()));
    assert_eq!(ids(store, query("n")).await, ["b", "c"]);
    let save = NodeChange::Save {
        config: Config::default(),
        keep: 1,
    };
    change(store, "romeo", "n", save).await.unwrap();
    assert_eq!(ids(store, query("n")).await, ["b"]);
}

// proves: PE-07
pub(crate) async fn all_items_of_an_account_share_their_bytes(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let large = || vec![item("a", &"x".repeat(6_000))];
    assert_eq!(
        change(store, "romeo", "n", publish(large(), 9, true)).await,
        Ok(())
    );
    let full = change(store, "romeo", "m", publish(large(), 9, true)).await;
    assert_eq!(full, Err(ChangeError::Full));
    let record = store.load(&bare("romeo")).await.unwrap().unwrap();
    assert_eq!(record.nodes.len(), 1, "a refused change leaves nothing");
    // The same item again takes no more.
    assert_eq!(
        change(store, "romeo", "n", publish(large(), 9, true)).await,
        Ok(())
    );
    assert_eq!(
        change(store, "juliet", "n", publish(large(), 9, true)).await,
        Ok(())
    );
    // What is gone leaves room.
    change(store, "romeo", "n", NodeChange::Purge)
        .await
        .unwrap();
    let retract = || NodeChange::Retract {
        ids: vec!["a".to_owned()],
    };
    for gone in [NodeChange::Purge, NodeChange::Delete, retract()] {
        for node in ["n", "m"] {
            let made = change(store, "romeo", node, publish(large(), 9, true)).await;
            assert_eq!(made, Ok(()), "{node} {gone:?}");
            change(store, "romeo", node, gone.clone()).await.unwrap();
        }
    }
}

// proves: PE-07
pub(crate) async fn items_and_nodes_are_taken_out(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    let items = || vec![item("a", ""), item("b", ""), item("c", "")];
    change(store, "romeo", "n", publish(items(), 9, true))
        .await
        .unwrap();
    let retract = |ids: &[&str]| NodeChange::Retract {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    let gone = change(store, "romeo", "n", retract(&["z"])).await;
    assert_eq!(gone, Err(ChangeError::NoItem));
    assert_eq!(
        change(store, "romeo", "n", retract(&["a", "z"])).await,
        Ok(())
    );
    assert_eq!(ids(store, query("n")).await, ["c", "b"]);
    assert_eq!(change(store, "romeo", "n", NodeChange::Purge).await, Ok(()));
    assert_eq!(ids(store, query("n")).await, Vec::<String>::new());
    let nodes = |record: server_core::records::AccountRecord| record.nodes.len();
    let romeo = bare("romeo");
    let load = || store.load(&romeo);
    assert_eq!(load().await.unwrap().map(nodes), Some(1));
    assert_eq!(
        change(store, "romeo", "n", NodeChange::Delete).await,
        Ok(())
    );
    assert_eq!(load().await.unwrap().map(nodes), Some(0));

    // Who registers the name anew has nothing of it.
    change(store, "romeo", "n", publish(items(), 9, true))
        .await
        .unwrap();
    let delete = Change::Delete {
        account: bare("romeo"),
    };
    store.change(delete).await.unwrap();
    register(store, &["romeo"]).await;
    assert_eq!(load().await.unwrap().map(nodes), Some(0));
    assert_eq!(ids(store, query("n")).await, Vec::<String>::new());
}
