//! The digest that makes two messages the same one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic as tests do"
)]

use protocol::{Frame, Message, Text, XmlLimits};

fn digest(text: &str) -> [u8; 32] {
    match Frame::parse(&Text::from(text), XmlLimits::AFTER_LOGIN) {
        Ok(Frame::Stanza(stanza)) => Message::of_stanza(stanza).expect("a message").digest(),
        other => panic!("{other:?}"),
    }
}

const SENT: &str = "<message xmlns='jabber:client' to='juliet@b/hall' type='chat' id='1' xml:lang='en'>\
    <body>a &amp; b</body><x xmlns='urn:x' a='1' b='2'><y xmlns='urn:y' xmlns:z='urn:z' z:c='3'/></x></message>";

// proves: S11-16
// covers: H-82
#[test]
fn writing_a_message_in_another_way_keeps_its_digest() {
    for same in [
        "<c:message xmlns:c='jabber:client' to=\"juliet@b/hall\" xml:lang='en' type='chat' id='1'>\
         <c:body>a <![CDATA[&]]> b</c:body><p:x xmlns:p='urn:x' b='2' a='1'><q:y xmlns:q='urn:y' q2:c='3' \
         xmlns:q2='urn:z'></q:y></p:x></c:message>",
        "<message xmlns='jabber:client' xmlns:p='urn:x' xmlns:z='urn:z' to='JULIET@B' type='chat' xml:lang='en'>\n \
         <body>a &#38; b</body><p:x b='2' a='1'><y z:c='&#51;' xmlns='urn:y'/></p:x>\n</message>",
    ] {
        assert_eq!(digest(same), digest(SENT), "{same}");
    }
}

// proves: S11-16
#[test]
fn sending_again_keeps_the_digest() {
    let again = SENT.replace(
        "</message>",
        "<delay xmlns='urn:xmpp:delay' stamp='2026-11-01T00:00:00Z'/><resend xmlns='urn:x-balcony:s11:0' prefix='p'/></message>",
    );
    assert_eq!(digest(&again), digest(SENT));
    let nested = SENT.replace("<y ", "<delay xmlns='urn:xmpp:delay'/><y ");
    assert_ne!(digest(&nested), digest(SENT));
}

// proves: S11-16
#[test]
fn any_other_content_has_another_digest() {
    let mut digests = vec![digest(SENT)];
    for (from, to) in [
        ("juliet@b", "nurse@b"),
        ("'chat'", "'normal'"),
        ("'en'", "'it'"),
        ("a &amp; b", "a &amp;amp; b"),
        ("a &amp; b", "a &amp; b "),
        ("<body>", "<body xml:lang='en'>"),
        ("urn:x", "urn:w"),
        ("a='1' b='2'", "a='2' b='1'"),
        ("a='1' b='2'", "a='1'"),
        ("z:c='3'", "c='3'"),
        ("<x xmlns", "<x/><x xmlns"),
        ("<y xmlns='urn:y' xmlns:z='urn:z' z:c='3'/>", "y"),
    ] {
        assert!(SENT.contains(from), "{from}");
        digests.push(digest(&SENT.replace(from, to)));
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 13);
}
