//! What the one parser of addresses does with the vectors of CO-09: a table to compare others with.
//!
//! It prepares by stringprep (RFC 6122) where CO-09 names PRECIS (RFC 7622): ß, ﬁ, Ⅸ and ς fold away, ZWJ
//! is dropped instead of refused, and characters younger than Unicode 3.2 (every emoji) are refused
//! even in resources. It keeps a trailing dot, and A-labels and U-labels count as two domains.

#![cfg(feature = "prep")]

use protocol::jid::{BareJid, FullJid};
use protocol::stanza::Address;
use protocol::{Frame, Jid, XmlLimits};

#[rustfmt::skip]
const VECTORS: &[(&str, Option<&str>)] = &[
    // case and width
    ("juliet@capulet.example", Some("juliet@capulet.example")),
    ("JULIET@Capulet.Example", Some("juliet@capulet.example")),
    ("ｊｕｌｉｅｔ@capulet.example", Some("juliet@capulet.example")),
    ("Σ@c", Some("σ@c")),
    ("İ@c", Some("i\u{307}@c")),
    ("\u{212B}@c", Some("å@c")),
    ("e\u{301}@c", Some("é@c")),
    ("a@b/R", Some("a@b/R")),
    ("a@b/e\u{301}", Some("a@b/é")),
    // stringprep, not PRECIS
    ("straße@capulet.example", Some("strasse@capulet.example")),
    ("ς@c", Some("σ@c")),
    ("ﬁ@c", Some("fi@c")),
    ("Ⅸ@c", Some("ix@c")),
    ("ju\u{200D}liet@capulet.example", Some("juliet@capulet.example")),
    ("\u{AD}a@b", Some("a@b")),
    ("\u{AD}@b", None),
    ("a@b/Ａ", Some("a@b/A")),
    ("a@b/\u{A0}x", Some("a@b/ x")),
    ("a@b/\u{200B}", None),
    ("💃@c", None),
    ("a@b/💃", None),
    // forbidden, bidirectional, unassigned
    ("a b@c", None), ("a\"b@c", None), ("a&b@c", None), ("a'b@c", None), ("a:b@c", None), ("a<b@c", None), ("a>b@c", None),
    ("א@b", Some("א@b")),
    ("אa@b", None),
    ("a\u{202E}b@c", None),
    ("\u{378}@c", None),
    ("a@\u{378}", None),
    ("a@b/\u{1}", None),
    ("a@b/\t", None),
    ("a@b/ r ", Some("a@b/ r ")),
    // parts
    ("", None), ("@", None), ("/r", None), ("@b", None), ("a@", None), ("a@/r", None), ("b/", None), ("a@b/", None),
    ("a@@b", None), ("a@b@c", None),
    ("a@b/c@d/e", Some("a@b/c@d/e")),
    ("b", Some("b")),
    // domains
    ("a@capulet.example.", Some("a@capulet.example.")),
    ("a@capulet.example..", None),
    ("a@.", None),
    ("a@b c", None),
    ("a@-b", None),
    ("a@b_c", Some("a@b_c")),
    ("a@bücher.example", Some("a@bücher.example")),
    ("a@BÜCHER.example", Some("a@bücher.example")),
    ("a@xn--bcher-kva.example", Some("a@xn--bcher-kva.example")),
    ("a@faß.example", Some("a@fass.example")),
    ("a@１.example", Some("a@1.example")),
    ("a@b。c", Some("a@b。c")),
    ("a@127.0.0.1", Some("a@127.0.0.1")),
    ("a@[::1]", Some("a@[::1]")),
    ("a@[::1", None),
];

// proves: CO-09 CO-11
// covers: H-78 H-79
#[test]
fn the_vectors_are_prepared_as_the_table_says() {
    for (text, prepared) in VECTORS {
        let jid = Jid::new(text).ok();
        assert_eq!(jid.as_ref().map(Jid::as_str), *prepared, "{text:?}");
    }
}

// proves: CO-09
// covers: H-79
#[test]
fn a_prepared_address_stays_as_it_is() {
    for prepared in VECTORS.iter().filter_map(|(_, prepared)| *prepared) {
        let again = Jid::new(prepared).unwrap();
        assert_eq!(again.as_str(), prepared);
        match again.try_into_full() {
            Ok(full) => assert_eq!(FullJid::new(prepared).unwrap(), full),
            Err(bare) => assert_eq!(BareJid::new(prepared).unwrap(), bare),
        }
    }
}

// proves: CO-09 LIM-22
// covers: H-78
#[test]
fn each_part_has_at_most_1023_bytes_and_a_domain_253() {
    let a = |len: usize| "a".repeat(len);
    let domain = |last: usize| [a(63), a(63), a(63), a(last)].join(".");
    let wide = "é".repeat(511);
    for (text, fits) in [
        (format!("{}@b", a(1_023)), true),
        (format!("{}@b", a(1_024)), false),
        (format!("{wide}a@b"), true),
        (format!("{wide}é@b"), false),
        (format!("a@b/{}", a(1_023)), true),
        (format!("a@b/{}", a(1_024)), false),
        (format!("a@b/{wide}é"), false),
        (format!("a@{}", a(63)), true),
        (format!("a@{}", a(64)), false),
        (format!("a@{}", domain(61)), true),
        (format!("a@{}", domain(62)), false),
        (format!("a@{}", a(1_023)), false),
    ] {
        assert_eq!(Jid::new(&text).is_ok(), fits, "{} bytes", text.len());
    }
}

// proves: CO-10
// covers: H-78
#[test]
fn a_malformed_address_does_not_make_the_frame_malformed() {
    for (text, prepared) in VECTORS {
        let mut to = String::new();
        protocol::xml::escape_attribute(&mut to, text);
        let frame = format!("<message xmlns='jabber:client' to='{to}'/>");
        match (
            Frame::parse(&frame.into(), XmlLimits::AFTER_LOGIN),
            prepared,
        ) {
            (Ok(Frame::Stanza(stanza)), Some(prepared)) => {
                assert_eq!(stanza.header.to.jid().map(Jid::as_str), Some(*prepared));
            }
            (Ok(Frame::Stanza(stanza)), None) if !text.contains('\u{1}') => {
                assert_eq!(stanza.header.to, Address::Malformed((*text).to_owned()));
            }
            (frame, _) => {
                // U+0001 cannot be written: it arrives as U+FFFD, an address of its own kind.
                assert!(
                    frame.is_ok() && text.contains('\u{1}'),
                    "{text:?} {frame:?}"
                );
            }
        }
    }
}
