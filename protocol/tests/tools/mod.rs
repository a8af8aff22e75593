//! A strict parser of other hands, and trees made comparable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic as tests do"
)]
#![allow(dead_code, reason = "not every test program needs every tool")]

use std::fmt::Write as _;
use std::{fs, path::Path};

use protocol::xml::Node;
use protocol::{Element, Frame, Text, XmlLimits};
use rxml::{Event, Options, Parse as _, Parser, WithOptions as _};

/// Every file of the corpus: name, expected verdict, text.
pub(crate) fn corpus() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(stem) = name.strip_suffix(".xml") else {
            continue;
        };
        let (_, verdict) = stem.rsplit_once('.').expect("name.verdict.xml");
        let verdict = verdict.to_owned();
        files.push((name, verdict, fs::read_to_string(path).unwrap()));
    }
    files.sort();
    files
}

/// `ok`, or the stream error condition that the sender is told.
pub(crate) fn verdict(text: &str) -> &'static str {
    match Frame::parse(&Text::from(text), XmlLimits::AFTER_LOGIN) {
        Ok(_) => "ok",
        Err(error) => error.condition().name(),
    }
}

/// The tree that the other parser reads. It stumbles over a bare carriage return in a value, so line
/// ends are made line feeds first, as XML 1.0 §2.11 wants.
pub(crate) fn oracle(text: &str) -> Result<Element, String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut parser = Parser::with_options(Options {
        max_token_length: 1 << 20,
        ..Options::default()
    });
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let read = parser.parse_all(&mut text.as_bytes(), true, |event| match event {
        Event::XmlDeclaration(..) => {}
        Event::StartElement(_, (ns, name), attributes) => {
            let mut element = Element::new(name.to_string(), ns.to_string());
            for ((ns, name), value) in attributes {
                element = element.attr_ns(ns.as_str(), name.as_str(), value);
            }
            open.push(element);
        }
        Event::Text(_, text) => {
            let parent = open.pop().expect("text is inside");
            open.push(parent.text(text));
        }
        Event::EndElement(_) => {
            let element = open.pop().expect("a start for each end");
            match open.pop() {
                Some(parent) => open.push(parent.child(element)),
                None => root = Some(element),
            }
        }
    });
    read.map_err(|error| format!("{error:?}"))?;
    root.ok_or_else(|| "no element".to_owned())
}

/// The tree as text that is the same however the XML was written.
pub(crate) fn canonical(element: &Element) -> String {
    let mut out = String::new();
    canonical_into(&mut out, element);
    out
}

fn canonical_into(out: &mut String, element: &Element) {
    write!(out, "<{{{:?}}}{:?}", element.ns(), element.name()).unwrap();
    let mut attributes: Vec<_> = element.attributes().iter().collect();
    attributes.sort_by_key(|a| (&a.ns, &a.name));
    for attribute in attributes {
        let (ns, name, value) = (&attribute.ns, &attribute.name, &attribute.value);
        write!(out, " {{{ns:?}}}{name:?}={value:?}").unwrap();
    }
    out.push('>');
    for node in element.nodes() {
        match node {
            Node::Element(child) => canonical_into(out, child),
            Node::Text(text) => write!(out, "{text:?}").unwrap(),
        }
    }
    out.push_str("</>");
}

/// What must hold for every text whatsoever: no panic, never more lenient than the other parser and
/// never of another opinion about the tree; and what was accepted means the same elsewhere.
pub(crate) fn check(text: &str) {
    let shared = Text::from(text);
    let Ok(frame) = Frame::parse(&shared, XmlLimits::AFTER_LOGIN) else {
        return;
    };
    let tree = Element::parse(text, XmlLimits::AFTER_LOGIN).expect("accepted once");
    let other = oracle(text).unwrap_or_else(|error| panic!("only we accept {text:?}: {error}"));
    assert_eq!(canonical(&tree), canonical(&other), "{text:?}");
    check_written(&tree);
    if let Frame::Stanza(stanza) = &frame {
        check_children(stanza, &tree);
        let again = Frame::parse(&stanza.write().into(), XmlLimits::AFTER_LOGIN);
        assert_eq!(again, Ok(frame.clone()), "{text:?}");
    }
}

fn check_written(tree: &Element) {
    let written = tree.to_string();
    let again = Element::parse(&written, XmlLimits::RELAYED).expect("what we write we read");
    assert_eq!(canonical(&again), canonical(tree), "{written}");
}

/// Each child's text alone, under other prefixes and another language, is the child that was sent.
fn check_children(stanza: &protocol::Stanza, tree: &Element) {
    let sent: Vec<_> = tree.children().collect();
    assert_eq!(stanza.children.len(), sent.len());
    for (child, sent) in stanza.children.iter().zip(sent) {
        let carrier = format!(
            "<iq xmlns='jabber:client' xmlns:p='urn:other' xmlns:a0='urn:x'>{}</iq>",
            child.xml
        );
        assert!(child.is(sent.name(), sent.ns()));
        let alone = child.element().expect("children are good");
        let there = oracle(&carrier).unwrap_or_else(|error| panic!("{carrier}: {error}"));
        let carried = Element::parse(&carrier, XmlLimits::RELAYED).expect("children are good");
        for read in [
            &alone,
            there.children().next().unwrap(),
            carried.children().next().unwrap(),
        ] {
            assert_eq!(canonical(read), canonical(sent), "{carrier}");
        }
    }
}
