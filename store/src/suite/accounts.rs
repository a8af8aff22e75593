//! What is kept of accounts.

use protocol::roster::{Item, Subscription};
use protocol::time::Stamp;
use server_core::archive::{Filter, Paging, ReadError};
use server_core::records::{AccountRecord, Change, ChangeError, Contact, Invite};

use super::tools::{
    Script, append, bare, message, positions, query, quick_keys, received, register, sent,
    store_one, with_id,
};
use crate::Store;

fn register_with(name: &str, token: [u8; 32]) -> Change {
    Change::Register {
        account: bare(name),
        keys: quick_keys(),
        token: Some(token),
    }
}

fn invite(token: u8) -> Invite {
    Invite {
        token: [token; 32],
        expires: Stamp(10_000),
        reserved: None,
        inviter: None,
        setup: false,
    }
}

// proves: AU-07 RG-03
pub(crate) async fn an_account_is_made_changed_and_removed(store: &impl Store, _: &Script) {
    let romeo = bare("romeo");
    assert!(store.is_empty().await.unwrap());
    assert_eq!(store.credentials(&romeo).await.unwrap(), None);
    assert_eq!(store.load(&romeo).await.unwrap(), None);
    register(store, &["romeo", "benvolio"]).await;
    assert!(!store.is_empty().await.unwrap());
    assert_eq!(
        store.list().await.unwrap(),
        [bare("benvolio"), romeo.clone()]
    );
    let found = store.credentials(&romeo).await.unwrap().unwrap();
    assert!(!found.disabled);
    assert_eq!(found.keys, quick_keys());
    let record = store.load(&romeo).await.unwrap();
    assert_eq!(record, Some(AccountRecord::default()));

    let again = Change::Register {
        account: romeo.clone(),
        keys: vec![],
        token: None,
    };
    assert_eq!(store.change(again).await, Err(ChangeError::Exists));
    let keys = quick_keys().split_off(1);
    let changed = Change::SetKeys {
        account: romeo.clone(),
        keys: keys.clone(),
    };
    store.change(changed).await.unwrap();
    let found = store.credentials(&romeo).await.unwrap().unwrap();
    assert_eq!(found.keys, keys);

    let delete = Change::Delete {
        account: romeo.clone(),
    };
    store.change(delete.clone()).await.unwrap();
    assert_eq!(store.credentials(&romeo).await.unwrap(), None);
    assert_eq!(store.list().await.unwrap(), [bare("benvolio")]);
    let contact = Contact {
        item: Item::new(bare("benvolio")),
        listed: true,
        request: None,
        ver: 1,
    };
    let account = romeo;
    for change in [
        delete,
        Change::SetKeys {
            account: account.clone(),
            keys,
        },
        Change::Contact { account, contact },
    ] {
        assert_eq!(store.change(change).await, Err(ChangeError::NoAccount));
    }
    assert_eq!(store.secret(), store.clone().secret());
}

// proves: RG-03 SEC-52
pub(crate) async fn a_token_makes_one_account_for_fifty_racers(store: &impl Store, _: &Script) {
    store.save_invite(invite(1)).await.unwrap();
    let racers = (0..50).map(|n| {
        let store = store.clone();
        let change = register_with(&format!("racer{n}"), [1; 32]);
        tokio::spawn(async move { store.change(change).await })
    });
    let mut won = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error, ChangeError::Token),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.list().await.unwrap().len(), 1);
    assert_eq!(store.check_invite([1; 32], Stamp(0)).await.unwrap(), None);
}

// proves: SEC-52
pub(crate) async fn set_up_tokens_die_with_the_first_account(store: &impl Store, _: &Script) {
    for token in [1, 2] {
        let setup = Invite {
            setup: true,
            ..invite(token)
        };
        store.save_invite(setup.clone()).await.unwrap();
        let found = store.check_invite([token; 32], Stamp(0)).await.unwrap();
        assert_eq!(found, Some(setup));
    }
    store.save_invite(invite(3)).await.unwrap();
    store.change(register_with("romeo", [3; 32])).await.unwrap();
    for token in [1, 2] {
        let found = store.check_invite([token; 32], Stamp(0)).await.unwrap();
        assert_eq!(found, None);
        let late = store.change(register_with("tybalt", [token; 32])).await;
        assert_eq!(late, Err(ChangeError::Token));
    }
    let later = Invite {
        setup: true,
        ..invite(4)
    };
    store.save_invite(later).await.unwrap();
    let late = store.change(register_with("tybalt", [4; 32])).await;
    assert_eq!(late, Err(ChangeError::Token));
}

// proves: RG-04 RG-05
pub(crate) async fn reserved_names_belong_to_their_token(store: &impl Store, script: &Script) {
    script.set(5_000);
    let reserved = Invite {
        reserved: Some("romeo".to_owned()),
        ..invite(1)
    };
    store.save_invite(reserved).await.unwrap();
    store.save_invite(invite(2)).await.unwrap();
    for (name, token, refused) in [
        ("tybalt", 1, Some(ChangeError::Token)),
        ("romeo", 2, Some(ChangeError::Exists)),
        ("romeo", 1, None),
        ("benvolio", 2, None),
    ] {
        let result = store.change(register_with(name, [token; 32])).await;
        assert_eq!(result.err(), refused, "{name}");
    }
}

// proves: RG-03 RG-07
pub(crate) async fn expired_tokens_are_not_valid(store: &impl Store, script: &Script) {
    store.save_invite(invite(1)).await.unwrap();
    let check = |now| store.check_invite([1; 32], Stamp(now));
    assert!(check(10_000).await.unwrap().is_some());
    assert!(check(10_001).await.unwrap().is_none());
    assert_eq!(store.check_invite([9; 32], Stamp(0)).await.unwrap(), None);
    // What was checked in time may end a little late.
    script.set(10_001);
    store.change(register_with("romeo", [1; 32])).await.unwrap();
}

// proves: RG-03
pub(crate) async fn a_failed_registration_does_not_use_the_token_up(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo"]).await;
    store.save_invite(invite(1)).await.unwrap();
    let taken = store.change(register_with("romeo", [1; 32])).await;
    assert_eq!(taken, Err(ChangeError::Exists));
    store
        .change(register_with("juliet", [1; 32]))
        .await
        .unwrap();
    let used = store.change(register_with("romeo", [1; 32])).await;
    assert_eq!(used, Err(ChangeError::Token));
}

// proves: RG-08
pub(crate) async fn inviter_and_invited_become_contacts(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    let named = Contact {
        item: Item {
            name: Some("Jule".to_owned()),
            ask: true,
            ..Item::new(bare("juliet"))
        },
        listed: true,
        request: Some("<presence/>".into()),
        ver: 4,
    };
    let change = Change::Contact {
        account: bare("romeo"),
        contact: named,
    };
    store.change(change).await.unwrap();
    let invited = Invite {
        inviter: Some(bare("romeo")),
        ..invite(1)
    };
    store.save_invite(invited).await.unwrap();
    store
        .change(register_with("juliet", [1; 32]))
        .await
        .unwrap();
    for (name, other, called, ver) in [
        ("romeo", "juliet", Some("Jule"), 5),
        ("juliet", "romeo", None, 1),
    ] {
        let record = store.load(&bare(name)).await.unwrap().unwrap();
        let contact = Contact {
            item: Item {
                name: called.map(str::to_owned),
                subscription: Subscription::Both,
                ..Item::new(bare(other))
            },
            listed: true,
            request: None,
            ver,
        };
        assert_eq!(record.contacts, [contact], "{name}");
        assert_eq!(record.roster_ver, ver);
    }
    // Who is gone by then gets nothing, and the account is made all the same.
    let gone = Invite {
        inviter: Some(bare("tybalt")),
        ..invite(2)
    };
    store.save_invite(gone).await.unwrap();
    store.change(register_with("nurse", [2; 32])).await.unwrap();
    let record = store.load(&bare("nurse")).await.unwrap();
    assert_eq!(record, Some(AccountRecord::default()));
}

// proves: RG-06 LIM-16
pub(crate) async fn an_account_has_so_many_open_invitations(store: &impl Store, script: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let by = |name: &str, token: u8| Change::Invite {
        invite: Invite {
            inviter: Some(bare(name)),
            ..invite(token)
        },
        max: 2,
    };
    script.set(5_000);
    for (name, token, refused) in [
        ("romeo", 1, None),
        ("romeo", 2, None),
        ("romeo", 3, Some(ChangeError::Full)),
        ("juliet", 4, None),
        ("tybalt", 5, Some(ChangeError::NoAccount)),
    ] {
        let result = store.change(by(name, token)).await;
        assert_eq!(result.err(), refused, "{name} {token}");
        let found = store.check_invite([token; 32], Stamp(0)).await.unwrap();
        assert_eq!(found.is_some(), refused.is_none(), "{name} {token}");
    }
    // One that is used or expired makes room.
    store.change(register_with("nurse", [1; 32])).await.unwrap();
    store.change(by("romeo", 3)).await.unwrap();
    assert_eq!(store.change(by("romeo", 6)).await, Err(ChangeError::Full));
    script.set(10_001);
    store.change(by("romeo", 6)).await.unwrap();
}

// proves: RG-09
pub(crate) async fn an_invitation_accepts_a_contact_once(store: &impl Store, script: &Script) {
    register(store, &["romeo", "juliet"]).await;
    for token in [1, 2] {
        let invited = Invite {
            inviter: Some(bare("romeo")),
            ..invite(token)
        };
        store.save_invite(invited).await.unwrap();
    }
    store.save_invite(invite(3)).await.unwrap();
    let accept = |name: &str, contact: &str, token: u8, ver| Change::Accept {
        account: bare(name),
        contact: Contact {
            item: Item {
                subscription: Subscription::From,
                ask: true,
                ..Item::new(bare(contact))
            },
            listed: true,
            request: None,
            ver,
        },
        token: [token; 32],
    };
    script.set(10_000);
    for (change, refused) in [
        (accept("juliet", "nurse", 1, 1), Some(ChangeError::Token)),
        (accept("romeo", "juliet", 3, 1), Some(ChangeError::Token)),
        (accept("romeo", "juliet", 9, 1), Some(ChangeError::Token)),
        (accept("romeo", "juliet", 1, 1), None),
        (accept("romeo", "nurse", 1, 2), Some(ChangeError::Token)),
        (
            accept("tybalt", "nurse", 2, 2),
            Some(ChangeError::NoAccount),
        ),
    ] {
        assert_eq!(
            store.change(change.clone()).await.err(),
            refused,
            "{change:?}"
        );
    }
    let record = store.load(&bare("romeo")).await.unwrap().unwrap();
    let names: Vec<_> = record.contacts.into_iter().map(|c| c.item.jid).collect();
    assert_eq!((names, record.roster_ver), (vec![bare("juliet")], 1));
    assert_eq!(
        store.load(&bare("juliet")).await.unwrap().unwrap().contacts,
        []
    );
    script.set(10_001);
    let late = store.change(accept("romeo", "nurse", 2, 2)).await;
    assert_eq!(late, Err(ChangeError::Token));
}

// proves: RO-04 RO-06
pub(crate) async fn contacts_come_back_as_they_were_written(store: &impl Store, _: &Script) {
    register(store, &["romeo"]).await;
    let account = bare("romeo");
    let full = Contact {
        item: Item {
            jid: bare("juliet"),
            name: Some("Jülchen 'J'".to_owned()),
            subscription: Subscription::From,
            ask: true,
            approved: true,
            groups: vec!["Capulets".to_owned(), "a \"b\", c".to_owned()],
        },
        listed: false,
        request: Some(message("juliet", "romeo", "let me in")),
        ver: 7,
    };
    let plain = Contact {
        item: Item::new(bare("nurse")),
        listed: true,
        request: None,
        ver: 8,
    };
    let changed = Contact {
        ver: 9,
        ..full.clone()
    };
    for (contact, ver) in [(full, 7), (plain.clone(), 8), (changed.clone(), 9)] {
        let account = account.clone();
        let change = Change::Contact { account, contact };
        store.change(change).await.unwrap();
        let record = store.load(&bare("romeo")).await.unwrap().unwrap();
        assert_eq!(record.roster_ver, ver);
    }
    let record = store.load(&account).await.unwrap().unwrap();
    assert_eq!(record.contacts, [changed, plain]);
}

// proves: INV-05 S11-18
pub(crate) async fn a_name_registered_anew_starts_with_an_empty_log(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo", "juliet"]).await;
    let mut old = Vec::new();
    for n in 0..5 {
        let one = with_id(append("juliet/hall", "romeo", "x"), &format!("m{n}"));
        old.push(sent(&store_one(store, one).await).1);
        let one = append("romeo/phone", "juliet", "y");
        old.push(received(&store_one(store, one).await).1);
    }
    let account = bare("juliet");
    store.change(Change::Delete { account }).await.unwrap();
    register(store, &["juliet"]).await;
    let all = |of, with: &str| {
        let filter = Filter {
            with: Some(bare(with).into()),
            ..Filter::default()
        };
        store.page(query(of, Paging::Forward, 100, filter))
    };
    assert_eq!(store.load(&bare("juliet")).await.unwrap().unwrap().head, 0);
    assert_eq!(store.ends(&bare("juliet")).await.unwrap(), None);
    assert_eq!(all("juliet", "romeo").await.unwrap().entries, []);
    for id in &old {
        let filter = Filter {
            ids: vec![id.clone()],
            ..Filter::default()
        };
        let page = store.page(query("juliet", Paging::Forward, 10, filter));
        assert_eq!(page.await, Err(ReadError::UnknownId));
    }
    let one = with_id(append("juliet/hall", "romeo", "z"), "m0");
    let receipt = store_one(store, one).await;
    assert_eq!((sent(&receipt).0, received(&receipt).0), (1, 11));
    let reply = store_one(store, append("romeo/phone", "juliet", "who?")).await;
    assert!(!old.contains(&received(&reply).1));
    assert_eq!(positions(&all("juliet", "romeo").await.unwrap()), [1, 2]);
    // Romeo keeps what both have written him.
    let talk = all("romeo", "juliet").await.unwrap();
    assert_eq!(positions(&talk), (1..=12).collect::<Vec<_>>());
}
