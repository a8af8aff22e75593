//! Inputs made to cost time or memory, and the limits to the unit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic as tests do"
)]

mod tools;

use std::fmt::Write as _;
use std::iter;
use std::time::{Duration, Instant};

use protocol::xml::{Node, ParseErrorKind};
use protocol::{Element, Frame, ParseError, Text, XmlLimits};

/// What a stanza may cost (SEC-19); unoptimised code takes some fifty times as long.
const COST_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 5 });

/// The frame, made within the time in one of several tries: other work on the machine does not count.
fn timed(text: &str) -> Result<Frame, ParseError> {
    let text = Text::from(text);
    let mut tries = 0;
    loop {
        let start = Instant::now();
        let result = Frame::parse(&text, XmlLimits::AFTER_LOGIN);
        let took = start.elapsed();
        if took < COST_MAX {
            return result;
        }
        tries += 1;
        assert!(tries < 20, "{took:?} for {} bytes", text.len());
    }
}

fn message(inner: &str) -> String {
    format!("<message xmlns='jabber:client'>{inner}</message>")
}

/// Refused for a limit, having read no further than `at`: what is behind costs nothing.
fn assert_stopped(text: &str, at: usize) {
    let error = timed(text).unwrap_err();
    assert!(matches!(error.kind, ParseErrorKind::Limit(_)), "{error}");
    assert!(error.at <= at, "{error}");
}

// proves: SEC-19 LIM-10 LIM-11 LIM-12 LIM-13
// covers: H-61 H-62 H-63 H-64
#[test]
fn bombs_are_refused_where_they_pass_the_limit() {
    assert_stopped(&message(&"<a>".repeat(100_000)), 200);
    let attributes: String = (0..100_000).map(|i| format!(" a{i}=''")).collect();
    assert_stopped(&message(&format!("<x{attributes}/>")), 40);
    let declarations: String = (0..10_000).map(|i| format!(" xmlns:a{i}='u'")).collect();
    assert_stopped(&message(&format!("<x{declarations}/>")), 40);
    assert_stopped(&message(&"<a/>".repeat(100_000)), 20_000);
    let name = "a".repeat(1 << 20);
    assert_stopped(&message(&format!("<{name}/>")), 40);
    assert_stopped(&message(&format!("<x {name}=''/>")), 40);
    assert_stopped(&message(&format!("<x xmlns='{name}'/>")), 40);
}

// proves: SEC-19
// covers: H-65 H-66 H-67 H-68
#[test]
fn long_but_good_stanzas_are_cheap_and_share_the_text() {
    let references = message(&format!("<body>{}</body>", "&#65;".repeat(51_200)));
    let space = format!("<message xmlns='jabber:client'{}/>", " ".repeat(1 << 20));
    let arrows = message(&format!("<body>{}</body>", "&gt;".repeat(65_000)));
    let raw_arrows = message(&format!("<body>{}</body>", ">".repeat(100_000)));
    let marks = message(&format!("<body>e{}</body>", "\u{301}".repeat(10_000)));
    let empty = message(&format!("<body>{}</body>", "<![CDATA[]]>".repeat(20_000)));
    let value = format!(
        "<message xmlns='jabber:client' id='{}'/>",
        "&#65;".repeat(51_200)
    );
    let crossed = message(&format!("<a b='{}'/>", "&amp;\t".repeat(40_000)));
    for text in [
        references, space, arrows, raw_arrows, marks, empty, value, crossed,
    ] {
        let shared = Text::from(text.as_str());
        timed(&text).unwrap();
        let Ok(Frame::Stanza(stanza)) = Frame::parse(&shared, XmlLimits::AFTER_LOGIN) else {
            panic!("no stanza");
        };
        for child in stanza.children {
            assert!(
                shared
                    .as_bytes()
                    .as_ptr_range()
                    .contains(&child.xml.as_ptr())
            );
        }
    }
}

// proves: SEC-19 LIM-11
// covers: SEC-21
#[test]
fn no_tree_is_much_larger_than_its_text() {
    let uri = "u".repeat(256);
    let many = "<p:x p:a='' q:a='' r:a=''/>".repeat(4_000);
    let declared: String = ["p", "q", "r"]
        .iter()
        .map(|prefix| format!(" xmlns:{prefix}='{}'", uri.replacen('u', prefix, 1)))
        .collect();
    let text = format!("<stream:x xmlns:stream='urn:s'{declared}>{many}</stream:x>");
    let Ok(Frame::Nonza(tree)) = Frame::parse(&Text::from(text.as_str()), XmlLimits::AFTER_LOGIN)
    else {
        panic!("a nonza within the limits");
    };
    assert!(weight(&tree) < 64 * text.len(), "{}", weight(&tree));
}

/// Bytes of all names and values in a tree.
fn weight(tree: &Element) -> usize {
    let attributes = tree.attributes().iter();
    let attributes = attributes.map(|a| a.ns.len() + a.name.len() + a.value.len());
    let nodes = tree.nodes().iter().map(|node| match node {
        Node::Element(child) => weight(child),
        Node::Text(text) => text.len(),
    });
    tree.name().len() + tree.ns().len() + attributes.sum::<usize>() + nodes.sum::<usize>()
}

// proves: SEC-19
// covers: SEC-21
#[test]
fn declarations_of_the_root_do_not_multiply_a_stanza() {
    let uri = "u".repeat(256);
    let around = |children: &str| {
        format!("<message xmlns='jabber:client' xmlns:p='{uri}'>{children}</message>")
    };
    assert_stopped(&around(&"<p:x/>".repeat(4_000)), 10_000);
    let Ok(Frame::Stanza(stanza)) = timed(&around(&"<p:x/>".repeat(900))) else {
        panic!("small enough");
    };
    let len: usize = stanza.children.iter().map(|child| child.xml.len()).sum();
    assert!(len <= 262_144);
    // One child, however large, gets the declaration once.
    let large = around(&format!("<p:x>{}</p:x>", "<y/><p:y/>".repeat(2_000)));
    let Ok(Frame::Stanza(stanza)) = timed(&large) else {
        panic!("one child");
    };
    assert!(stanza.children[0].xml.len() < large.len());
}

/// Whether exactly `limit` of something is accepted, and one more refused as a policy violation.
fn assert_exact(limit: usize, limits: XmlLimits, build: impl Fn(usize) -> String) {
    let verdict =
        |count| Frame::parse(&build(count).into(), limits).map_err(|e| e.condition().name());
    assert!(verdict(limit).is_ok(), "{limit}: {:?}", verdict(limit));
    assert_eq!(verdict(limit + 1), Err("policy-violation"), "{limit} + 1");
}

fn numbered(count: usize, write: impl Fn(usize) -> String) -> String {
    (0..count).map(write).collect()
}

// proves: LIM-10 LIM-12
#[test]
fn depth_and_elements_are_limited_to_the_unit() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        message(&format!("{}{}", "<a>".repeat(inner), "</a>".repeat(inner)))
    };
    let siblings = |count: usize| message(&"<a/>".repeat(count - 1));
    assert_exact(8, XmlLimits::BEFORE_LOGIN, nested);
    assert_exact(32, XmlLimits::AFTER_LOGIN, nested);
    assert_exact(64, XmlLimits::BEFORE_LOGIN, siblings);
    assert_exact(4_096, XmlLimits::AFTER_LOGIN, siblings);
}

// proves: LIM-11
#[test]
fn attributes_and_names_are_limited_to_the_unit() {
    let limits = XmlLimits::AFTER_LOGIN;
    assert_exact(64, limits, |count| {
        message(&format!("<a{}/>", numbered(count, |i| format!(" a{i}=''"))))
    });
    assert_exact(256, limits, |len| {
        message(&format!("<{}/>", "a".repeat(len)))
    });
    assert_exact(256, limits, |len| {
        message(&format!("<a {}=''/>", "a".repeat(len)))
    });
    assert_exact(256, limits, |len| {
        message(&format!("<p:{} xmlns:p='urn:a'/>", "a".repeat(len - 2)))
    });
    assert_exact(256, limits, |len| {
        message(&format!("<a xmlns='{}'/>", "u".repeat(len)))
    });
    assert_exact(256, limits, |len| {
        message(&format!("<a xmlns:p='{}'/>", "&#117;".repeat(len)))
    });
}

// proves: LIM-13
#[test]
fn declarations_are_limited_to_the_unit() {
    let limits = XmlLimits::AFTER_LOGIN;
    let declarations = |count: usize| numbered(count, |i| format!(" xmlns:a{i}='urn:a'"));
    assert_exact(16, limits, |count| {
        message(&format!("<a{}/>", declarations(count)))
    });
    assert_exact(64, limits, |in_scope| {
        let mut inner = String::new();
        let mut left = in_scope - 1; // the message declares one
        let mut depth = 0;
        while left > 0 {
            write!(inner, "<a{}>", declarations(left.min(16))).unwrap();
            left -= left.min(16);
            depth += 1;
        }
        message(&(inner + &"</a>".repeat(depth)))
    });
}

// proves: LIM-10 LIM-12 LIM-13
// covers: SEC-21
#[test]
fn what_a_session_may_send_can_be_read_when_it_is_relayed() {
    let deepest = "<a>".repeat(31) + &"</a>".repeat(31);
    let most = "<a/>".repeat(4_095);
    let declared: String = iter::repeat_n("urn:a", 16)
        .enumerate()
        .map(|(i, uri)| format!(" xmlns:a{i}='{uri}{i}' a{i}:x=''"))
        .collect();
    let declaring = format!("<a{declared}/>");
    for inner in [deepest, most, declaring] {
        let sent = message(&inner);
        assert_eq!(tools::verdict(&sent), "ok");
        let page = format!(
            "<message xmlns='jabber:client'><result xmlns='urn:xmpp:mam:2'><forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='2026-11-01T00:00:00Z'/>{sent}</forwarded></result></message>"
        );
        let Ok(Frame::Stanza(stanza)) = Frame::parse(&page.into(), XmlLimits::RELAYED) else {
            panic!("the page is refused");
        };
        let result = stanza.children[0].element().unwrap();
        let forwarded = result.find("forwarded", "urn:xmpp:forward:0").unwrap();
        assert!(protocol::forward::unwrap(forwarded).is_some());
    }
}
