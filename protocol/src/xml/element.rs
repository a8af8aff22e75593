use std::fmt;

use super::error::{ParseError, ParseErrorKind};
use super::scan::{Item, Scanner, StartTag, XmlLimits};
use super::write::{escape_text, push_attribute};
use crate::ns;

/// An element as a tree: for IQs, nonzas and small payloads, not for messages on their way through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    name: String,
    ns: String,
    attributes: Vec<Attribute>,
    nodes: Vec<Node>,
}

/// One attribute; `ns` is empty for the usual, unprefixed kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Namespace name or nothing.
    pub ns: String,
    /// Local name.
    pub name: String,
    /// Value with references resolved.
    pub value: String,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data; never empty, never two in a row.
    Text(String),
}

impl Element {
    /// An empty element `<name xmlns='ns'/>`.
    pub fn new(name: impl Into<String>, ns: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ns: ns.into(),
            attributes: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Reads one element, strictly.
    ///
    /// # Errors
    /// As [`Scanner::next_item`].
    pub fn parse(text: &str, limits: XmlLimits) -> Result<Self, ParseError> {
        Self::build(Scanner::new(text, limits)?)
    }

    /// Reads an element that stands inside a stanza, where `jabber:client` is the default namespace.
    ///
    /// # Errors
    /// As [`Scanner::next_item`].
    pub fn parse_child(text: &str) -> Result<Self, ParseError> {
        Self::build(Scanner::with_default_ns(
            text,
            XmlLimits::RELAYED,
            ns::CLIENT,
        )?)
    }

    fn build(mut scanner: Scanner<'_>) -> Result<Self, ParseError> {
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        while let Some(item) = scanner.next_item()? {
            match item {
                Item::Start(tag) => open.push(Self::of_tag(&tag)),
                Item::Text(text) => {
                    if let Some(parent) = open.last_mut() {
                        parent.push_text(&text);
                    }
                }
                Item::End { .. } => {
                    let Some(element) = open.pop() else { continue };
                    match open.last_mut() {
                        Some(parent) => parent.nodes.push(Node::Element(element)),
                        None => root = Some(element),
                    }
                }
            }
        }
        root.ok_or(ParseError {
            at: 0,
            kind: ParseErrorKind::NotWellFormed("no element"),
        })
    }

    fn of_tag(tag: &StartTag<'_>) -> Self {
        let attributes = tag.attributes.iter().map(|(ns, name, value)| Attribute {
            ns: ns.to_string(),
            name: (*name).to_owned(),
            value: value.to_string(),
        });
        Self {
            name: tag.name.to_owned(),
            ns: tag.ns.to_string(),
            attributes: attributes.collect(),
            nodes: Vec::new(),
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attr(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.set_attr(name, value);
        self
    }

    /// Adds an attribute if there is a value.
    #[must_use]
    pub fn attr_opt(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds an attribute of a namespace.
    #[must_use]
    pub fn attr_ns(mut self, ns: &str, name: &str, value: impl fmt::Display) -> Self {
        let (ns, name, value) = (ns.to_owned(), name.to_owned(), value.to_string());
        self.attributes.push(Attribute { ns, name, value });
        self
    }

    /// Sets an attribute without namespace.
    pub fn set_attr(&mut self, name: &str, value: impl fmt::Display) {
        let value = value.to_string();
        match self
            .attributes
            .iter_mut()
            .find(|a| a.ns.is_empty() && a.name == name)
        {
            Some(attribute) => attribute.value = value,
            None => {
                self.attributes.push(Attribute {
                    ns: String::new(),
                    name: name.to_owned(),
                    value,
                });
            }
        }
    }

    /// Adds a child element.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// Adds child elements.
    #[must_use]
    pub fn children_from(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Adds character data.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.push_text(text.as_ref());
        self
    }

    fn push_text(&mut self, text: &str) {
        match self.nodes.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(last)) => last.push_str(text),
            _ => self.nodes.push(Node::Text(text.to_owned())),
        }
    }

    /// Local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Namespace name.
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// Whether this is `<name xmlns='ns'>`.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// Value of an attribute without namespace.
    pub fn get_attr(&self, name: &str) -> Option<&str> {
        self.get_attr_ns("", name)
    }

    /// Value of an attribute of a namespace.
    pub fn get_attr_ns(&self, ns: &str, name: &str) -> Option<&str> {
        let found = self
            .attributes
            .iter()
            .find(|a| a.ns == ns && a.name == name);
        found.map(|a| a.value.as_str())
    }

    /// All attributes, namespace declarations not among them.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// All nodes in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The child elements in order.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child `<name xmlns='ns'>`.
    pub fn find(&self, name: &str, ns: &str) -> Option<&Self> {
        self.children().find(|child| child.is(name, ns))
    }

    /// The character data directly inside, put together.
    pub fn own_text(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// Appends the element as XML; its namespace is declared unless it is `parent_ns`.
    pub fn write(&self, out: &mut String, parent_ns: &str) {
        self.write_in(out, parent_ns, &mut Vec::new());
    }

    /// Writes the element where `prefixed` are the namespaces that ancestors gave the prefixes a0,
    /// a1 and so on.
    fn write_in<'a>(&'a self, out: &mut String, parent_ns: &str, prefixed: &mut Vec<&'a str>) {
        let outside = prefixed.len();
        // The `xml` namespace has its prefix and can be nobody's default (Namespaces in XML §3).
        let is_xml = self.ns == ns::XML;
        let tag = if is_xml { "xml:" } else { "" };
        let inner_ns = if is_xml { parent_ns } else { &self.ns };
        out.push('<');
        out.push_str(tag);
        out.push_str(&self.name);
        if inner_ns != parent_ns {
            push_attribute(out, "xmlns", inner_ns);
        }
        for attribute in &self.attributes {
            write_attribute(out, prefixed, attribute);
        }
        if self.nodes.is_empty() {
            out.push_str("/>");
            return prefixed.truncate(outside);
        }
        out.push('>');
        for node in &self.nodes {
            match node {
                Node::Element(child) => child.write_in(out, inner_ns, prefixed),
                Node::Text(text) => escape_text(out, text),
            }
        }
        out.push_str("</");
        out.push_str(tag);
        out.push_str(&self.name);
        out.push('>');
        prefixed.truncate(outside);
    }
}

fn write_attribute<'a>(out: &mut String, prefixed: &mut Vec<&'a str>, attribute: &'a Attribute) {
    let name = &attribute.name;
    match attribute.ns.as_str() {
        "" => push_attribute(out, name, &attribute.value),
        ns::XML => push_attribute(out, &format!("xml:{name}"), &attribute.value),
        other => {
            let known = prefixed.iter().position(|uri| *uri == other);
            let index = known.unwrap_or(prefixed.len());
            if known.is_none() {
                push_attribute(out, &format!("xmlns:a{index}"), other);
                prefixed.push(other);
            }
            push_attribute(out, &format!("a{index}:{name}"), &attribute.value);
        }
    }
}

impl fmt::Display for Element {
    /// Writes the element as a document of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, "");
        f.write_str(&out)
    }
}
