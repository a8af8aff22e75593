//! Logins and registrations, as whoever drives an opening sees them.

use anyhow::{Context as _, Result, ensure};
use protocol::sasl2::Authenticate;
use protocol::scram::{ClientExchange, ScramHash, Secret, StoredKeys};
use protocol::{Element, Now, XmlLimits, ns, sasl};
use server_core::records::{Change, Credentials, KeyEpoch};
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

/// A stream that is open, of a server where everybody may have an account.
fn opened(allow_plain: bool) -> Opening {
    let config = ServerConfig {
        domain: "localhost".into(),
        open_registration: true,
        allow_plain,
        secret: [7; 32],
        web: None,
        limits: Limits::default(),
    };
    let mut opening = Opening::new(config, [5; 32], NOW);
    hear(
        &mut opening,
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>",
    );
    opening
}

/// Logs in with a password to an account that has one or does not exist; gives what is told at last.
fn log_in(found: Option<Credentials>, password: &str) -> Result<String> {
    let mut opening = opened(false);
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

// proves: SEC-29
#[test]
fn nobody_logs_in_as_somebody_else() {
    let plain = |authzid: &str| ("PLAIN", format!("{authzid}\0romeo\0romeo"));
    let scram = |mechanism, authzid: &str| {
        let authzid = match authzid {
            "" => String::new(),
            named => format!("a={named}"),
        };
        (
            mechanism,
            format!("n,{authzid},n=romeo,r=a-nonce-of-no-meaning"),
        )
    };
    for (authzid, is_own) in [
        ("", true),
        ("romeo@localhost", true),
        ("ROMEO@localhost", true),
        ("juliet@localhost", false),
        ("romeo@elsewhere.example", false),
        ("romeo@localhost/phone", false),
        ("romeo", false),
        ("localhost", false),
        ("admin@localhost", false),
    ] {
        for (mechanism, data) in [
            plain(authzid),
            scram("SCRAM-SHA-1", authzid),
            scram("SCRAM-SHA-256", authzid),
        ] {
            let first = Some(data.clone().into_bytes());
            let authenticate = Authenticate {
                mechanism: mechanism.to_owned(),
                initial_response: first,
                ..Authenticate::default()
            };
            for frame in [
                sasl::write("auth", Some(mechanism), &data),
                authenticate.write(""),
            ] {
                let mut opening = opened(true);
                opening.handle(OpeningInput::Frame(frame.as_str().into()), NOW);
                let mut looked_up = None;
                let mut told = String::new();
                while let Some(output) = opening.poll() {
                    if let OpeningOutput::Lookup(account) = output {
                        looked_up = Some(account.to_string());
                    } else if let OpeningOutput::Send(text) = output {
                        told.push_str(&text);
                    }
                }
                let expected = is_own.then(|| "romeo@localhost".to_owned());
                assert_eq!(looked_up, expected, "{frame}: {told}");
                assert_eq!(
                    told.contains("<invalid-authzid"),
                    !is_own,
                    "{frame}: {told}"
                );
            }
        }
    }
}

/// The account that a registration makes, if it is let through.
fn registered(name: &str) -> Result<Option<String>> {
    let mut opening = opened(true);
    let field = |field: &str, value: &str| Element::new(field, ns::REGISTER).text(value);
    let query = Element::new("query", ns::REGISTER)
        .child(field("username", name))
        .child(field("password", "a password"));
    let iq = Element::new("iq", ns::CLIENT)
        .attr("type", "set")
        .attr("id", "r")
        .attr("to", "localhost")
        .child(query);
    opening.handle(OpeningInput::Frame(iq.to_string().as_str().into()), NOW);
    let keys = vec![StoredKeys::of_password(HASH, "x", vec![1; 16], 4_096)];
    let mut made = None;
    let mut told = String::new();
    while let Some(output) = opening.poll() {
        if let OpeningOutput::Hash(_) = output {
            opening.handle(OpeningInput::Hashed(keys.clone()), NOW);
        } else if let OpeningOutput::Change(change) = output {
            if let Change::Register { account, .. } = *change {
                made = Some(account.to_string());
            }
        } else if let OpeningOutput::Send(text) = output {
            told.push_str(&text);
        }
    }
    ensure!(
        made.is_some() != told.contains("<not-acceptable"),
        "{name}: {told}"
    );
    Ok(made)
}

// proves: SEC-30
#[test]
fn names_that_look_alike_are_one_name_or_none() -> Result<()> {
    let same = [
        "romeo",
        "Romeo",
        "ROMEO",
        "rOmEo",
        "ｒｏｍｅｏ",
        "ＲＯＭＥＯ",
        "Ｒomeo",
        "romeｏ",
    ];
    for name in same {
        ensure!(
            registered(name)?.as_deref() == Some("romeo@localhost"),
            "{name}"
        );
    }
    for (one, other) in [
        ("zoë", "zoe\u{308}"),
        ("zoë", "ZOË"),
        ("ångström", "\u{212b}ngström"),
        ("ガンダム", "ｶﾞﾝﾀﾞﾑ"),
        ("1234", "１２３４"),
    ] {
        ensure!(registered(one)?.is_some(), "{one}");
        ensure!(registered(one)? == registered(other)?, "{one} {other}");
    }
    // What nobody sees makes no other name.
    for name in [
        "romeo\u{200b}",
        "\u{200d}romeo",
        "ro\u{200d}meo",
        "ro\u{200c}meo",
        "ro\u{ad}meo",
        "romeo\u{2060}",
        "\u{feff}romeo",
        "romeo\u{34f}",
        "romeo\u{fe0f}",
        "romeo\u{202e}",
        "\u{2066}romeo",
        "romeo\u{180e}",
        "romeo\u{115f}",
        "ro\u{1160}meo",
        "romeo\u{3164}",
        "romeo\u{ffa0}",
        "romeo\u{17b4}",
        "romeo\u{17b5}",
        "romeo\u{2800}",
        "romeo\u{e0001}",
        "romeo\u{e0020}",
        "romeo\u{e0100}",
        "romeo\u{206a}",
        "romeo\u{61c}",
        "romeo\u{70f}",
    ] {
        let made = registered(name)?;
        let is_other = made.as_ref().is_some_and(|made| made != "romeo@localhost");
        ensure!(!is_other, "{name:?} {made:?}");
    }
    for name in [
        "",
        " ",
        "ro meo",
        "ro\u{a0}meo",
        "ro\u{2003}meo",
        "romeo\u{378}",
        "romeo\u{e000}",
        "romeo\u{10fffd}",
        "romeo\u{fdd0}",
        "romeo\u{fffe}",
        "romeo\u{fffd}",
        "romeo\u{2028}",
        "romeo\u{2029}",
        "ro\tmeo",
        "ro@meo",
        "ro/meo",
        "ro&meo",
        "ro'meo",
        "ro\"meo",
        "ro<meo",
        "ro>meo",
        "ro:meo",
        "romeo😀",
    ] {
        ensure!(registered(name)?.is_none(), "{name:?}");
    }
    Ok(())
}
