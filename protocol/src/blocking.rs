//! Blocking (XEP-0191): of whom an account wants to hear nothing.

use std::collections::BTreeSet;

use crate::Condition;
use crate::jid::{BareJid, Jid};
use crate::ns;
use crate::xml::Element;

/// The addresses that an account blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocklist(BTreeSet<Jid>);

impl Blocklist {
    /// Whether somebody is blocked: by address, account, domain and resource, or domain (BL-05).
    pub fn blocks(&self, jid: &Jid) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let domain = BareJid::from_parts(None, jid.domain());
        let of_domain = jid
            .resource()
            .map(|resource| domain.with_resource(resource));
        self.0.contains(jid)
            || self.0.contains(&Jid::from(jid.to_bare()))
            || of_domain.is_some_and(|jid| self.0.contains(&Jid::from(jid)))
            || self.0.contains(&Jid::from(domain))
    }

    /// Whether whoever this is, with all resources, is blocked.
    pub fn blocks_account(&self, account: &BareJid) -> bool {
        self.blocks(&Jid::from(account.clone()))
    }

    /// The resources of an account that are blocked by themselves, with whatever account, or at all
    /// (BL-05). If the whole account is blocked there may be none.
    pub fn resources_of(&self, account: &BareJid) -> BTreeSet<String> {
        if self.0.is_empty() {
            return BTreeSet::new();
        }
        let domain = BareJid::from_parts(None, account.domain());
        let both = [account, &domain].map(|bare| self.resources_under(bare));
        both.into_iter().flatten().collect()
    }

    fn resources_under<'a>(&'a self, bare: &BareJid) -> impl Iterator<Item = String> + 'a {
        // Addresses are in the order of their texts, and no resource comes before this one.
        let first = bare.with_resource_str(" ").map(Jid::from);
        let first = first.unwrap_or_else(|_| Jid::from(bare.clone()));
        let front = format!("{bare}/");
        let behind = self.0.range(first..);
        let resources = behind.map_while(move |jid| jid.as_str().strip_prefix(&front));
        resources.map(str::to_owned)
    }

    /// Adds addresses.
    pub fn block(&mut self, jids: impl IntoIterator<Item = Jid>) {
        self.0.extend(jids);
    }

    /// Takes addresses out.
    pub fn unblock<'a>(&mut self, jids: impl IntoIterator<Item = &'a Jid>) {
        for jid in jids {
            self.0.remove(jid);
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Jid> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is blocked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes `<blocklist/>`.
    pub fn to_element(&self) -> Element {
        with_items("blocklist", self.iter())
    }
}

impl FromIterator<Jid> for Blocklist {
    fn from_iter<I: IntoIterator<Item = Jid>>(jids: I) -> Self {
        Self(jids.into_iter().collect())
    }
}

/// What a client asks for, or is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// These are blocked.
    Block(Vec<Jid>),
    /// These are blocked no longer.
    Unblock(Vec<Jid>),
    /// Nobody is blocked any longer.
    UnblockAll,
}

impl Request {
    /// Reads `<block/>` or `<unblock/>`; `None` for other elements (BL-01).
    ///
    /// # Errors
    /// `bad-request` if nobody is to be blocked, `jid-malformed` for what is no address.
    pub fn from_element(element: &Element) -> Option<Result<Self, Condition>> {
        let blocks = match (element.name(), element.ns()) {
            ("block", ns::BLOCKING) => true,
            ("unblock", ns::BLOCKING) => false,
            _ => return None,
        };
        let items = element.children().filter(|c| c.is("item", ns::BLOCKING));
        let jids = items.map(|item| Jid::new(item.get_attr("jid")?).ok());
        Some(match (blocks, jids.collect::<Option<Vec<_>>>()) {
            (_, None) => Err(Condition::JidMalformed),
            (true, Some(jids)) if jids.is_empty() => Err(Condition::BadRequest),
            (true, Some(jids)) => Ok(Self::Block(jids)),
            (false, Some(jids)) if jids.is_empty() => Ok(Self::UnblockAll),
            (false, Some(jids)) => Ok(Self::Unblock(jids)),
        })
    }

    /// Writes `<block/>` or `<unblock/>`.
    pub fn to_element(&self) -> Element {
        match self {
            Self::Block(jids) => with_items("block", jids),
            Self::Unblock(jids) => with_items("unblock", jids),
            Self::UnblockAll => with_items("unblock", []),
        }
    }
}

/// Tells a client that it blocks whom it writes to (BL-03).
pub fn blocked() -> Element {
    Element::new("blocked", ns::BLOCKING_ERRORS)
}

fn with_items<'a>(name: &'static str, jids: impl IntoIterator<Item = &'a Jid>) -> Element {
    let items = jids
        .into_iter()
        .map(|jid| Element::new("item", ns::BLOCKING).attr("jid", jid));
    Element::new(name, ns::BLOCKING).children_from(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(jids: &[&str]) -> Blocklist {
        jids.iter().map(|jid| Jid::new(jid).unwrap()).collect()
    }

    // proves: BL-05
    #[test]
    fn addresses_match_in_four_ways() {
        let everybody = [
            "romeo@verona.example/street",
            "romeo@verona.example/garden",
            "romeo@verona.example",
            "tybalt@verona.example/street",
            "verona.example/street",
            "verona.example",
            "romeo@mantua.example/street",
        ];
        let cases = [
            ("romeo@verona.example/street", "x------"),
            ("romeo@verona.example", "xxx----"),
            ("verona.example/street", "x--xx--"),
            ("verona.example", "xxxxxx-"),
        ];
        for (blocked, expected) in cases {
            let list = list(&[blocked]);
            let found = everybody.map(|jid| match list.blocks(&Jid::new(jid).unwrap()) {
                true => 'x',
                false => '-',
            });
            assert_eq!(String::from_iter(found), expected, "{blocked}");
        }
    }

    // proves: BL-05
    #[test]
    fn resources_are_found_among_their_like() {
        let list = list(&[
            "romeo@verona.example",
            "romeo@verona.example-two/no",
            "romeo@verona.example.org/no",
            "romeo@verona.example/street",
            "romeo@verona.example/a garden/at night",
            "romeo@verona.example0/no",
            "tybalt@verona.example/no",
            "verona.example",
            "verona.example.org/no",
            "verona.example/phone",
        ]);
        let of = |jid: &str| Vec::from_iter(list.resources_of(&BareJid::new(jid).unwrap()));
        let expected = ["a garden/at night", "phone", "street"];
        assert_eq!(of("romeo@verona.example"), expected);
        assert_eq!(of("nurse@verona.example"), ["phone"]);
        assert_eq!(of("verona.example"), ["phone"]);
        assert!(of("romeo@mantua.example").is_empty());
    }

    // proves: BL-01
    #[test]
    fn requests_are_read_and_written() {
        let of = |text: &str| Request::from_element(&Element::parse_child(text).unwrap());
        let jid = Jid::new("tybalt@verona.example").unwrap();
        for request in [
            Request::Block(vec![jid.clone()]),
            Request::Unblock(vec![jid]),
            Request::UnblockAll,
        ] {
            let mut text = String::new();
            request.to_element().write(&mut text, "");
            assert_eq!(of(&text), Some(Ok(request)));
        }
        let cases = [
            ("<block xmlns='urn:xmpp:blocking'/>", Condition::BadRequest),
            (
                "<block xmlns='urn:xmpp:blocking'><item jid='@'/></block>",
                Condition::JidMalformed,
            ),
            (
                "<unblock xmlns='urn:xmpp:blocking'><item/></unblock>",
                Condition::JidMalformed,
            ),
        ];
        for (text, condition) in cases {
            assert_eq!(of(text), Some(Err(condition)), "{text}");
        }
        assert_eq!(of("<block xmlns='urn:x'/>"), None);
    }
}
