//! Accounts whose login is refused for the time being.

use anyhow::{Context as _, Result};
use protocol::scram::{ClientExchange, ScramHash, Secret, StoredKeys};
use protocol::{Element, Now, XmlLimits, sasl};
use server_core::records::{Credentials, KeyEpoch};
use server_core::{Limits, Opening, OpeningInput, OpeningOutput, ServerConfig};

const HASH: ScramHash = ScramHash::Sha256;
const NOW: Now = Now {
    mono_ms: 1,
    wall_ms: 1,
};

fn frames(opening: &mut Opening) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(output) = opening.poll() {
        if let OpeningOutput::Send(frame) = output {
            sent.push(frame.to_string());
        }
    }
    sent
}

fn hear(opening: &mut Opening, frame: &str) -> Vec<String> {
    opening.handle(OpeningInput::Frame(frame.into()), NOW);
    frames(opening)
}

/// Logs in with a password to an account that has one or does not exist; gives what is told at last.
fn log_in(found: Option<Credentials>, password: &str) -> Result<String> {
    let config = ServerConfig {
        domain: "localhost".into(),
        open_registration: false,
        allow_plain: false,
        secret: [7; 32],
        limits: Limits::default(),
    };
    let mut opening = Opening::new(config, [5; 32], NOW);
    hear(
        &mut opening,
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>",
    );
    let (client, first) = ClientExchange::new(HASH, "romeo", "a-nonce-of-no-meaning");
    hear(
        &mut opening,
        &sasl::write("auth", Some(HASH.mechanism()), &first),
    );
    opening.handle(OpeningInput::Credentials(Ok(found)), NOW);
    let challenge = frames(&mut opening).pop().context("a challenge")?;
    let challenge = Element::parse(&challenge, XmlLimits::BEFORE_LOGIN)?;
    let data = sasl::data_of(&challenge).ok().context("data")?;
    let secret = Secret::Password(password.to_owned());
    let offered = ScramHash::ALL.map(ScramHash::mechanism);
    let last = client.answer(&data, &secret, &offered)?;
    let told = hear(&mut opening, &sasl::write("response", None, &last.message));
    told.into_iter().next().context("an answer")
}

// proves: AU-10 AU-08 SEC-24
#[test]
fn only_who_knows_the_password_is_told_that_an_account_is_disabled() -> Result<()> {
    let account = |disabled| Credentials {
        keys: vec![StoredKeys::of_password(HASH, "romeo", vec![1; 16], 4_096)],
        epoch: KeyEpoch::default(),
        disabled,
    };
    let refused = log_in(None, "guess")?;
    assert!(refused.contains("<not-authorized"), "{refused}");
    for disabled in [false, true] {
        assert_eq!(log_in(Some(account(disabled)), "guess")?, refused);
    }
    let told = log_in(Some(account(true)), "romeo")?;
    assert!(told.contains("<account-disabled"), "{told}");
    let told = log_in(Some(account(false)), "romeo")?;
    assert!(told.contains("<success"), "{told}");
    Ok(())
}
