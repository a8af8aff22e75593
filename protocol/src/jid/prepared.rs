//! Addresses that a server has prepared: taken apart, and checked for what no address may have.
//!
//! ASCII letters are folded all the same. Anything else is taken as it is written.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The longest part, in bytes.
const PART_MAX: usize = 1_023;
/// The longest domain, in bytes, and the longest part of one between dots.
const DOMAIN_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Why a text is no address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JidError {
    /// Its local part is empty, too long, or has characters that none may have.
    #[error("no local part of an address")]
    Node,
    /// Its domain is none.
    #[error("no domain of an address")]
    Domain,
    /// Its resource is empty, too long, or has control characters.
    #[error("no resource of an address")]
    Resource,
    /// It has a resource where it must not, or none where it must.
    #[error("a resource where none belongs, or none where one does")]
    Kind,
}

/// A part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a>(&'a str);

impl<'a> Part<'a> {
    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An address, with a resource or without.
#[derive(Clone, Eq)]
pub struct Jid {
    text: String,
    /// Where the domain begins and ends.
    domain: (u16, u16),
}

/// An address without a resource: of an account, or of a server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareJid(Jid);

/// An address with a resource: of one device.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullJid(Jid);

impl Jid {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: &str) -> Result<Self, JidError> {
        let (front, resource) = match text.split_once('/') {
            Some((front, resource)) => (front, Some(resource)),
            None => (text, None),
        };
        let (node, domain) = match front.split_once('@') {
            Some((node, domain)) => (Some(node), domain),
            None => (None, front),
        };
        if node.is_some_and(|node| !is_node(node)) {
            return Err(JidError::Node);
        }
        if !is_domain(domain) {
            return Err(JidError::Domain);
        }
        if resource.is_some_and(|resource| !is_resource(resource)) {
            return Err(JidError::Resource);
        }
        Ok(Self::join(node, domain, resource))
    }

    /// Puts an address together from parts that are fit for it.
    fn join(node: Option<&str>, domain: &str, resource: Option<&str>) -> Self {
        let mut text = String::new();
        if let Some(node) = node {
            text.push_str(node);
            text.push('@');
        }
        let begin = text.len();
        text.push_str(domain);
        let end = text.len();
        text.make_ascii_lowercase();
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        // No part is longer than its bound, so neither is beyond what fits.
        let at = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        Self {
            text,
            domain: (at(begin), at(end)),
        }
    }

    fn part(&self, from: usize, to: usize) -> Part<'_> {
        Part(self.text.get(from..to).unwrap_or_default())
    }

    /// The local part.
    #[must_use]
    pub fn node(&self) -> Option<Part<'_>> {
        let end = usize::from(self.domain.0).checked_sub(1)?;
        Some(self.part(0, end))
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> Part<'_> {
        self.part(self.domain.0.into(), self.domain.1.into())
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> Option<Part<'_>> {
        let begin = usize::from(self.domain.1) + 1;
        (begin <= self.text.len()).then(|| self.part(begin, self.text.len()))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address without its resource.
    #[must_use]
    pub fn to_bare(&self) -> BareJid {
        let text = self.text.get(..self.domain.1.into()).unwrap_or_default();
        BareJid(Self {
            text: text.to_owned(),
            domain: self.domain,
        })
    }

    /// Whether it has no resource.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.resource().is_none()
    }

    /// The address with its resource, or without one.
    ///
    /// # Errors
    /// The bare address when it has none.
    pub fn try_into_full(self) -> Result<FullJid, BareJid> {
        if self.is_bare() {
            Err(BareJid(self))
        } else {
            Ok(FullJid(self))
        }
    }
}

impl BareJid {
    /// Reads an address without a resource.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: &str) -> Result<Self, JidError> {
        match Jid::new(text)?.try_into_full() {
            Err(bare) => Ok(bare),
            Ok(_) => Err(JidError::Kind),
        }
    }

    /// Puts parts of other addresses together.
    #[must_use]
    pub fn from_parts(node: Option<Part<'_>>, domain: Part<'_>) -> Self {
        Self(Jid::join(node.map(Part::as_str), domain.as_str(), None))
    }

    /// Adds the resource of another address.
    #[must_use]
    pub fn with_resource(&self, resource: Part<'_>) -> FullJid {
        FullJid(Jid {
            text: format!("{self}/{resource}"),
            domain: self.domain,
        })
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// When it is none.
    pub fn with_resource_str(&self, resource: &str) -> Result<FullJid, JidError> {
        if !is_resource(resource) {
            return Err(JidError::Resource);
        }
        Ok(self.with_resource(Part(resource)))
    }
}

impl FullJid {
    /// Reads an address with a resource.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: &str) -> Result<Self, JidError> {
        Jid::new(text)?.try_into_full().map_err(|_| JidError::Kind)
    }
}

fn is_node(node: &str) -> bool {
    let is_refused = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '"' | '&' | '\'' | ':' | '<' | '>')
    };
    (1..=PART_MAX).contains(&node.len()) && !node.contains(is_refused)
}

fn is_domain(domain: &str) -> bool {
    if let Some(address) = domain.strip_prefix('[') {
        let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
        return address
            .strip_suffix(']')
            .is_some_and(|address| !address.is_empty() && address.chars().all(is_part));
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    // What no domain of a URL may have.
    let is_part = |c: char| !c.is_control() && !c.is_whitespace() && !r"%#/:<>?@[\]^|".contains(c);
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(is_part)
    };
    domain.len() <= DOMAIN_MAX && domain.split('.').all(is_label)
}

fn is_resource(resource: &str) -> bool {
    (1..=PART_MAX).contains(&resource.len()) && !resource.contains(char::is_control)
}

impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({:?})", self.text)
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::new(text)
    }
}

impl Serialize for Jid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Jid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

/// What an address of one kind has in common with any other.
macro_rules! is_a_jid {
    ($kind:ident) => {
        impl Deref for $kind {
            type Target = Jid;

            fn deref(&self) -> &Jid {
                &self.0
            }
        }

        impl Borrow<Jid> for $kind {
            fn borrow(&self) -> &Jid {
                &self.0
            }
        }

        impl From<$kind> for Jid {
            fn from(jid: $kind) -> Self {
                jid.0
            }
        }

        impl PartialEq<Jid> for $kind {
            fn eq(&self, other: &Jid) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<$kind> for Jid {
            fn eq(&self, other: &$kind) -> bool {
                *self == other.0
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($kind), "({:?})"), self.0.text)
            }
        }

        impl FromStr for $kind {
            type Err = JidError;

            fn from_str(text: &str) -> Result<Self, JidError> {
                Self::new(text)
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(de::Error::custom)
            }
        }
    };
}

is_a_jid!(BareJid);
is_a_jid!(FullJid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (text, node, domain, resource) in [
            ("b", None, "b", None),
            ("a@b", Some("a"), "b", None),
            ("b/r", None, "b", Some("r")),
            ("a@b/c@d/e", Some("a"), "b", Some("c@d/e")),
            (
                "romeo@capulet.example./ x ",
                Some("romeo"),
                "capulet.example.",
                Some(" x "),
            ),
            ("å@bücher.example/é", Some("å"), "bücher.example", Some("é")),
            ("a@127.0.0.1", Some("a"), "127.0.0.1", None),
            ("a@[::1]", Some("a"), "[::1]", None),
        ] {
            let jid = Jid::new(text).unwrap();
            assert_eq!(jid.as_str(), text);
            assert_eq!(jid.node().map(Part::as_str), node, "{text}");
            assert_eq!(jid.domain().as_str(), domain, "{text}");
            assert_eq!(jid.resource().map(Part::as_str), resource, "{text}");
            assert_eq!(jid.is_bare(), resource.is_none());
            assert_eq!(BareJid::new(text).is_ok(), resource.is_none());
            assert_eq!(FullJid::new(text).is_ok(), resource.is_some());
            let bare = jid.to_bare();
            assert_eq!(bare, BareJid::from_parts(jid.node(), jid.domain()));
            if let Some(resource) = resource {
                assert_eq!(bare.with_resource_str(resource).unwrap(), jid);
            }
        }
        let folded = Jid::new("ROMEO@Capulet.Example/R").unwrap();
        assert_eq!(folded.as_str(), "romeo@capulet.example/R");
    }

    #[test]
    fn what_no_address_may_have_is_refused() {
        let long = "a".repeat(1_024);
        for text in [
            "",
            "@",
            "/r",
            "@b",
            "a@",
            "a@/r",
            "b/",
            "a@b/",
            "a@@b",
            "a@b@c",
            "a b@c",
            "a&b@c",
            "a:b@c",
            "a<b@c",
            "a\u{A0}b@c",
            "a@b c",
            "a@-b",
            "a@.",
            "a@b..c",
            "a@[::1",
            "a@[]",
            "a@b/\u{1}",
            "a@b/\t",
            &long,
            &format!("{long}@b"),
            &format!("a@b/{long}"),
            &format!("a@{}", &long[..64]),
        ] {
            assert!(Jid::new(text).is_err(), "{text:?}");
        }
        assert!(BareJid::new("a@b").unwrap().with_resource_str("").is_err());
    }

    #[cfg(feature = "prep")]
    proptest::proptest! {
        #[test]
        fn what_a_server_prepared_is_the_same_here(
            text in r"([a-zA-Zß-ſ０-９ -~]{1,6}@)?[a-zA-Zß-ſ.-]{1,8}(/\PC{1,6})?",
        ) {
            // The other crate miscounts where the resource begins behind a domain with a last dot.
            let prepared = ::jid::Jid::new(&text).ok().filter(|_| !text.contains("./"));
            if let Some(prepared) = prepared {
                let here = Jid::new(prepared.as_str()).unwrap();
                assert_eq!(here.as_str(), prepared.as_str());
                let parts = |node: Option<&str>, domain: &str, resource: Option<&str>| {
                    format!("{node:?} {domain:?} {resource:?}")
                };
                assert_eq!(
                    parts(here.node().map(Part::as_str), here.domain().as_str(), here.resource().map(Part::as_str)),
                    parts(
                        prepared.node().map(|part| part.as_str()),
                        prepared.domain().as_str(),
                        prepared.resource().map(|part| part.as_str()),
                    ),
                );
            }
        }
    }
}
