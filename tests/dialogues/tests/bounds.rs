//! How much one frame, one stream and one query may ask for.

use anyhow::{Context as _, Result, ensure};
use dialogues::Stage;
use protocol::{Element, ns};

/// A child of a message with so many elements below it, each inside the other.
fn deep(depth: usize) -> String {
    format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))
}

fn to_juliet(children: &str) -> String {
    format!(
        "<message xmlns='jabber:client' to='juliet@localhost' type='chat' id='m'>{children}</message>"
    )
}

/// What a fresh stream of a known account says to a frame.
fn after_login(frame: &str) -> Result<Vec<Element>> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as s11")?;
    stage.send("romeo/phone", frame)?;
    stage.send("romeo/phone", "<r xmlns='urn:xmpp:sm:3'/>")?;
    stage.take("romeo/phone")
}

/// What a fresh stream of a stranger says to a frame.
fn before_login(frame: &str) -> Result<Vec<Element>> {
    let mut stage = Stage::new()?;
    stage.line("x/ knocks")?;
    stage.line("x/ sends <open xmlns='@framing' to='localhost' version='1.0'/>")?;
    stage.take("x/")?;
    stage.send("x/", frame)?;
    stage.take("x/")
}

fn ends(answers: &[Element]) -> bool {
    let error = answers.first().filter(|a| a.is("error", ns::STREAMS));
    let is_policy = error.is_some_and(|e| e.find("policy-violation", ns::STREAM_ERRORS).is_some());
    is_policy && answers.last().is_some_and(|a| a.is("close", ns::FRAMING))
}

// proves: LIM-10 LIM-11 LIM-12 LIM-13 SEC-19
#[test]
fn a_frame_has_bounds_and_the_last_one_within_them_passes() -> Result<()> {
    let attributes = |count: usize| -> String {
        let all = (0..count).map(|n| format!(" a{n}=''"));
        format!("<b{}/>", all.collect::<String>())
    };
    let many = |count: usize| "<c/>".repeat(count);
    let declared = |count: usize| -> String {
        let all = (0..count).map(|n| format!(" xmlns:p{n}='urn:x:{n}'"));
        format!("<d{}/>", all.collect::<String>())
    };
    // So many declarations in scope, at most 16 of them on each of the elements inside each other.
    let in_scope = |count: usize| -> String {
        let all: Vec<_> = (0..count)
            .map(|n| format!(" xmlns:p{n}='urn:x:{n}'"))
            .collect();
        let open = all.chunks(16).map(|some| format!("<e{}>", some.concat()));
        let close = "</e>".repeat(all.chunks(16).len());
        format!("{}{close}", open.collect::<String>())
    };
    let name = |bytes: usize| format!("<{}/>", "n".repeat(bytes));
    for (what, most, beyond) in [
        // The message itself is one level and one element.
        ("depth", deep(31), deep(32)),
        ("elements", many(4_095), many(4_096)),
        ("attributes", attributes(64), attributes(65)),
        ("declarations", declared(16), declared(17)),
        ("name", name(256), name(257)),
    ] {
        let answers = after_login(&to_juliet(&most))?;
        let last = answers.last().context("an answer")?;
        ensure!(last.get_attr("h") == Some("1"), "{what}: {answers:?}");
        let answers = after_login(&to_juliet(&beyond))?;
        ensure!(ends(&answers), "{what}: {answers:?}");
    }
    ensure!(!ends(&after_login(&to_juliet(&in_scope(60)))?));
    ensure!(ends(&after_login(&to_juliet(&in_scope(65)))?));
    // A stranger has less.
    let auth = |children: &str| {
        format!(
            "<auth xmlns='{}' mechanism='NONE'>{children}</auth>",
            ns::SASL
        )
    };
    for (what, most, beyond) in [
        ("depth", deep(7), deep(8)),
        ("elements", many(63), many(64)),
    ] {
        let answers = before_login(&auth(&most))?;
        let refused = answers.first().is_some_and(|a| a.is("failure", ns::SASL));
        ensure!(refused && answers.len() == 1, "{what}: {answers:?}");
        let answers = before_login(&auth(&beyond))?;
        ensure!(ends(&answers), "{what}: {answers:?}");
    }
    Ok(())
}

// proves: LIM-03 SEC-28
#[test]
fn a_stream_has_five_tries_to_log_in() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("x/ knocks")?;
    stage.line("x/ sends <open xmlns='@framing' to='localhost' version='1.0'/>")?;
    stage.take("x/")?;
    let tries = [
        (
            "<auth xmlns='@sasl' mechanism='NONE'/>",
            "invalid-mechanism",
        ),
        (
            "<auth xmlns='@sasl' mechanism='SCRAM-SHA-256'>?</auth>",
            "incorrect-encoding",
        ),
        (
            "<auth xmlns='@sasl' mechanism='SCRAM-SHA-256'>eA==</auth>",
            "malformed-request",
        ),
        (
            "<response xmlns='@sasl'>eA==</response>",
            "malformed-request",
        ),
        ("<abort xmlns='@sasl'/>", "aborted"),
    ];
    for (n, (frame, condition)) in (1..).zip(tries) {
        stage.line(&format!("x/ sends {frame}"))?;
        stage.line(&format!(
            "x/ receives <failure xmlns='@sasl'><{condition} xmlns='@sasl'/></failure>"
        ))?;
        if n < tries.len() {
            stage.line("x/ receives nothing")?;
            stage.line("x/ is open")?;
        }
    }
    stage.line("x/ receives <error xmlns='@streams'><policy-violation xmlns='@serr'/></error>")?;
    stage.line("x/ receives <close xmlns='@framing'/>")?;
    stage.line("x/ is closed")
}

// proves: LIM-22 S11-12
#[test]
fn names_and_ids_have_bounds() -> Result<()> {
    let condition = |answers: &[Element]| -> Option<String> {
        let error = answers.first()?.find("error", ns::CLIENT)?;
        let all = ["jid-malformed", "bad-request"].iter();
        let mut found = all.filter(|name| error.find(name, ns::STANZAS).is_some());
        found.next().map(|name| (*name).to_owned())
    };
    let message = |to: &str, id: usize| {
        let id = "i".repeat(id);
        let body = "<body>x</body>";
        format!("<message xmlns='jabber:client' to='{to}' type='chat' id='{id}'>{body}</message>")
    };
    let local = |bytes: usize| format!("{}@localhost", "l".repeat(bytes));
    let refused = after_login(&message(&local(1_024), 1))?;
    ensure!(
        condition(&refused).as_deref() == Some("jid-malformed"),
        "{refused:?}"
    );
    let refused = after_login(&message("juliet@localhost", 256))?;
    ensure!(
        condition(&refused).as_deref() == Some("bad-request"),
        "{refused:?}"
    );
    // What fits passes; up to 64 bytes the archive id is the one that the sender computes.
    for (bytes, is_computed) in [(64, true), (65, false), (255, false)] {
        let mut stage = Stage::new()?;
        stage.line("romeo/phone connects as s11")?;
        stage.send("romeo/phone", &message("juliet@localhost", bytes))?;
        let prefix = stage.value("romeo/phone.prefix").context("a prefix")?;
        let computed = format!("{prefix}.{}", "i".repeat(bytes));
        let romeo = protocol::BareJid::new("romeo@localhost")?;
        let entries = stage.memory().entries_after_now(&romeo, 0, 10)?;
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.to_string()).collect();
        ensure!(
            ids.len() == 1 && (ids == [computed]) == is_computed,
            "{bytes}: {ids:?}"
        );
    }
    Ok(())
}

// proves: LIM-19 MAM-13
#[test]
fn a_query_asks_for_so_much_and_no_more() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as s11")?;
    stage.line("juliet/hall connects as s11")?;
    stage.line("juliet/hall sends 300 lines to romeo")?;
    stage.line("romeo/phone skips what waits")?;
    let page = "<set xmlns='@rsm'><max>1000</max></set>";
    for (asked, given) in [("", 100), (page, 250)] {
        stage.line(&format!(
            "romeo/phone sends <iq type='set' id='q'><query xmlns='@mam'>{asked}</query></iq>"
        ))?;
        let answers = stage.take("romeo/phone")?;
        let results = answers
            .iter()
            .filter(|a| a.find("result", ns::MAM).is_some());
        ensure!(results.count() == given, "{given}");
    }
    for (ids, condition) in [(100, "item-not-found"), (101, "policy-violation")] {
        let values = "<value>unknown</value>".repeat(ids);
        let form = format!(
            "<x xmlns='@data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>\
             <field var='ids'>{values}</field></x>"
        );
        stage.line(&format!(
            "romeo/phone sends <iq type='set' id='i'><query xmlns='@mam'>{form}</query></iq>"
        ))?;
        stage.line(&format!(
            "romeo/phone receives <iq type='error' id='i'><error><{condition} xmlns='@stanzas'/></error></iq>"
        ))?;
    }
    Ok(())
}
