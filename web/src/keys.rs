//! Keys that log a new tab in without a password, and that nobody can read out (AU-32).
//!
//! What is kept is a non-extractable `CryptoKey` over SaltedPassword in a database that the tabs of
//! the profile share. A key that is stolen from the disk image of a browser is out of scope; a key
//! that is read by a script is not possible.

use indexed_db_futures::database::Database;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::TransactionMode;
use js_sys::{Array, Object, Reflect, Uint8Array};
use protocol::BareJid;
use protocol::scram::{CLIENT_KEY_LABEL, ClientKeys, SERVER_KEY_LABEL, ScramHash};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, SubtleCrypto};

use crate::browser;
use crate::error::WebError;

const DATABASE: &str = "balcony:profile";
const VERSION: u8 = 1;
const KEYS: &str = "keys";

/// Keeps the keys of a login by password; does nothing where the browser has no safe place for them.
///
/// # Errors
/// [`WebError`] if the browser refuses to import or store the key.
pub async fn keep(
    account: &BareJid,
    keys: &ClientKeys,
    salted_password: &[u8],
) -> Result<(), WebError> {
    let Some(subtle) = subtle() else {
        return Ok(());
    };
    let key = import(&subtle, keys.hash, salted_password).await?;
    let record = Object::new();
    set(&record, "key", &key)?;
    set(&record, "salt", &Uint8Array::from(keys.salt.as_slice()))?;
    set(&record, "iterations", &keys.iterations.into())?;
    set(&record, "mechanism", &keys.hash.mechanism().into())?;

    let db = open().await?;
    let tx = db
        .transaction(KEYS)
        .with_mode(TransactionMode::Readwrite)
        .build()?;
    tx.object_store(KEYS)?
        .put(JsValue::from(record))
        .with_key(account.to_string())
        .without_key_type()
        .primitive()?;
    tx.commit().await?;
    db.close();
    Ok(())
}

/// The keys of an account, if they were kept.
///
/// # Errors
/// [`WebError`] if the profile's database cannot be read or the key cannot be used.
pub async fn load(account: &BareJid) -> Result<Option<ClientKeys>, WebError> {
    let Some(subtle) = subtle() else {
        return Ok(None);
    };
    let db = open().await?;
    let tx = db.transaction(KEYS).build()?;
    let record: Option<JsValue> = tx
        .object_store(KEYS)?
        .get(account.to_string())
        .primitive()?
        .await?;
    tx.commit().await?;
    db.close();
    match record {
        Some(record) => derive(&subtle, &record).await,
        None => Ok(None),
    }
}

/// Forgets the keys of an account.
///
/// # Errors
/// [`WebError`] if the profile's database cannot be written.
pub async fn forget(account: &BareJid) -> Result<(), WebError> {
    let db = open().await?;
    let tx = db
        .transaction(KEYS)
        .with_mode(TransactionMode::Readwrite)
        .build()?;
    tx.object_store(KEYS)?
        .delete(account.to_string())
        .primitive()?;
    tx.commit().await?;
    db.close();
    Ok(())
}

async fn open() -> Result<Database, WebError> {
    Ok(Database::open(DATABASE)
        .with_version(VERSION)
        .with_on_upgrade_needed(|event, db| {
            if event.old_version() < 1.0 {
                db.create_object_store(KEYS).build()?;
            }
            Ok(())
        })
        .await?)
}

/// WebCrypto exists only in secure contexts: https and localhost.
fn subtle() -> Option<SubtleCrypto> {
    let crypto = browser::window().crypto().ok()?;
    Reflect::get(&crypto, &"subtle".into())
        .ok()?
        .dyn_into()
        .ok()
}

fn hash_name(hash: ScramHash) -> &'static str {
    match hash {
        ScramHash::Sha1 => "SHA-1",
        ScramHash::Sha256 => "SHA-256",
    }
}

async fn import(
    subtle: &SubtleCrypto,
    hash: ScramHash,
    salted_password: &[u8],
) -> Result<CryptoKey, WebError> {
    let algorithm = Object::new();
    set(&algorithm, "name", &"HMAC".into())?;
    set(&algorithm, "hash", &hash_name(hash).into())?;
    let raw = Uint8Array::from(salted_password);
    let usages = Array::of1(&"sign".into());
    let key = subtle
        .import_key_with_object("raw", &raw, &algorithm, false, &usages)
        .map_err(|error| WebError::thrown(&error))?;
    let key = JsFuture::from(key)
        .await
        .map_err(|error| WebError::thrown(&error))?;
    Ok(key.unchecked_into())
}

/// Makes the login keys by letting the browser sign their labels.
async fn derive(subtle: &SubtleCrypto, record: &JsValue) -> Result<Option<ClientKeys>, WebError> {
    let field = |name: &str| Reflect::get(record, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let hash = field("mechanism")
        .as_string()
        .and_then(|mechanism| ScramHash::of_mechanism(&mechanism));
    let (Some(hash), Some(iterations), Ok(key), Ok(salt)) = (
        hash,
        field("iterations").as_f64(),
        field("key").dyn_into::<CryptoKey>(),
        field("salt").dyn_into::<Uint8Array>(),
    ) else {
        return Ok(None);
    };
    Ok(Some(ClientKeys {
        hash,
        salt: salt.to_vec(),
        iterations: iterations as u32,
        client_key: sign(subtle, &key, CLIENT_KEY_LABEL).await?,
        server_key: sign(subtle, &key, SERVER_KEY_LABEL).await?,
    }))
}

async fn sign(subtle: &SubtleCrypto, key: &CryptoKey, label: &str) -> Result<Vec<u8>, WebError> {
    let signature = subtle
        .sign_with_str_and_u8_array("HMAC", key, label.as_bytes())
        .map_err(|error| WebError::thrown(&error))?;
    let signature = JsFuture::from(signature)
        .await
        .map_err(|error| WebError::thrown(&error))?;
    Ok(Uint8Array::new(&signature).to_vec())
}

fn set(object: &Object, key: &str, value: &JsValue) -> Result<(), WebError> {
    Reflect::set(object, &key.into(), value)
        .map(|_| ())
        .map_err(|error| WebError::thrown(&error))
}
