//! Tokens with which devices log in.

use protocol::BareJid;
use protocol::fast::TokenKeys;
use protocol::time::Stamp;
use server_core::records::{Change, ChangeError};
use server_core::tokens::{
    DeviceId, DeviceRecord, DeviceTokens, LINKS_MAX, Proof, StoredToken, TokenUse,
};

use super::tools::{Script, bare, quick_keys, register};
use crate::Store;
use crate::limits::{LINK_MEMORY_MS, TOKEN_MEMORY_MS, TOKENS_PER_ACCOUNT};

const PHONE: DeviceId = DeviceId([1; 32]);
const LAPTOP: DeviceId = DeviceId([2; 32]);

fn token(secret: &str) -> StoredToken {
    StoredToken {
        keys: TokenKeys::of_secret(secret),
        made: Stamp(1_000),
        expires: Stamp(i64::MAX),
        used: false,
    }
}

fn by_password() -> Proof {
    Proof::Password(quick_keys().remove(0).stored_key)
}

fn by_token(secret: &str) -> Proof {
    Proof::Token(TokenKeys::of_secret(secret).verifier)
}

fn login(proof: Proof, issue: Option<StoredToken>) -> TokenUse {
    TokenUse {
        account: bare("romeo"),
        device: PHONE,
        name: None,
        proof,
        invalidate: false,
        issue,
    }
}

async fn change(store: &impl Store, token_use: TokenUse) -> Result<(), ChangeError> {
    store.change(Change::UseToken(Box::new(token_use))).await
}

/// The tokens of romeo's device: verifier and whether it was used.
async fn slots(store: &impl Store, device: DeviceId) -> Vec<([u8; 32], bool)> {
    let found = store.tokens(&bare("romeo"), device).await.unwrap().unwrap();
    let tokens = found.tokens.iter();
    tokens
        .map(|token| (token.keys.verifier, token.used))
        .collect()
}

fn slot(secret: &str, used: bool) -> ([u8; 32], bool) {
    (TokenKeys::of_secret(secret).verifier, used)
}

// proves: AU-25
pub(crate) async fn a_token_belongs_to_one_device_of_one_account(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let issued = token("one");
    change(store, login(by_password(), Some(issued.clone())))
        .await
        .unwrap();
    let found = |account: BareJid, device| async move { store.tokens(&account, device).await };
    let of_phone = found(bare("romeo"), PHONE).await.unwrap().unwrap();
    let expected = DeviceTokens {
        tokens: vec![issued],
        ..of_phone.clone()
    };
    assert_eq!(of_phone, expected);
    assert!(!of_phone.disabled);
    for (name, device) in [("romeo", LAPTOP), ("juliet", PHONE)] {
        let none = found(bare(name), device).await.unwrap().unwrap();
        assert_eq!(none.tokens, []);
    }
    assert_eq!(found(bare("nobody"), PHONE).await.unwrap(), None);
}

// proves: AU-29
pub(crate) async fn keys_are_of_another_epoch_after_each_change(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let of = |name: &'static str| async move {
        let keys = store.credentials(&bare(name)).await.unwrap().unwrap().epoch;
        let tokens = store
            .tokens(&bare(name), PHONE)
            .await
            .unwrap()
            .unwrap()
            .epoch;
        assert_eq!(keys, tokens);
        keys
    };
    let of_juliet = of("juliet").await;
    let mut epochs = vec![of("romeo").await];
    let account = bare("romeo");
    let keys = quick_keys();
    // A login changes nothing, whatever it does to its device's tokens.
    change(store, login(by_password(), Some(token("one"))))
        .await
        .unwrap();
    let mut invalidating = login(by_token("one"), None);
    invalidating.invalidate = true;
    change(store, invalidating).await.unwrap();
    assert_eq!(of("romeo").await, epochs[0]);
    for made in [
        Change::SetKeys {
            account: account.clone(),
            keys: keys.clone(),
        },
        Change::RevokeTokens {
            account: account.clone(),
            device: None,
        },
        Change::RevokeTokens {
            account: account.clone(),
            device: Some(PHONE),
        },
    ] {
        store.change(made).await.unwrap();
        epochs.push(of("romeo").await);
    }
    store
        .change(Change::Delete {
            account: account.clone(),
        })
        .await
        .unwrap();
    register(store, &["romeo"]).await;
    epochs.push(of("romeo").await);
    let distinct = epochs.iter().map(|epoch| epoch.0);
    let distinct: std::collections::BTreeSet<_> = distinct.collect();
    assert_eq!(distinct.len(), epochs.len());
    assert_eq!(of("juliet").await, of_juliet);
}

// proves: AU-26
pub(crate) async fn the_next_token_stands_beside_the_old_one_until_it_is_used(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo"]).await;
    change(store, login(by_password(), Some(token("one"))))
        .await
        .unwrap();
    assert_eq!(slots(store, PHONE).await, [slot("one", false)]);
    let rotate = |to: &str| login(by_token("one"), Some(token(to)));
    change(store, rotate("lost")).await.unwrap();
    assert_eq!(
        slots(store, PHONE).await,
        [slot("lost", false), slot("one", true)]
    );
    change(store, rotate("two")).await.unwrap();
    assert_eq!(
        slots(store, PHONE).await,
        [slot("two", false), slot("one", true)]
    );
    change(store, login(by_token("one"), None)).await.unwrap();
    assert_eq!(
        slots(store, PHONE).await,
        [slot("two", false), slot("one", true)]
    );
    change(store, login(by_token("two"), None)).await.unwrap();
    assert_eq!(slots(store, PHONE).await, [slot("two", true)]);
    for gone in ["one", "lost", "never"] {
        let refused = change(store, login(by_token(gone), Some(token("three")))).await;
        assert_eq!(refused, Err(ChangeError::Token), "{gone}");
    }
    assert_eq!(slots(store, PHONE).await, [slot("two", true)]);
}

// proves: AU-28
pub(crate) async fn invalidating_takes_all_tokens_of_the_device_and_leaves_a_fresh_one(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo"]).await;
    let on_laptop = TokenUse {
        device: LAPTOP,
        ..login(by_password(), Some(token("laptop")))
    };
    change(store, on_laptop).await.unwrap();
    for (issue, left) in [(None, vec![]), (Some("two"), vec![slot("two", false)])] {
        change(store, login(by_password(), Some(token("one"))))
            .await
            .unwrap();
        let invalidating = TokenUse {
            invalidate: true,
            ..login(by_token("one"), issue.map(token))
        };
        change(store, invalidating).await.unwrap();
        assert_eq!(slots(store, PHONE).await, left);
    }
    assert_eq!(slots(store, LAPTOP).await, [slot("laptop", false)]);
}

// proves: AU-29
pub(crate) async fn a_new_password_ends_all_tokens_and_logins_that_are_under_way(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo"]).await;
    change(store, login(by_password(), Some(token("one"))))
        .await
        .unwrap();
    let mut keys = quick_keys();
    keys.iter_mut()
        .for_each(|keys| keys.stored_key = vec![9; 32]);
    let account = bare("romeo");
    store
        .change(Change::SetKeys { account, keys })
        .await
        .unwrap();
    assert_eq!(slots(store, PHONE).await, []);
    for proof in [by_password(), by_token("one")] {
        let late = change(store, login(proof, Some(token("two")))).await;
        assert_eq!(late, Err(ChangeError::Token));
    }
    assert_eq!(slots(store, PHONE).await, []);
}

// proves: AU-29
pub(crate) async fn tokens_are_revoked_by_device_by_account_and_with_the_account(
    store: &impl Store,
    _: &Script,
) {
    let issue_both = || async {
        for device in [PHONE, LAPTOP] {
            let login = login(by_password(), Some(token("one")));
            change(store, TokenUse { device, ..login }).await.unwrap();
        }
    };
    let account = bare("romeo");
    let revoke = |device| Change::RevokeTokens {
        account: bare("romeo"),
        device,
    };
    register(store, &["romeo"]).await;
    issue_both().await;
    store.change(revoke(Some(PHONE))).await.unwrap();
    assert_eq!(slots(store, PHONE).await, []);
    assert_eq!(slots(store, LAPTOP).await, [slot("one", false)]);
    issue_both().await;
    store.change(revoke(None)).await.unwrap();
    assert_eq!(slots(store, PHONE).await, []);
    assert_eq!(slots(store, LAPTOP).await, []);
    issue_both().await;
    store.change(Change::Delete { account }).await.unwrap();
    let gone = change(store, login(by_token("one"), None)).await;
    assert_eq!(gone, Err(ChangeError::NoAccount));
    assert_eq!(
        store.change(revoke(None)).await,
        Err(ChangeError::NoAccount)
    );
    register(store, &["romeo"]).await;
    assert_eq!(slots(store, PHONE).await, []);
}

pub(crate) async fn expired_and_very_many_tokens_are_forgotten(
    store: &impl Store,
    script: &Script,
) {
    register(store, &["romeo"]).await;
    let device = |n: usize| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        DeviceId(bytes)
    };
    let now = script.clock()();
    let old = StoredToken {
        expires: Stamp(now.0 - TOKEN_MEMORY_MS - 1),
        ..token("old")
    };
    change(store, login(by_password(), Some(old)))
        .await
        .unwrap();
    assert_eq!(slots(store, PHONE).await, []);
    for n in 0..=TOKENS_PER_ACCOUNT {
        let token = StoredToken {
            made: Stamp(1_000 + n as i64),
            ..token("one")
        };
        let login = login(by_password(), Some(token));
        let device = device(n);
        change(store, TokenUse { device, ..login }).await.unwrap();
    }
    assert_eq!(slots(store, device(0)).await, []);
    assert_eq!(slots(store, device(1)).await, [slot("one", false)]);
    assert_eq!(
        slots(store, device(TOKENS_PER_ACCOUNT)).await,
        [slot("one", false)]
    );
}

fn link(secret: &str, made: i64) -> Change {
    Change::LinkDevice {
        account: bare("romeo"),
        link: StoredToken {
            made: Stamp(made),
            expires: Stamp(made + 600_000),
            ..token(secret)
        },
    }
}

/// Verifiers of romeo's links.
async fn links(store: &impl Store) -> Vec<[u8; 32]> {
    let found = store.tokens(&bare("romeo"), PHONE).await.unwrap().unwrap();
    let mut links: Vec<_> = found.links.iter().map(|l| l.keys.verifier).collect();
    links.sort_unstable();
    links
}

fn verifiers(secrets: &[&str]) -> Vec<[u8; 32]> {
    let of = |secret: &&str| TokenKeys::of_secret(secret).verifier;
    let mut verifiers: Vec<_> = secrets.iter().map(of).collect();
    verifiers.sort_unstable();
    verifiers
}

// proves: SEC-32
pub(crate) async fn a_link_makes_one_device(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    store.change(link("one", 0)).await.unwrap();
    assert_eq!(links(store).await, verifiers(&["one"]));
    let found = store.tokens(&bare("juliet"), PHONE).await.unwrap().unwrap();
    assert_eq!(found.links, []);
    let by_link = |device, secret: &str| TokenUse {
        device,
        name: Some("Laptop".into()),
        ..login(
            Proof::Link(TokenKeys::of_secret("one").verifier),
            Some(token(secret)),
        )
    };
    let by_other = TokenUse {
        account: bare("juliet"),
        ..by_link(LAPTOP, "theirs")
    };
    assert_eq!(change(store, by_other).await, Err(ChangeError::Token));
    change(store, by_link(LAPTOP, "own")).await.unwrap();
    assert_eq!(slots(store, LAPTOP).await, [slot("own", false)]);
    assert_eq!(links(store).await, verifiers(&[]));
    for device in [LAPTOP, PHONE] {
        let again = change(store, by_link(device, "again")).await;
        assert_eq!(again, Err(ChangeError::Token));
    }
    let known = store.devices(&bare("romeo")).await.unwrap();
    assert_eq!(known[0].name.as_deref(), Some("Laptop"));
    let nobody = Change::LinkDevice {
        account: bare("tybalt"),
        link: token("x"),
    };
    assert_eq!(store.change(nobody).await, Err(ChangeError::NoAccount));
}

// proves: SEC-32 AU-29
pub(crate) async fn links_end_with_what_ends_tokens(store: &impl Store, script: &Script) {
    register(store, &["romeo"]).await;
    let account = bare("romeo");
    for ending in [
        Change::SetKeys {
            account: account.clone(),
            keys: quick_keys(),
        },
        Change::RevokeTokens {
            account: account.clone(),
            device: None,
        },
        Change::RevokeTokens {
            account: account.clone(),
            device: Some(LAPTOP),
        },
    ] {
        store.change(link("one", 0)).await.unwrap();
        assert_eq!(links(store).await, verifiers(&["one"]));
        store.change(ending).await.unwrap();
        assert_eq!(links(store).await, verifiers(&[]));
    }
    // The oldest of too many goes, and those that expired long ago.
    let names: Vec<_> = (0..=LINKS_MAX).map(|n| format!("link{n}")).collect();
    for (made, name) in (0..).zip(&names) {
        store.change(link(name, made)).await.unwrap();
    }
    let kept: Vec<_> = names[1..].iter().map(String::as_str).collect();
    assert_eq!(links(store).await, verifiers(&kept));
    let later = 600_000 + LINK_MEMORY_MS + 100;
    script.set(later);
    store.change(link("late", later)).await.unwrap();
    assert_eq!(links(store).await, verifiers(&["late"]));
}

// proves: SEC-67
pub(crate) async fn devices_are_known_as_long_as_they_have_tokens(
    store: &impl Store,
    script: &Script,
) {
    register(store, &["romeo", "juliet"]).await;
    let romeo = bare("romeo");
    script.set(5_000);
    let named = |device, name: &str, secret: &str| TokenUse {
        device,
        name: Some(name.into()),
        ..login(by_password(), Some(token(secret)))
    };
    change(store, named(PHONE, "Phone", "one")).await.unwrap();
    change(store, named(LAPTOP, "Laptop", "two")).await.unwrap();
    // What it calls itself later does not change its name; a person can.
    script.set(6_000);
    change(store, named(PHONE, "Other", "three")).await.unwrap();
    let rename = |device, name: &str| Change::NameDevice {
        account: romeo.clone(),
        device,
        name: name.into(),
    };
    store.change(rename(LAPTOP, "Desk")).await.unwrap();
    let unknown = store.change(rename(DeviceId([9; 32]), "Nothing")).await;
    assert_eq!(unknown, Err(ChangeError::NoItem));
    let record = |device, name: &str, last| DeviceRecord {
        device,
        name: Some(name.into()),
        first: Stamp(5_000),
        last: Stamp(last),
        expires: Stamp(i64::MAX),
    };
    let phone = record(PHONE, "Phone", 6_000);
    let laptop = record(LAPTOP, "Desk", 5_000);
    assert_eq!(
        store.devices(&romeo).await.unwrap(),
        [phone, laptop.clone()]
    );
    assert_eq!(store.devices(&bare("juliet")).await.unwrap(), []);
    assert_eq!(store.devices(&bare("nobody")).await.unwrap(), []);
    // A login without a new token, and a session, show that it is there.
    script.set(7_000);
    change(store, login(by_token("three"), None)).await.unwrap();
    let seen = record(PHONE, "Phone", 7_000);
    assert_eq!(store.devices(&romeo).await.unwrap(), [seen, laptop.clone()]);
    let revoke = |device| Change::RevokeTokens {
        account: romeo.clone(),
        device,
    };
    store.change(revoke(Some(PHONE))).await.unwrap();
    assert_eq!(store.devices(&romeo).await.unwrap(), [laptop]);
    store.change(revoke(None)).await.unwrap();
    assert_eq!(store.devices(&romeo).await.unwrap(), []);
}
