//! The table of RFC 6121 §8.5.4, cell by cell, for plain sessions over the real core.

#![allow(clippy::panic, reason = "test code, though not inside a test function")]

use std::collections::BTreeSet;

use anyhow::Result;
use dialogues::Stage;
use protocol::{BareJid, ns};

const TYPES: [&str; 5] = ["normal", "chat", "groupchat", "headline", "error"];

/// Who is there, who is written to, and what becomes of each type; the letters are those of the
/// table, with our pick where it leaves a choice (docs/protocol.md §7).
const TABLE: [(&str, &str, &str); 13] = [
    ("no account", "nobody@localhost", "EEESS"),
    ("no account", "nobody@localhost/x", "EEESS"),
    ("none available", "romeo@localhost", "OOESS"),
    ("none available", "romeo@localhost/gone", "OOSSS"),
    ("only negative", "romeo@localhost", "OOESS"),
    ("only negative", "romeo@localhost/low", "DDDDD"),
    ("only negative", "romeo@localhost/gone", "OOSSS"),
    ("one non-negative", "romeo@localhost", "DDEDS"),
    ("one non-negative", "romeo@localhost/one", "DDDDD"),
    ("one non-negative", "romeo@localhost/gone", "SDSSS"),
    ("several non-negative", "romeo@localhost", "MMEAS"),
    ("several non-negative", "romeo@localhost/one", "DDDDD"),
    ("several non-negative", "romeo@localhost/gone", "SMSSS"),
];

/// Sessions and their priorities.
fn sessions(who: &str) -> &'static [(&'static str, i8)] {
    match who {
        "no account" | "none available" => &[],
        "only negative" => &[("low", -1), ("lower", -5)],
        "one non-negative" => &[("one", 0), ("low", -1)],
        "several non-negative" => &[("one", 0), ("two", 5), ("low", -1)],
        other => panic!("{other}"),
    }
}

/// What is seen of one cell.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// Who got the message itself.
    given: BTreeSet<&'static str>,
    bounced: bool,
    waits: bool,
    archived: bool,
}

fn expected(letter: char, who: &str, to: &str, kind: &str) -> Seen {
    let all = sessions(who);
    let willing = || all.iter().filter(|(_, priority)| *priority >= 0);
    let given = match letter {
        'S' | 'E' | 'O' => BTreeSet::new(),
        // The only one, or the one that is addressed.
        'D' => match to.split_once('/').filter(|(_, r)| *r != "gone") {
            Some((_, resource)) => all.iter().map(|s| s.0).filter(|r| *r == resource).collect(),
            None => willing().map(|s| s.0).collect(),
        },
        'M' | 'A' => willing().map(|s| s.0).collect(),
        other => panic!("{other}"),
    };
    Seen {
        given,
        bounced: letter == 'E',
        waits: letter == 'O',
        archived: who != "no account" && matches!(kind, "chat" | "normal"),
    }
}

fn play(who: &str, to: &str, kind: &str) -> Result<Seen> {
    let mut stage = Stage::new()?;
    stage.line("juliet/hall connects as plain")?;
    for (resource, priority) in sessions(who) {
        let name = format!("romeo/{resource}");
        stage.line(&format!("{name} connects as plain"))?;
        let presence = format!("<presence><priority>{priority}</priority></presence>");
        stage.line(&format!("{name} sends {presence}"))?;
    }
    for (resource, _) in sessions(who) {
        stage.take(&format!("romeo/{resource}"))?;
    }
    let payload = match kind {
        "error" => "<error type='cancel'><gone xmlns='@stanzas'/></error>",
        _ => "<body>wherefore</body>",
    };
    stage.line(&format!(
        "juliet/hall sends <message to='{to}' type='{kind}' id='m'>{payload}</message>"
    ))?;
    let mut given = BTreeSet::new();
    for (resource, _) in sessions(who) {
        let frames = stage.take(&format!("romeo/{resource}"))?;
        assert!(frames.len() <= 1, "{resource} got {frames:?}");
        if let Some(frame) = frames.first() {
            assert_eq!(frame.get_attr("to"), Some(to), "RT-03");
            assert_eq!(frame.get_attr("type"), Some(kind));
            given.insert(*resource);
        }
    }
    let answers = stage.take("juliet/hall")?;
    assert!(answers.len() <= 1, "{answers:?}");
    if let Some(answer) = answers.first() {
        assert_eq!(answer.get_attr("type"), Some("error"));
        let error = answer.find("error", ns::CLIENT);
        assert!(error.is_some_and(|e| e.find("service-unavailable", ns::STANZAS).is_some()));
    }
    let romeo = BareJid::new("romeo@localhost")?;
    let record = stage.memory().load_now(&romeo)?.unwrap_or_default();
    Ok(Seen {
        given,
        bounced: !answers.is_empty(),
        waits: record.has_spool,
        archived: record.head == 1,
    })
}

// proves: RT-01 RT-03
#[test]
fn every_cell_of_the_table_holds() {
    let mut wrong = Vec::new();
    let mut cells = 0;
    for (who, to, letters) in TABLE {
        for (kind, letter) in TYPES.iter().zip(letters.chars()) {
            let seen = play(who, to, kind).unwrap();
            let expected = expected(letter, who, to, kind);
            if seen != expected {
                wrong.push(format!("{who}, {to}, {kind}: {letter} but {seen:?}"));
            }
            cells += 1;
        }
    }
    assert_eq!(cells, 65);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
