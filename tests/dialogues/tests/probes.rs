//! What a stranger learns by trying, what ids look like, and what `<resend/>` takes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]

use std::collections::{BTreeMap, HashSet};
use std::mem::Discriminant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dialogues::Stage;
use proptest::prelude::*;
use protocol::archive_id::is_computable;
use protocol::{BareJid, Element, IdPrefix, Now, XmlLimits, ns};
use server_core::records::{Credentials, KeyEpoch};
use server_core::{
    ConnId, Core, Identity, Input, Limits, Opening, OpeningInput, OpeningOutput, Output,
    ServerConfig,
};

fn ids(stage: &Stage, account: &str) -> Vec<String> {
    let account = BareJid::new(&format!("{account}@localhost")).unwrap();
    let entries = stage.memory().entries_after_now(&account, 0, 10_000);
    let entries = entries.unwrap();
    entries.iter().map(|entry| entry.id.to_string()).collect()
}

/// What a stranger can notice: what he is told, and how long the store is at work for it.
#[derive(Debug, PartialEq)]
struct Noticed {
    answers: Vec<String>,
    store_work: Vec<Discriminant<Output>>,
}

/// What mercutio notices when he tries everything on ids of romeo's; romeo has sent `said`.
fn probe(said: &str, tried: &str) -> Noticed {
    let mut stage = Stage::new().unwrap();
    stage.line("romeo/phone connects as s11").unwrap();
    stage
        .line(&format!(
            "romeo/phone sends <message to='juliet@…' type='chat' id='{said}'><body>x</body></message>"
        ))
        .unwrap();
    let prefix = stage.value("romeo/phone.prefix").unwrap().to_owned();
    let received = ids(&stage, "juliet").swap_remove(0);
    let resend = format!("<resend xmlns='@s11' prefix='{prefix}'/>");
    let field = |name: &str, value: &str| {
        format!(
            "<x xmlns='@data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>\
             <field var='{name}'><value>{value}</value></field></x>"
        )
    };
    let own = format!("{prefix}.{tried}");
    stage.take_store_work();
    let mut seen = Vec::new();
    for (n, frame) in [
        // The same id, to the same contact, to romeo, and to nobody.
        format!("<message to='juliet@…' type='chat' id='{tried}'><body>x</body></message>"),
        format!("<message to='romeo@…' type='chat' id='{tried}'><body>x</body></message>"),
        format!("<message to='nobody@…' type='chat' id='{tried}'><body>x</body></message>"),
        // Under romeo's prefix: the same content, and another one.
        format!("<message to='juliet@…' type='chat' id='{tried}'><body>x</body>{resend}</message>"),
        format!("<message to='juliet@…' type='chat' id='{tried}'><body>y</body>{resend}</message>"),
        // By asking the archives.
        format!(
            "<iq type='set' id='1'><query xmlns='@mam'>{}</query></iq>",
            field("ids", &own)
        ),
        format!(
            "<iq type='set' id='2'><query xmlns='@mam'>{}</query></iq>",
            field("after-id", &own)
        ),
        format!(
            "<iq type='set' id='3'><query xmlns='@mam'>{}</query></iq>",
            field("before-id", &received)
        ),
        format!(
            "<iq type='set' id='4' to='romeo@…'><query xmlns='@mam'>{}</query></iq>",
            field("ids", &own)
        ),
        format!(
            "<iq type='set' id='5' to='nobody@…'><query xmlns='@mam'>{}</query></iq>",
            field("ids", &own)
        ),
        // By naming it in a notice or as a stanza-id.
        format!(
            "<message to='romeo@…' type='chat' id='n'><body>x</body><stanza-id xmlns='@sid' by='romeo@localhost' id='{own}'/></message>"
        ),
    ]
    .iter()
    .enumerate()
    {
        // A new session each time: its own ids are no answer to what romeo's are.
        let name = format!("mercutio/{n}");
        stage.line(&format!("{name} connects as s11")).unwrap();
        stage.line(&format!("{name} sends {frame}")).unwrap();
        stage.line("2 seconds pass").unwrap();
        let answers = stage.take(&name).unwrap();
        seen.extend(answers.iter().map(|answer| {
            // What the server draws by chance is the same in both worlds; what mercutio said is not.
            answer.to_string().replace(tried, "ID")
        }));
    }
    // Nothing of it touched romeo's archive but what was addressed to him.
    let of_romeo = ids(&stage, "romeo");
    assert_eq!(of_romeo.len(), 3);
    assert_eq!(of_romeo[0], format!("{prefix}.{said}"));
    Noticed {
        answers: seen,
        store_work: stage.take_store_work(),
    }
}

// proves: S11-18 MAM-21
#[test]
fn whether_an_id_exists_makes_no_difference_to_strangers() {
    let hit = probe("m1", "m1");
    assert!(hit.answers.len() > 8 && hit.store_work.len() > 8);
    assert_eq!(hit, probe("m2", "m1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // proves: S11-21 S11-23 S11-14
    #[test]
    fn resend_takes_well_formed_prefixes_and_computable_ids_only(
        prefix in "[A-Za-z0-9_-]{22}|[A-Za-z0-9_.~ é<&'-]{0,30}",
        id in "[A-Za-z0-9._~-]{1,70}|[A-Za-z/ é<&]{0,20}",
        names_prefix in prop::bool::weighted(0.9),
    ) {
        let mut stage = Stage::new().unwrap();
        stage.line("romeo/phone connects as s11").unwrap();
        stage.line("juliet/hall connects as s11").unwrap();
        let resend = Element::new("resend", ns::S11)
            .attr_opt("prefix", names_prefix.then_some(prefix.as_str()));
        let message = Element::new("message", ns::CLIENT)
            .attr("to", "juliet@localhost")
            .attr("type", "chat")
            .attr("id", &id)
            .child(Element::new("body", ns::CLIENT).text("x"))
            .child(resend);
        let is_good = names_prefix && IdPrefix::parse(&prefix).is_some() && is_computable(&id);
        for _ in 0..2 {
            stage.send("romeo/phone", &message.to_string()).unwrap();
        }
        stage.line("romeo/phone sends <r xmlns='@sm'/>").unwrap();
        let answers = stage.take("romeo/phone").unwrap();
        prop_assert_eq!(answers.last().unwrap().get_attr("h"), Some("2"));
        let errors = answers.iter().filter(|a| a.get_attr("type") == Some("error"));
        let refused = errors.filter(|a| {
            a.find("error", ns::CLIENT).is_some_and(|e| e.find("bad-request", ns::STANZAS).is_some())
        });
        let copies = stage.take("juliet/hall").unwrap();
        if is_good {
            prop_assert_eq!(refused.count(), 0);
            prop_assert_eq!(ids(&stage, "romeo"), [format!("{prefix}.{id}")]);
            prop_assert_eq!(ids(&stage, "juliet").len(), 1);
            prop_assert_eq!(copies.len(), 1);
            prop_assert!(copies[0].find("resend", ns::S11).is_none());
        } else {
            prop_assert_eq!(refused.count(), 2);
            prop_assert!(ids(&stage, "romeo").is_empty());
            prop_assert!(copies.is_empty());
        }
    }
}

fn config() -> ServerConfig {
    ServerConfig {
        domain: "localhost".into(),
        open_registration: false,
        allow_plain: false,
        secret: [7; 32],
        web: None,
        limits: Limits::default(),
    }
}

fn now() -> Now {
    Now {
        mono_ms: 1,
        wall_ms: 1,
    }
}

/// The frames that a core sends for a connection which sends `frames`.
fn answers(core: &mut Core, conn: ConnId, frames: &[&str]) -> Vec<Element> {
    answers_at(now(), core, conn, frames)
}

/// The same at another time.
fn answers_at(now: Now, core: &mut Core, conn: ConnId, frames: &[&str]) -> Vec<Element> {
    let account = BareJid::new("romeo@localhost").unwrap();
    let mut inputs = vec![Input::Attached {
        conn,
        identity: Identity {
            account,
            epoch: KeyEpoch::default(),
        },
        inline: None,
    }];
    inputs.extend(frames.iter().map(|text| Input::Frame {
        conn,
        text: (*text).into(),
    }));
    let mut sent = Vec::new();
    for input in inputs {
        core.handle(input, now);
        while let Some(output) = core.poll() {
            if let Output::ReadCredentials { ticket, .. } = output {
                let result = Ok(Some(Credentials {
                    keys: Vec::new(),
                    epoch: KeyEpoch::default(),
                    disabled: false,
                }));
                core.handle(Input::Credentials { ticket, result }, now);
            } else if let Output::Load { account } = output {
                let result = Ok(Some(server_core::records::AccountRecord::default()));
                core.handle(Input::Loaded { account, result }, now);
            } else if let Output::Send { frame, .. } = output {
                sent.push(Element::parse(&frame, XmlLimits::AFTER_LOGIN).unwrap());
            }
        }
    }
    core.handle(Input::Lost { conn }, now);
    while core.poll().is_some() {}
    sent
}

fn bits_of(prefix: &str) -> u128 {
    assert!(IdPrefix::parse(prefix).is_some());
    let bytes = URL_SAFE_NO_PAD.decode(prefix).unwrap();
    u128::from_be_bytes(bytes.try_into().unwrap())
}

// proves: S11-03
#[test]
fn a_hundred_thousand_prefixes_look_like_chance() {
    const COUNT: u32 = 100_000;
    let mut core = Core::new(config(), [3; 32]);
    let mut seen = HashSet::new();
    let mut ones = [0_u32; 128];
    let mut changes = [0_u32; 128];
    let mut last = None;
    for n in 0..u64::from(COUNT) {
        let enable = "<enable xmlns='urn:x-balcony:s11:0'/>";
        let enabled = answers(&mut core, ConnId(n), &[enable]).swap_remove(0);
        let bits = bits_of(enabled.get_attr("prefix").unwrap());
        assert!(seen.insert(bits), "never twice");
        for (bit, (ones, changes)) in ones.iter_mut().zip(&mut changes).enumerate() {
            *ones += u32::from(bits >> bit & 1 == 1);
            *changes += u32::from((bits ^ last.unwrap_or(bits)) >> bit & 1 == 1);
        }
        last = Some(bits);
    }
    // Each bit, and whether it differs from the one before, is a fair coin: within six deviations
    // of half, √100,000 / 2 = 158 each.
    for count in ones.iter().chain(&changes) {
        assert!(count.abs_diff(COUNT / 2) < 6 * 158, "{count}");
    }
}

// proves: S11-03
#[test]
fn prefixes_come_from_chance_alone_and_not_from_the_clock() {
    let prefix_of = |seed: [u8; 32], now: Now| {
        let mut core = Core::new(config(), seed);
        let enable = "<enable xmlns='urn:x-balcony:s11:0'/>";
        let enabled = answers_at(now, &mut core, ConnId(1), &[enable]).swap_remove(0);
        bits_of(enabled.get_attr("prefix").unwrap())
    };
    let later = Now {
        mono_ms: 86_400_000,
        wall_ms: 1_795_341_600_123,
    };
    assert_eq!(prefix_of([3; 32], now()), prefix_of([3; 32], later));
    assert_ne!(prefix_of([3; 32], now()), prefix_of([4; 32], now()));
}

/// Takes each piece of eight characters for one owner; nobody else may have it.
fn claim(owner: &mut BTreeMap<String, String>, id: &str, whose: &str) {
    assert!(id.len() >= 22, "128 bits: {id}");
    for start in 0..=id.len() - 8 {
        let part = id[start..start + 8].to_owned();
        if let Some(other) = owner.insert(part, whose.to_owned()) {
            assert_eq!(other, whose, "share eight characters");
        }
    }
}

// proves: S11-03 SM-14
#[test]
fn tokens_have_nothing_in_common_with_ids_and_prefixes() {
    let mut owner = BTreeMap::new();
    let mut stage = Stage::new().unwrap();
    let login = "romeo/phone authenticates with <user-agent id='ua-1'/><bind xmlns='@bind2'>\
                 <enable xmlns='@sm' resume='true'/><enable xmlns='@s11'/></bind>\
                 <request-token xmlns='@fast' mechanism='HT-SHA-256-NONE'/>";
    for n in 0..100 {
        stage.line(login).unwrap();
        let success = stage.take("romeo/phone").unwrap().swap_remove(0);
        let bound = success.find("bound", ns::BIND2).unwrap();
        let value = |element: &Element, name, ns, attribute| {
            let found = element.find(name, ns).unwrap();
            found.get_attr(attribute).unwrap().to_owned()
        };
        for (what, id) in [
            ("token", value(&success, "token", ns::FAST, "token")),
            ("prefix", value(bound, "enabled", ns::S11, "prefix")),
            ("SM-ID", value(bound, "enabled", ns::SM, "id")),
        ] {
            claim(&mut owner, &id, &format!("{what} {n}"));
        }
        stage.line("1 seconds pass").unwrap();
    }
}

// proves: S11-03 WS-10 SM-14
#[test]
fn stream_ids_sm_ids_and_prefixes_have_nothing_in_common() {
    let mut core = Core::new(config(), [4; 32]);
    let mut owner: BTreeMap<String, String> = BTreeMap::new();
    let mut claim = |id: &str, whose: String| claim(&mut owner, id, &whose);
    for n in 0..2_000_u64 {
        let frames = [
            "<enable xmlns='urn:x-balcony:s11:0'/>",
            "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
            "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
        ];
        let answers = answers(&mut core, ConnId(n), &frames);
        let enabled = |ns| answers.iter().find(|a| a.is("enabled", ns)).unwrap();
        claim(
            enabled(ns::S11).get_attr("prefix").unwrap(),
            format!("prefix {n}"),
        );
        claim(
            enabled(ns::SM).get_attr("id").unwrap(),
            format!("SM-ID {n}"),
        );
        // Sessions stay; the next needs room.
        core.handle(
            Input::Revoked {
                account: BareJid::new("romeo@localhost").unwrap(),
            },
            now(),
        );
        while core.poll().is_some() {}
    }
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
    for n in 0..10_000_u32 {
        let mut seed = [5; 32];
        seed[..4].copy_from_slice(&n.to_be_bytes());
        let mut opening = Opening::new(config(), seed, now());
        opening.handle(OpeningInput::Frame(open.into()), now());
        let Some(OpeningOutput::Send(frame)) = opening.poll() else {
            panic!("no answer")
        };
        let answer = Element::parse(&frame, XmlLimits::BEFORE_LOGIN).unwrap();
        claim(answer.get_attr("id").unwrap(), format!("stream {n}"));
    }
}
