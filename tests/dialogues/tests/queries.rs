//! What an archive answers over the wire.

use anyhow::{Context as _, Result, ensure};
use dialogues::Stage;
use protocol::{Element, ns};

/// What a device is told about a query: the results, and `<fin/>`.
struct Answer {
    results: Vec<Element>,
    fin: Element,
}

impl Answer {
    fn ids(&self) -> Vec<&str> {
        let ids = self.results.iter().map(|result| result.get_attr("id"));
        ids.flatten().collect()
    }

    /// The message inside the only result.
    fn message(&self) -> Result<&Element> {
        let [result] = self.results.as_slice() else {
            anyhow::bail!("{} results", self.results.len())
        };
        let forwarded = result.find("forwarded", ns::FORWARD);
        let message = forwarded.and_then(|forwarded| forwarded.find("message", ns::CLIENT));
        message.context("a message")
    }

    /// `first` and `last` of the page.
    fn end(&self, name: &str) -> Result<String> {
        let set = self.fin.find("set", ns::RSM).context("a set")?;
        Ok(set.find(name, ns::RSM).context("an end")?.own_text())
    }
}

fn ask(stage: &mut Stage, device: &str, children: &str) -> Result<Answer> {
    stage.take(device)?;
    stage.line(&format!(
        "{device} sends <iq type='set' id='q'><query xmlns='@mam'>{children}</query></iq>"
    ))?;
    let mut frames = stage.take(device)?;
    frames.retain(|frame| frame.ns() == ns::CLIENT);
    let last = frames.pop().context("an answer")?;
    let fin = last.find("fin", ns::MAM).cloned();
    let fin = fin.with_context(|| format!("{last:?}"))?;
    let results = frames.iter().filter_map(|f| f.find("result", ns::MAM));
    let results = results.cloned().collect();
    Ok(Answer { results, fin })
}

/// The form of a query.
fn form(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        let values = value.split(' ').map(|v| format!("<value>{v}</value>"));
        format!("<field var='{name}'>{}</field>", values.collect::<String>())
    };
    let fields: String = fields.iter().map(field).collect();
    format!(
        "<x xmlns='@data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>{fields}</x>"
    )
}

// proves: MAM-09 MAM-10
#[test]
fn each_field_narrows_a_query_and_all_of_them_together() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as s11")?;
    stage.line("juliet/hall connects as s11")?;
    stage.line("mercutio/street connects as plain")?;
    // One a minute, from 10:00 on.
    for (from, to) in [
        ("juliet/hall", "romeo"),
        ("romeo/phone", "juliet"),
        ("mercutio/street", "romeo"),
        ("juliet/hall", "romeo"),
        ("juliet/hall", "romeo"),
    ] {
        stage.line(&format!(
            "{from} sends <message to='{to}@…' type='chat'><body>x</body></message>"
        ))?;
        stage.line("60 seconds pass")?;
    }
    let all = ask(&mut stage, "romeo/phone", "")?;
    let all: Vec<_> = all.ids().into_iter().map(str::to_owned).collect();
    let [a, b, c, d, e] = all.as_slice() else {
        anyhow::bail!("{all:?}")
    };
    let some = format!("{a} {b} {c} {e}");
    let with = ("with", "juliet@localhost");
    let (start, end) = (
        ("start", "2026-11-22T10:01:00Z"),
        ("end", "2026-11-22T11:03:00.000+01:00"),
    );
    let (after, before) = (("after-id", a.as_str()), ("before-id", e.as_str()));
    let (groupchat, ids) = (("include-groupchat", "true"), ("ids", some.as_str()));
    for (fields, expected) in [
        (vec![with], vec![a, b, d, e]),
        (vec![("with", "juliet@localhost/hall")], vec![a, d, e]),
        (vec![start], vec![b, c, d, e]),
        (vec![end], vec![a, b, c, d]),
        (vec![after], vec![b, c, d, e]),
        (vec![before], vec![a, b, c, d]),
        (vec![groupchat], vec![a, b, c, d, e]),
        (vec![ids], vec![a, b, c, e]),
        // None of these can be left out: each excludes what the others do not.
        (vec![with, start, end], vec![b, d]),
        (vec![before, with, after], vec![b, d]),
        (vec![start, before], vec![b, c, d]),
        (vec![after, end], vec![b, c, d]),
        (vec![ids, with, end], vec![a, b]),
        (
            vec![with, start, end, after, before, groupchat, ids],
            vec![b],
        ),
        (vec![("start", "2026-11-22T10:04:00.001Z")], vec![]),
        (vec![("end", "2026-11-22T09:59:59.999Z")], vec![]),
    ] {
        let answer = ask(&mut stage, "romeo/phone", &form(&fields))?;
        ensure!(answer.ids() == expected, "{fields:?}: {:?}", answer.ids());
    }
    Ok(())
}

// proves: MAM-14
#[test]
fn a_flipped_page_has_the_same_ends() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as s11")?;
    stage.line("juliet/hall connects as s11")?;
    stage.line("juliet/hall sends 5 lines to romeo")?;
    let page = "<set xmlns='@rsm'><max>3</max><before/></set>";
    let straight = ask(&mut stage, "romeo/phone", page)?;
    let flipped = ask(
        &mut stage,
        "romeo/phone",
        &format!("{page}<flip-page xmlns='@mam'/>"),
    )?;
    let ids = straight.ids();
    let backwards: Vec<_> = ids.iter().rev().copied().collect();
    ensure!(ids.len() == 3 && flipped.ids() == backwards);
    for answer in [&straight, &flipped] {
        ensure!(Some(answer.end("first")?.as_str()) == ids.first().copied());
        ensure!(Some(answer.end("last")?.as_str()) == ids.last().copied());
    }
    Ok(())
}

// proves: MAM-06 SI-03 SI-04
#[test]
fn what_is_fetched_is_what_came() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as s11")?;
    stage.line("juliet/hall connects as s11")?;
    stage.line(
        "romeo/phone sends <message to='juliet@…' type='normal' id='m' xml:lang='it'><subject>s</subject>\
         <body>x &lt; y</body><body xml:lang='en'>z</body>\
         <x xmlns='urn:x' a='1'>t<y xmlns='urn:y' b='2'/>u</x></message>",
    )?;
    let mut frames = stage.take("juliet/hall")?;
    frames.retain(|frame| frame.is("message", ns::CLIENT));
    let live = frames.pop().context("a copy")?;
    for (name, value) in [
        ("from", "romeo@localhost/phone"),
        ("to", "juliet@localhost"),
        ("type", "normal"),
        ("id", "m"),
    ] {
        ensure!(live.get_attr(name) == Some(value), "{live:?}");
    }
    ensure!(live.get_attr_ns(ns::XML, "lang") == Some("it"), "{live:?}");
    let texts = live.children().filter(|child| child.is("body", ns::CLIENT));
    let texts: Vec<_> = texts.map(Element::own_text).collect();
    ensure!(texts == ["x < y", "z"], "{live:?}");
    let stanza_id = live.find("stanza-id", ns::SID).context("an id")?;
    ensure!(stanza_id.get_attr("by") == Some("juliet@localhost"));
    // Both archives have the same, and the live copy has besides the id that it has in its own.
    for (device, is_own) in [("juliet/hall", true), ("romeo/phone", false)] {
        let answer = ask(&mut stage, device, "")?;
        let with_id = answer.message()?.clone().child(stanza_id.clone());
        ensure!(with_id == live, "{with_id:?} is not {live:?}");
        let is_same = answer.ids().first().copied() == stanza_id.get_attr("id");
        ensure!(is_same == is_own, "{:?}", answer.ids());
    }
    Ok(())
}
