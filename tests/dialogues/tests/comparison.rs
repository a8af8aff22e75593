//! All four kinds of session of one account at once: what each gets, and how Carbons, MR2 and the
//! goal differ. The tables are made of what was observed and compared with `docs/comparison.md`.

#![allow(
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use dialogues::Stage;
use protocol::{Element, ns};

const KINDS: [&str; 4] = ["plain", "carbons", "mr2", "s11"];
const TYPES: [&str; 5] = ["chat", "normal", "groupchat", "headline", "error"];

/// One account with a session of each kind, and a second s11 session, and a contact.
struct Mixed(Stage);

impl Mixed {
    fn new() -> Result<Self> {
        let mut stage = Stage::new()?;
        stage.line("juliet/hall connects as plain")?;
        stage.line("romeo/plain connects as sm")?;
        for kind in ["carbons", "mr2", "s11", "other"] {
            let mode = if kind == "other" { "s11" } else { kind };
            stage.line(&format!("romeo/{kind} connects as {mode}"))?;
            if mode == "s11" {
                stage.line(&format!("romeo/{kind} sends <presence/>"))?;
            }
        }
        let mut mixed = Self(stage);
        mixed.clear()?;
        Ok(mixed)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.take("juliet/hall")?;
        for kind in KINDS.iter().chain(&["other"]) {
            self.0.take(&format!("romeo/{kind}"))?;
        }
        Ok(())
    }

    fn send(&mut self, from: &str, to: &str, kind: &str, extra: &str) -> Result<()> {
        let payload = match kind {
            "error" => "<error type='cancel'><gone xmlns='@stanzas'/></error>".to_owned(),
            _ => format!("<body>wherefore</body>{extra}"),
        };
        let message = format!("<message to='{to}' type='{kind}' id='m'>{payload}</message>");
        self.0.line(&format!("{from} sends {message}"))
    }

    /// The form in which a session has got the one message: `direct`, `received`, `sent` or `–`.
    fn form(&mut self, kind: &str) -> Result<&'static str> {
        let frames = self.0.take(&format!("romeo/{kind}"))?;
        let messages: Vec<_> = frames
            .iter()
            .filter(|frame| frame.is("message", ns::CLIENT))
            .collect();
        // RT-05
        assert!(messages.len() <= 1, "{kind} got {messages:?}");
        let Some(message) = messages.first() else {
            return Ok("–");
        };
        let wrapped = |name| {
            [ns::CARBONS, ns::MR2]
                .into_iter()
                .find(|ns| message.find(name, ns).is_some())
        };
        let (form, found) = match (wrapped("received"), wrapped("sent")) {
            (Some(found), None) => ("received", found),
            (None, Some(found)) => ("sent", found),
            _ => return Ok("direct"),
        };
        let own = if kind == "carbons" {
            ns::CARBONS
        } else {
            ns::MR2
        };
        assert_eq!(found, own, "{kind}");
        assert_eq!(message.get_attr("from"), Some("romeo@localhost"));
        Ok(form)
    }

    /// Who gets which form of a message of each type.
    fn forms(from: &str, to: &str) -> Result<[[&'static str; 5]; 4]> {
        let mut forms = [[""; 5]; 4];
        for (t, kind) in TYPES.iter().enumerate() {
            let mut mixed = Self::new()?;
            mixed.send(from, to, kind, "")?;
            for (k, session) in KINDS.iter().enumerate() {
                forms[k][t] = mixed.form(session)?;
            }
        }
        Ok(forms)
    }
}

fn types_with(forms: [&str; 5], wanted: &str) -> String {
    let types = TYPES.iter().zip(forms);
    let types: Vec<_> = types.filter(|(_, form)| *form == wanted).collect();
    let names: Vec<_> = types.into_iter().map(|(kind, _)| *kind).collect();
    names.join(", ")
}

/// Whether a fork of a chat message between others still reaches a session.
fn is_forked_to(mixed: &mut Mixed, kind: &str) -> Result<bool> {
    mixed.clear()?;
    mixed.send("juliet/hall", "romeo@localhost/other", "chat", "")?;
    Ok(mixed.form(kind)? == "received")
}

/// Tries every way there is to be spared the forks; tells whether one did it.
fn can_be_disabled(kind: &str) -> Result<bool> {
    let mut mixed = Mixed::new()?;
    let name = format!("romeo/{kind}");
    assert!(is_forked_to(&mut mixed, kind)?, "{kind}");
    for attempt in [
        "<iq type='set' id='d'><disable xmlns='@carbons'/></iq>",
        "<presence><priority>-128</priority></presence>",
        "<presence type='unavailable'/>",
    ] {
        mixed.0.line(&format!("{name} sends {attempt}"))?;
        if !is_forked_to(&mut mixed, kind)? {
            return Ok(true);
        }
    }
    // An inactive session gets its copies later, but it gets them.
    mixed
        .0
        .line(&format!("{name} sends <inactive xmlns='@csi'/>"))?;
    mixed.clear()?;
    mixed.send("juliet/hall", "romeo@localhost/other", "chat", "")?;
    mixed
        .0
        .line(&format!("{name} sends <active xmlns='@csi'/>"))?;
    if mixed.form(kind)? != "received" {
        return Ok(true);
    }
    // There is no such element: it ends the stream, not the copies.
    let disable = format!("{name} sends <disable xmlns='@{kind}'/>");
    mixed.0.line(&disable)?;
    let is_error = |frame: &Element| frame.is("error", ns::STREAMS);
    assert!(mixed.0.take(&name)?.iter().any(is_error), "{kind}");
    Ok(false)
}

/// Whether a contact can keep a message from other devices by marking it.
fn obeys_private(kind: &str) -> Result<bool> {
    let mut mixed = Mixed::new()?;
    let private = "<private xmlns='@carbons'/><no-copy xmlns='@hints'/>";
    mixed.send("juliet/hall", "romeo@localhost/other", "chat", private)?;
    Ok(mixed.form(kind)? == "–")
}

fn is_kept_over_resumption(kind: &str) -> Result<bool> {
    let mut mixed = Mixed::new()?;
    let name = format!("romeo/{kind}");
    mixed.0.line(&format!("{name} loses its connection"))?;
    // What comes meanwhile is forked as well.
    mixed.send("juliet/hall", "romeo@localhost/other", "chat", "")?;
    mixed.0.line(&format!("{name} comes back"))?;
    mixed.0.line(&format!(
        "{name} sends <resume xmlns='@sm' previd='{{{name}.sm}}' h='0'/>"
    ))?;
    let frames = mixed.0.take(&name)?;
    assert!(frames.iter().any(|frame| frame.is("resumed", ns::SM)));
    let forks = |frame: &&Element| {
        [ns::CARBONS, ns::MR2]
            .iter()
            .any(|ns| frame.find("received", ns).is_some())
    };
    let repeated = frames.iter().filter(forks).count();
    Ok(repeated == 1 && is_forked_to(&mut mixed, kind)?)
}

/// How a kind is switched on, by trying.
fn design(kind: &str) -> Result<String> {
    let mut stage = Stage::new()?;
    let bind = "<iq type='set' id='b'><bind xmlns='@bind'/></iq>";
    let request = match kind {
        "carbons" => "<iq type='set' id='e'><enable xmlns='@carbons'/></iq>".to_owned(),
        _ => format!("<enable xmlns='@{kind}'/>"),
    };
    let is_on = |frames: &[Element]| {
        frames
            .iter()
            .any(|frame| frame.name() == "enabled" || frame.get_attr("type") == Some("result"))
    };
    let mut tried = Vec::new();
    for order in ["before", "after"] {
        let name = format!("romeo/{order}");
        stage.line(&format!("{name} connects as raw"))?;
        if order == "after" {
            stage.line(&format!("{name} sends {bind}"))?;
            stage.take(&name)?;
        }
        stage.line(&format!("{name} sends {request}"))?;
        tried.push(is_on(&stage.take(&name)?));
    }
    let form = if request.starts_with("<iq") {
        "iq"
    } else {
        "nonza"
    };
    let when = match tried.as_slice() {
        [true, false] => "before the resource is bound",
        [false, true] => "at any time once a resource is bound",
        other => anyhow::bail!("{kind}: {other:?}"),
    };
    Ok(format!("{form}, {when}"))
}

fn comparison(page: &mut String) -> Result<()> {
    let incoming = Mixed::forms("juliet/hall", "romeo@localhost/other")?;
    let outgoing = Mixed::forms("romeo/other", "juliet@localhost")?;
    let columns = [1, 2, 3].map(|k| (k, KINDS[k]));
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    type Cell<'a> = Box<dyn Fn(usize, &'static str) -> Result<String> + 'a>;
    let rows: [(&str, Cell<'_>); 6] = [
        (
            "forks incoming",
            Box::new(|k, _| Ok(types_with(incoming[k], "received"))),
        ),
        (
            "forks outgoing",
            Box::new(|k, _| Ok(types_with(outgoing[k], "sent"))),
        ),
        (
            "can be disabled",
            Box::new(|_, kind| can_be_disabled(kind).map(yes)),
        ),
        (
            "kept over resumption",
            Box::new(|_, kind| is_kept_over_resumption(kind).map(yes)),
        ),
        ("designed as", Box::new(|_, kind| design(kind))),
        (
            "a sender can prevent it",
            Box::new(|_, kind| obeys_private(kind).map(yes)),
        ),
    ];
    page.push_str("|  | Carbons | MR2 | Goal |\n|---|---|---|---|\n");
    for (name, cell) in rows {
        let cells: Result<Vec<_>> = columns.iter().map(|(k, kind)| cell(*k, kind)).collect();
        writeln!(page, "| {name} | {} |", cells?.join(" | "))?;
    }
    Ok(())
}

fn matrix(page: &mut String) -> Result<()> {
    let romeo = "romeo@localhost";
    for (title, from, to) in [
        ("To the bare address", "juliet/hall", romeo),
        (
            "To another device of the account",
            "juliet/hall",
            "romeo@localhost/other",
        ),
        (
            "From another device of the account to the plain one",
            "romeo/other",
            "romeo@localhost/plain",
        ),
        (
            "Sent by another device of the account",
            "romeo/other",
            "juliet@localhost",
        ),
        (
            "A note to oneself, from another device",
            "romeo/other",
            romeo,
        ),
    ] {
        writeln!(page, "\n{title}:\n\n| type | {} |", KINDS.join(" | "))?;
        page.push_str("|---|---|---|---|---|\n");
        let forms = Mixed::forms(from, to)?;
        for (t, kind) in TYPES.iter().enumerate() {
            let cells: Vec<_> = forms.iter().map(|session| session[t]).collect();
            writeln!(page, "| {kind} | {} |", cells.join(" | "))?;
        }
    }
    Ok(())
}

// proves: S11-02 S11-42 CC-01 CC-02 CC-03 CC-05 MR-02 RT-05 RT-07 SM-21
#[test]
fn four_kinds_of_session_differ_as_the_page_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/comparison.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once("\n|  |").context("a table").unwrap();
    let mut observed = format!("{head}\n");
    comparison(&mut observed).unwrap();
    let (_, rest) = page.split_once("\n## ").unwrap();
    let (title, _) = rest.split_once("\nTo the bare address").unwrap();
    write!(observed, "\n## {title}").unwrap();
    matrix(&mut observed).unwrap();
    println!("{observed}");
    assert!(page == observed, "docs/comparison.md says something else");
}

// proves: CC-03 S11-42 RT-05
#[test]
fn what_others_get_does_not_depend_on_the_kind_of_the_sender() {
    for sender in KINDS {
        let mut mixed = Mixed::new().unwrap();
        mixed
            .send(&format!("romeo/{sender}"), "juliet@localhost", "chat", "")
            .unwrap();
        assert_eq!(mixed.0.take("juliet/hall").unwrap().len(), 1);
        for kind in KINDS.into_iter().filter(|kind| *kind != sender) {
            let expected = if kind == "plain" { "–" } else { "sent" };
            assert_eq!(mixed.form(kind).unwrap(), expected, "{sender} to {kind}");
        }
        assert_eq!(mixed.form("other").unwrap(), "sent");
        mixed.0.line("archive of romeo holds 1 entry").unwrap();
        mixed.0.line("archive of juliet holds 1 entry").unwrap();
    }
}
