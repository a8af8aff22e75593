//! Kept keys log in again, and cannot be read out.

#![expect(clippy::unwrap_used, reason = "tests")]

use protocol::BareJid;
use protocol::scram::{ClientKeys, ScramHash};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web::keys;

wasm_bindgen_test_configure!(run_in_browser);

// proves: AU-32
#[wasm_bindgen_test]
async fn keys_come_back_as_they_were_until_they_are_forgotten() {
    for (name, hash) in [("new", ScramHash::Sha256), ("old", ScramHash::Sha1)] {
        let account = BareJid::new(&format!("{name}@montague.example")).unwrap();
        let salt = b"a salt of some length".to_vec();
        let salted = hash.salted_password("wherefore", &salt, 4_096);
        let made = ClientKeys::of_salted(hash, &salted, salt, 4_096);
        keys::forget(&account).await.unwrap();
        assert!(keys::load(&account).await.unwrap().is_none());
        keys::keep(&account, &made, &salted).await.unwrap();
        assert!(keys::load(&account).await.unwrap() == Some(made));
        keys::forget(&account).await.unwrap();
        assert!(keys::load(&account).await.unwrap().is_none());
    }
}
