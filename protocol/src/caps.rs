//! What a session says it can do, by a hash in its presence (XEP-0115, DI-02).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::form::values;
use crate::ns;
use crate::stanza::Stanza;
use crate::xml::Element;

/// Bytes of a hash or the node beside it; longer ones are not looked at (DI-03).
const TEXT_BYTES_MAX: usize = 255;

/// What presence says of capabilities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caps {
    /// Names the software.
    pub node: String,
    /// The hash.
    pub ver: String,
    /// Whether the hash is SHA-1, which all use; others cannot be checked.
    pub is_sha1: bool,
}

impl Caps {
    /// Reads the `<c/>` of presence.
    pub fn of_presence(presence: &Stanza) -> Option<Self> {
        let c = presence.find("c", ns::CAPS)?.element().ok()?;
        let text = |name| {
            let text: &str = c.get_attr(name)?;
            let fits = !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
            fits.then(|| text.to_owned())
        };
        Some(Self {
            node: text("node")?,
            ver: text("ver")?,
            is_sha1: c.get_attr("hash") == Some("sha-1"),
        })
    }

    /// Writes `<c/>`.
    pub fn to_element(&self) -> Element {
        Element::new("c", ns::CAPS)
            .attr("hash", "sha-1")
            .attr("node", &self.node)
            .attr("ver", &self.ver)
    }

    /// The question for what the hash stands for.
    pub fn question(&self) -> Element {
        let node = format!("{}#{}", self.node, self.ver);
        Element::new("query", ns::DISCO_INFO).attr("node", node)
    }

    /// Whether the description is what the hash stands for.
    pub fn fits(&self, description: &Element) -> bool {
        self.is_sha1 && hash(description).is_some_and(|ver| ver == self.ver)
    }
}

/// The features of a description.
pub fn features(description: &Element) -> impl Iterator<Item = &str> {
    let features = description
        .children()
        .filter(|child| child.is("feature", ns::DISCO_INFO));
    features.filter_map(|feature| feature.get_attr("var"))
}

/// The hash of a description: SHA-1 over all of it, sorted; `None` for one that names something twice
/// or could be read in two ways.
pub fn hash(description: &Element) -> Option<String> {
    let identities = description
        .children()
        .filter(|child| child.is("identity", ns::DISCO_INFO))
        .map(|identity| {
            let part = |name| identity.get_attr(name).unwrap_or_default();
            let lang = identity.get_attr_ns(ns::XML, "lang").unwrap_or_default();
            [part("category"), part("type"), lang, part("name")].join("/")
        });
    let mut text = lines(identities.collect())?;
    text += &lines(features(description).map(str::to_owned).collect())?;
    let forms = description
        .children()
        .filter(|child| child.is("x", ns::DATA));
    let mut typed = Vec::new();
    for form in forms {
        typed.extend(of_form(form)?);
    }
    typed.sort_unstable();
    if typed
        .windows(2)
        .any(|pair| matches!(pair, [(a, _), (b, _)] if a == b))
    {
        return None;
    }
    for (kind, fields) in typed {
        text += &lines(vec![kind])?;
        text += &fields;
    }
    Some(STANDARD.encode(Sha1::digest(text)))
}

/// FORM_TYPE and the text of the fields; forms without a type do not count.
fn of_form(form: &Element) -> Option<Option<(String, String)>> {
    let mut kind = None;
    let mut fields = Vec::new();
    for field in form.children().filter(|c| c.is("field", ns::DATA)) {
        let Some(var) = field.get_attr("var") else {
            continue;
        };
        let mut values = values(field);
        if var == "FORM_TYPE" {
            values.dedup();
            let [only] = values.as_slice() else {
                return None;
            };
            kind = Some(only.clone());
            continue;
        }
        values.sort_unstable();
        fields.push((var.to_owned(), values));
    }
    fields.sort_unstable();
    let mut text = String::new();
    for (var, values) in fields {
        for part in std::iter::once(var).chain(values) {
            text += &lines(vec![part])?;
        }
    }
    Some(kind.map(|kind| (kind, text)))
}

/// Each with `<` behind it, sorted; `None` if one comes twice or holds that sign itself.
fn lines(mut parts: Vec<String>) -> Option<String> {
    parts.sort_unstable();
    let is_twice = parts
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == b));
    if is_twice || parts.iter().any(|part| part.contains('<')) {
        return None;
    }
    Some(parts.into_iter().map(|part| part + "<").collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::XmlLimits;

    fn parse(children: &str) -> Element {
        let xml = format!("<query xmlns='{}'>{children}</query>", ns::DISCO_INFO);
        Element::parse(&xml, XmlLimits::AFTER_LOGIN).unwrap()
    }

    const PSI: &str = "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
        <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>\
        <feature var='http://jabber.org/protocol/caps'/>\
        <feature var='http://jabber.org/protocol/disco#info'/>\
        <feature var='http://jabber.org/protocol/disco#items'/>\
        <feature var='http://jabber.org/protocol/muc'/>\
        <x xmlns='jabber:x:data' type='result'>\
        <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>\
        <field var='ip_version'><value>ipv4</value><value>ipv6</value></field>\
        <field var='os'><value>Mac</value></field>\
        <field var='os_version'><value>10.5.1</value></field>\
        <field var='software'><value>Psi</value></field>\
        <field var='software_version'><value>0.11</value></field></x>";

    // proves: DI-02
    #[test]
    fn the_complex_example_of_xep_0115_gives_its_hash() {
        assert_eq!(
            hash(&parse(PSI)).as_deref(),
            Some("q07IKJEyjvHSyhy//CH0CxmKi8w=")
        );
    }

    // proves: DI-02, DI-03
    #[test]
    fn a_description_that_says_something_twice_has_no_hash() {
        for twice in [
            "<feature var='a'/><feature var='a'/>",
            "<identity category='client' type='pc'/><identity category='client' type='pc'/>",
            "<feature var='a&lt;b'/>",
        ] {
            assert_eq!(hash(&parse(twice)), None, "{twice}");
        }
        let form = "<x xmlns='jabber:x:data' type='result'>\
            <field var='FORM_TYPE' type='hidden'><value>a</value></field></x>";
        assert!(hash(&parse(form)).is_some());
        assert_eq!(hash(&parse(&[form, form].concat())), None);
    }

    // proves: DI-03
    #[test]
    fn only_the_right_description_fits() {
        let caps = |is_sha1| Caps {
            node: "http://psi-im.org".to_owned(),
            ver: "q07IKJEyjvHSyhy//CH0CxmKi8w=".to_owned(),
            is_sha1,
        };
        assert!(caps(true).fits(&parse(PSI)));
        assert!(!caps(false).fits(&parse(PSI)));
        assert!(!caps(true).fits(&parse("<feature var='urn:xmpp:avatar:metadata+notify'/>")));
    }
}
