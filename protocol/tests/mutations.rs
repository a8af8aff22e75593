//! Random damage to good stanzas: whatever comes out, we are never more lenient than a strict
//! parser, and what we accept means the same wherever it is put.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic as tests do"
)]

mod tools;

use proptest::prelude::*;

const SEEDS: &[&str] = &[
    "<message xmlns='jabber:client' to='juliet@capulet.example/hall' type='chat' id='1' xml:lang='en'><body>Ay &lt;me&gt; &amp; &#x1F483;</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<c:message xmlns:c='jabber:client' xmlns='urn:a' xmlns:p='urn:p'><x p:y='1' z=\"2\"><c:body>x</c:body><p:w><v xmlns=''/></p:w></x> <p:u xmlns:p='urn:q'/></c:message>",
    "<iq xmlns='jabber:client' type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='a@b' name='&apos;&quot;'><group>G</group></item></query></iq>",
    "<?xml version='1.0' encoding='utf-8'?>\n<presence xmlns='jabber:client'><show>dnd</show><status xml:lang='de'><![CDATA[<weg>]]>]]</status></presence>\r\n",
    "<stream:features xmlns:stream='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='capulet.example' version='1.0'/>",
];

#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "<", ">", "/", "/>", "</", "<a>", "</a>", "<a/>", "&", ";", "&amp;", "&lt;", "&#13;", "&#10;", "&#x9;", "&#0;",
    "&#xD800;", "&nbsp;", "'", "\"", "=", " ", "\t", "\r", "\n", "\r\n", "]]>", "]", "<![CDATA[", "<![CDATA[x]]>",
    "<!--", "-->", "<!-- c -->", "<?x ?>", "?>", "<!DOCTYPE a>", "<!", "<?", ":", "p:", "c:", "xml:", "xmlns:",
    "<p:x/>", "<xml:x/>", " a='b'", " p:a='b'", " xml:lang='fr'", " xml:space='preserve'", " xml:id='i'",
    " xmlns='urn:a'", " xmlns=''", " xmlns='jabber:client'", " xmlns:p='urn:a'", " xmlns:p='jabber:client'",
    " xmlns:q=' urn:a '", " xmlns:p=''", " xmlns:xml='urn:x'", " xmlns:a0='urn:p'", "<q:x xmlns:q='urn:q' q:y=''/>",
    "<body>", "</body>", "</message>", "<message xmlns='jabber:client'>", "\u{0}", "\u{1}", "\u{FFFE}", "\u{FEFF}",
    "\u{A0}", "\u{85}", "\u{2028}", "é", "\u{300}", "·", "-", ".", "1", "💃",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(usize, usize),
    Replace(usize, char),
    Delete(usize, usize),
    Repeat(usize, usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0..400_usize;
    prop_oneof![
        4 => (place.clone(), 0..FRAGMENTS.len()).prop_map(|(at, which)| Damage::Insert(at, which)),
        1 => (place.clone(), any::<char>()).prop_map(|(at, c)| Damage::Replace(at, c)),
        1 => (place.clone(), (0x20..0x7f_u8).prop_map(char::from)).prop_map(|(at, c)| Damage::Replace(at, c)),
        1 => (place.clone(), 1..12_usize).prop_map(|(at, len)| Damage::Delete(at, len)),
        1 => (place.clone(), 1..40_usize, place).prop_map(|(at, len, to)| Damage::Repeat(at, len, to)),
    ]
}

impl Damage {
    fn apply(&self, text: &mut Vec<char>) {
        let within = |at: usize| at % (text.len() + 1);
        match *self {
            Self::Insert(at, which) => {
                let at = within(at);
                text.splice(at..at, FRAGMENTS[which].chars());
            }
            Self::Replace(at, c) => {
                let at = within(at);
                let end = (at + 1).min(text.len());
                text.splice(at..end, [c]);
            }
            Self::Delete(at, len) => {
                let at = within(at);
                let end = (at + len).min(text.len());
                text.drain(at..end);
            }
            Self::Repeat(at, len, to) => {
                let (at, to) = (within(at), within(to));
                let end = (at + len).min(text.len());
                let part = text[at..end].to_vec();
                text.splice(to..to, part);
            }
        }
    }
}

/// A tag boundary as often as any other place: that is where damage stays well-formed.
fn at_boundary(text: &[char], nth: usize) -> usize {
    let starts: Vec<_> = (0..text.len()).filter(|i| text[*i] == '<').collect();
    starts.get(nth % starts.len().max(1)).copied().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    // proves: WS-03 WS-04 WS-06 CO-14 CO-15 SEC-18 SEC-20
    // covers: SEC-21
    #[test]
    fn damaged_stanzas_are_refused_or_mean_the_same_everywhere(
        seed in 0..SEEDS.len(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for damage in &damages {
            damage.apply(&mut text);
        }
        tools::check(&text.into_iter().collect::<String>());
    }

    // proves: SEC-18 SEC-20
    // covers: SEC-21
    #[test]
    fn fragments_between_tags_are_refused_or_mean_the_same_everywhere(
        seed in 0..SEEDS.len(),
        inserts in prop::collection::vec((0..40_usize, 0..FRAGMENTS.len(), any::<bool>()), 1..4),
    ) {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for (place, which, inside) in inserts {
            let mut at = at_boundary(&text, place);
            if inside {
                at += text[at..].iter().position(|c| " />".contains(*c)).unwrap_or(0);
            }
            text.splice(at..at, FRAGMENTS[which].chars());
        }
        tools::check(&text.into_iter().collect::<String>());
    }

    // proves: SEC-18
    #[test]
    fn soup_of_fragments_is_refused_or_means_the_same_everywhere(
        parts in prop::collection::vec(0..FRAGMENTS.len(), 0..12),
    ) {
        let inner: String = parts.iter().map(|which| FRAGMENTS[*which]).collect();
        tools::check(&inner);
        tools::check(&format!("<message xmlns='jabber:client' xmlns:p='urn:p'>{inner}</message>"));
        tools::check(&format!("<message xmlns='jabber:client' xmlns:p='urn:p'><p:x {inner}/></message>"));
    }
}
