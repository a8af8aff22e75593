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

/// The archive id of a message that a device in this mode sends, and the prefix that ours has.
fn stored_of(mode: &str, message: &Element) -> (String, Option<String>) {
    let mut stage = Stage::new().unwrap();
    stage
        .line(&format!("romeo/phone connects as {mode}"))
        .unwrap();
    stage.send("romeo/phone", &message.to_string()).unwrap();
    let mut stored = archive(stage.memory(), "romeo");
    assert_eq!(stored.len(), 1, "{stored:?}");
    let prefix = stage.value("romeo/phone.prefix").map(str::to_owned);
    (stored.remove(0), prefix)
}

/// Whether an archive id is one that the server drew.
fn is_drawn(id: &str) -> bool {
    id.len() == 22 && !id.contains('.')
}

// proves: S11-10 S11-11 S11-12 S11-13 S11-21
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
        let message = Element::new("message", ns::CLIENT)
            .attr("to", "juliet@localhost")
            .attr("type", "chat")
            .attr_opt("id", message_id.as_deref())
            .child(Element::new("body", ns::CLIENT).text("x"));
        let (stored, own) = stored_of("s11", &message);
        if archive_id.is_some() {
            assert_eq!(stored, format!("{}.{given}", own.unwrap()), "{why}");
        } else {
            assert!(is_drawn(&stored), "{why}");
        }
        // Whoever has no prefix has no id that could be computed, whatever the message's own is.
        for mode in ["plain", "carbons", "mr2"] {
            let (stored, prefix) = stored_of(mode, &message);
            assert!(prefix.is_none() && is_drawn(&stored), "{mode}: {stored}");
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

impl Fork {
    /// The device that sends it.
    fn sender(&self) -> &'static str {
        match self.from.as_str() {
            "contact" => "juliet/hall",
            "own device" => "romeo/other",
            other => panic!("{other}"),
        }
    }

    fn send(&self, stage: &mut Stage) {
        let Self {
            to, kind, payload, ..
        } = self;
        let message = format!(
            "<message xmlns='{}' to='{to}' type='{kind}' id='m1'>{payload}</message>",
            ns::CLIENT
        );
        stage.send(self.sender(), &message).unwrap();
    }

    /// What it says, in an element of no meaning.
    fn payload(&self) -> Element {
        let text = format!("<x xmlns='{}'>{}</x>", ns::CLIENT, self.payload);
        Element::parse(&text, XmlLimits::AFTER_LOGIN).unwrap()
    }

    /// Both archives hold it, or none does; what is sent to oneself concerns nobody else.
    fn check_archives(&self, stage: &Stage) {
        let is_between_two = self.from == "contact" || self.to.starts_with("juliet@");
        let found = ["romeo", "juliet"].map(|account| archive(stage.memory(), account).len());
        let of_contact = self.archived && is_between_two;
        let expected = [self.archived, of_contact].map(usize::from);
        assert_eq!(found, expected, "{}", self.name);
    }
}

// proves: MAM-01
#[test]
fn what_is_archived_is_archived_for_both_whoever_is_there() {
    let Forks { vectors } = read("forks");
    for fork in vectors {
        let mut stage = Stage::new().unwrap();
        let sender = fork.sender();
        stage.line(&format!("{sender} connects as s11")).unwrap();
        fork.send(&mut stage);
        fork.check_archives(&stage);
    }
}

// proves: CC-02 CC-04 CC-05 MAM-01 MAM-08 S11-35 S11-42 S11-43 RT-05 SI-01 SI-02 SI-03
#[test]
fn forks() {
    let Forks { vectors } = read("forks");
    assert!(vectors.len() > 45);
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
        fork.send(&mut stage);
        assert_eq!(fork.copies.len(), 4);
        for (resource, expected) in &fork.copies {
            let frames = stage.take(&format!("romeo/{resource}")).unwrap();
            let forms = frames.iter().filter(|frame| frame.name() == "message");
            let forms: Vec<_> = forms.map(|frame| form_of(frame, &fork)).collect();
            let expected: &[&str] = match expected.as_str() {
                "none" => &[],
                form => &[form],
            };
            assert_eq!(forms, expected, "{name}: {resource}");
        }
        fork.check_archives(&stage);
    }
}

/// What a message says beside the ids of archives.
fn content_of(message: &Element) -> Vec<&Element> {
    let children = message.children();
    children
        .filter(|child| !child.is("stanza-id", ns::SID))
        .collect()
}

/// The form of a copy; what is archived has one stanza-id, what is not has none, and all else is what was sent.
fn form_of(frame: &Element, fork: &Fork) -> &'static str {
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
    let by: Vec<_> = ids.map(|id| id.get_attr("by").unwrap()).collect();
    let expected: &[&str] = if fork.archived {
        &["romeo@localhost"]
    } else {
        &[]
    };
    assert_eq!(by, expected, "{message:?}");
    assert_eq!(
        content_of(message),
        content_of(&fork.payload()),
        "{}",
        fork.name
    );
    assert!(message.find("unarchived", ns::S11).is_none(), "S11-35");
    assert_eq!(message.get_attr("id"), Some("m1"));
    form
}
