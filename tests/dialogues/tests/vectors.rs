//! The files of `docs/vectors/`, against what is shipped.

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

use dialogues::Stage;
use protocol::archive_id::is_computable;
use protocol::sm::Unacked;
use protocol::{ArchiveId, BareJid, Element, Frame, Handled, IdPrefix, Message, XmlLimits, ns};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use store::memory::Memory;

fn read<T: DeserializeOwned>(name: &str) -> T {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/vectors");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn archive(memory: &Memory, account: &str) -> Vec<String> {
    let account = BareJid::new(&format!("{account}@localhost")).unwrap();
    let entries = memory.entries_after_now(&account, 0, 1_000).unwrap();
    entries.iter().map(|entry| entry.id.to_string()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

#[derive(Deserialize)]
struct ArchiveIds {
    vectors: Vec<OwnId>,
    prefixes: Vec<Prefix>,
}

#[derive(Deserialize)]
struct OwnId {
    prefix: String,
    message_id: Option<String>,
    archive_id: Option<String>,
    why: String,
}

#[derive(Deserialize)]
struct Prefix {
    prefix: String,
    valid: bool,
    why: String,
}

// proves: S11-10 S11-11 S11-12 S11-21
#[test]
fn archive_ids() {
    let ArchiveIds { vectors, prefixes } = read("archive-ids");
    assert!(vectors.len() > 15 && prefixes.len() > 5);
    for OwnId {
        prefix,
        message_id,
        archive_id,
        why,
    } in vectors
    {
        let prefix = IdPrefix::parse(&prefix).unwrap();
        let given = message_id.as_deref().unwrap_or_default();
        let computed = ArchiveId::of_own(&prefix, given);
        let computed = computed.as_ref().map(ArchiveId::as_str);
        assert_eq!(computed, archive_id.as_deref(), "{given}: {why}");
        assert_eq!(is_computable(given), archive_id.is_some(), "{given}: {why}");

        // And so it lies in the archive.
        let mut stage = Stage::new().unwrap();
        stage.line("romeo/phone connects as s11").unwrap();
        let message = Element::new("message", ns::CLIENT)
            .attr("to", "juliet@localhost")
            .attr("type", "chat")
            .attr_opt("id", message_id.as_deref())
            .child(Element::new("body", ns::CLIENT).text("x"));
        stage.send("romeo/phone", &message.to_string()).unwrap();
        let stored = archive(stage.memory(), "romeo");
        let own = stage.value("romeo/phone.prefix").unwrap();
        let [stored] = stored.as_slice() else {
            panic!("{stored:?}")
        };
        if archive_id.is_some() {
            assert_eq!(*stored, format!("{own}.{given}"), "{why}");
        } else {
            assert!(stored.len() == 22 && !stored.contains('.'), "{why}");
        }
    }
    for Prefix { prefix, valid, why } in prefixes {
        assert_eq!(IdPrefix::parse(&prefix).is_some(), valid, "{prefix}: {why}");
    }
}

#[derive(Deserialize)]
struct Digests {
    vectors: Vec<Digest>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Digest {
    name: String,
    message: String,
    canonical: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Pair {
    first: String,
    again: String,
    verdict: String,
    why: String,
}

// proves: S11-16
#[test]
fn digests() {
    let Digests { vectors, .. } = read("digests");
    assert!(vectors.len() > 20);
    for vector in vectors {
        let name = &vector.name;
        let Ok(Frame::Stanza(mut stanza)) =
            Frame::parse(&vector.message.as_str().into(), XmlLimits::AFTER_LOGIN)
        else {
            panic!("{name} is no stanza")
        };
        if stanza.header.to == protocol::stanza::Address::Absent {
            stanza = stanza.to(BareJid::new("romeo@localhost").unwrap());
        }
        let digest = hex(&Message::of_stanza(stanza).unwrap().digest());
        let canonical = bytes_of(&vector.canonical);
        assert_eq!(hex(&Sha256::digest(canonical)), vector.sha256, "{name}");
        assert_eq!(digest, vector.sha256, "{name}");
    }
}

// proves: S11-14 S11-15 S11-16
#[test]
fn the_same_message_again_or_another_one() {
    let Digests { pairs, .. } = read("digests");
    assert!(pairs.len() > 10);
    for Pair {
        first,
        again,
        verdict,
        why,
    } in pairs
    {
        let mut stage = Stage::new().unwrap();
        stage.line("romeo/phone connects as s11").unwrap();
        let prefix = stage.value("romeo/phone.prefix").unwrap().to_owned();
        stage.send("romeo/phone", &first).unwrap();
        stage.take("romeo/phone").unwrap();
        let again = again.replace("{prefix}", &prefix);
        stage.send("romeo/phone", &again).unwrap();
        stage.line("romeo/phone sends <r xmlns='@sm'/>").unwrap();
        let frames = stage.take("romeo/phone").unwrap();
        let conflicts = |frame: &&Element| {
            let error = frame.find("error", ns::CLIENT);
            error.is_some_and(|error| error.find("conflict", ns::STANZAS).is_some())
        };
        let found = match frames.iter().find(conflicts) {
            Some(_) => "conflict",
            None => "same",
        };
        assert_eq!(found, verdict, "{why}: {frames:?}");
        let last = frames.last().unwrap();
        assert_eq!(last.get_attr("h"), Some("2"), "{why}");
        assert_eq!(archive(stage.memory(), "romeo").len(), 1, "{why}");
        for contact in ["juliet", "mercutio"] {
            let entries = archive(stage.memory(), contact).len();
            assert_eq!(entries, usize::from(contact == "juliet"), "{why}");
        }
    }
}

#[derive(Deserialize)]
struct Counters {
    acks: Vec<Ack>,
    sums: Vec<Sum>,
    texts: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Ack {
    acked: u32,
    unacked: usize,
    h: u32,
    settles: Option<usize>,
}

#[derive(Deserialize)]
struct Sum {
    h: u32,
    handled: u32,
    then: u32,
}

#[derive(Deserialize)]
struct Attribute {
    text: String,
    h: Option<u32>,
}

// proves: SM-04 SM-05 SM-06
#[test]
fn counters() {
    let Counters { acks, sums, texts } = read("counters");
    assert!(acks.len() > 20 && sums.len() > 5 && texts.len() > 10);
    for Ack {
        acked,
        unacked,
        h,
        settles,
    } in acks
    {
        let mut sent = Unacked::new(Handled(acked));
        (0..unacked).for_each(|n| sent.push(n));
        let found = sent.ack(Handled(h)).map(Iterator::count).ok();
        assert_eq!(found, settles, "{acked} + {unacked}, h {h}");
    }
    for Sum { h, handled, then } in sums {
        assert_eq!(Handled(h).plus(handled), Handled(then));
        assert_eq!(Handled(then).since(Handled(h)), handled);
    }
    for Attribute { text, h } in texts {
        assert_eq!(Handled::parse(&text), h.map(Handled), "{text}");
    }
}

#[derive(Deserialize)]
struct Forks {
    vectors: Vec<Fork>,
}

#[derive(Deserialize)]
struct Fork {
    name: String,
    from: String,
    to: String,
    #[serde(rename = "type")]
    kind: String,
    payload: String,
    archived: bool,
    copies: std::collections::BTreeMap<String, String>,
}

// proves: CC-02 CC-05 MAM-01 S11-35 S11-42 S11-43 RT-05
#[test]
fn forks() {
    let Forks { vectors } = read("forks");
    assert!(vectors.len() > 35);
    for fork in vectors {
        let name = &fork.name;
        let mut stage = Stage::new().unwrap();
        for (resource, mode) in [
            ("plain", "plain"),
            ("carbons", "carbons"),
            ("mr2", "mr2"),
            ("s11", "s11"),
            ("other", "s11"),
        ] {
            stage
                .line(&format!("romeo/{resource} connects as {mode}"))
                .unwrap();
            stage
                .line(&format!("romeo/{resource} sends <presence/>"))
                .unwrap();
        }
        stage.line("juliet/hall connects as plain").unwrap();
        for resource in fork.copies.keys() {
            stage.take(&format!("romeo/{resource}")).unwrap();
        }
        let from = match fork.from.as_str() {
            "contact" => "juliet/hall",
            "own device" => "romeo/other",
            other => panic!("{other}"),
        };
        let Fork {
            to, kind, payload, ..
        } = &fork;
        let message = format!(
            "<message xmlns='{}' to='{to}' type='{kind}' id='m1'>{payload}</message>",
            ns::CLIENT
        );
        stage.send(from, &message).unwrap();
        assert_eq!(fork.copies.len(), 4);
        for (resource, expected) in &fork.copies {
            let frames = stage.take(&format!("romeo/{resource}")).unwrap();
            let forms = frames.iter().filter(|frame| frame.name() == "message");
            let forms: Vec<_> = forms.map(|frame| form_of(frame, fork.archived)).collect();
            let expected: &[&str] = match expected.as_str() {
                "none" => &[],
                form => &[form],
            };
            assert_eq!(forms, expected, "{name}: {resource}");
        }
        let entries = archive(stage.memory(), "romeo").len();
        assert_eq!(entries, usize::from(fork.archived), "{name}");
    }
}

/// The form of a copy; what is archived has one stanza-id, what is not has none.
fn form_of(frame: &Element, archived: bool) -> &'static str {
    let wrapped = [("received", "received"), ("sent", "sent")]
        .into_iter()
        .find_map(|(name, form)| {
            let wrap = [ns::CARBONS, ns::MR2]
                .into_iter()
                .find_map(|ns| frame.find(name, ns))?;
            let forwarded = wrap.find("forwarded", ns::FORWARD)?;
            Some((form, forwarded.find("message", ns::CLIENT)?))
        });
    let (form, message) = wrapped.unwrap_or(("direct", frame));
    let ids = message
        .children()
        .filter(|child| child.is("stanza-id", ns::SID));
    assert_eq!(ids.count(), usize::from(archived));
    assert!(message.find("unarchived", ns::S11).is_none(), "S11-35");
    assert_eq!(message.get_attr("id"), Some("m1"));
    form
}
