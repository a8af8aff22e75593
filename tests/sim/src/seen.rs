//! What a frame says, as far as a rule of the checker asks. Each frame is read once, where it is written.

use std::sync::Arc;

use protocol::sm::SmNonza;
use protocol::stanza::{Child, Stanza};
use protocol::{Element, Frame, Message, StanzaKind, Text, XmlLimits, ns};
use serde::Serialize;

/// Everything that one frame says, in order; a SASL2 success says several things at once.
pub(crate) type All = Arc<[Seen]>;

/// One thing that a frame says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "frame", rename_all = "kebab-case")]
pub(crate) enum Seen {
    /// A message that is a line of a conversation, or the record of a bounce.
    Line(Box<Line>),
    /// One entry of a page.
    Result {
        queryid: String,
        line: Box<Line>,
    },
    /// The end of a page; the answer to the iq of this id.
    Fin {
        iq: String,
        complete: bool,
    },
    /// A query of the archive.
    Query {
        iq: String,
        after: Option<String>,
        max: u32,
    },
    /// "Your message was not archived" (S11-33).
    Notice {
        mid: String,
    },
    /// A message came back, or was refused.
    Refusal {
        mid: String,
    },
    Presence {
        from: String,
        kind: String,
        priority: i8,
    },
    /// The answer to `<bind/>`.
    Bound {
        jid: String,
    },
    /// Any other iq.
    Iq {
        kind: String,
        iq: String,
        about: String,
        xml: String,
    },
    /// Any other message: its children.
    Beside {
        xml: String,
    },
    Ack {
        h: u32,
    },
    Request,
    Enable,
    Enabled {
        sm: Option<String>,
    },
    Resume {
        previd: String,
        h: u32,
        pos: Option<String>,
    },
    Resumed {
        previd: String,
        h: u32,
        restored: bool,
    },
    NotResumed {
        h: Option<u32>,
    },
    /// `<enable/>` of a mode, by its namespace.
    Mode {
        ns: String,
    },
    /// The mode is on; s11 tells a prefix.
    ModeOn {
        prefix: Option<String>,
    },
    Active {
        is_active: bool,
    },
    LoggedIn,
    StreamError {
        condition: String,
        text: String,
    },
    Close,
    /// Features, SASL and whatever else no rule asks about.
    Other,
}

/// A message of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Line {
    /// Address in `from` of the message itself, not of a wrapper.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) mid: String,
    pub(crate) text: String,
    /// Stanza-ids: (by, id).
    pub(crate) ids: Vec<(String, String)>,
    /// The wrapper, if it is a copy in one: (`sent` or `received`, namespace).
    pub(crate) wrap: Option<(String, String)>,
    pub(crate) unarchived: bool,
    /// The prefix of `<resend/>`.
    pub(crate) resend: Option<String>,
    /// Whether it is the record of a bounce.
    pub(crate) bounced: bool,
    /// Whether it waited for somebody to be there.
    pub(crate) late: bool,
    /// Whether it is a receipt or a marker.
    pub(crate) signal: bool,
}

impl Seen {
    /// Whether stream management counts it (SM-02).
    pub(crate) fn counts(&self) -> bool {
        match self {
            Self::Line(_)
            | Self::Result { .. }
            | Self::Fin { .. }
            | Self::Query { .. }
            | Self::Notice { .. }
            | Self::Refusal { .. }
            | Self::Presence { .. }
            | Self::Bound { .. }
            | Self::Iq { .. }
            | Self::Beside { .. } => true,
            Self::Ack { .. }
            | Self::Request
            | Self::Enable
            | Self::Enabled { .. }
            | Self::Resume { .. }
            | Self::Resumed { .. }
            | Self::NotResumed { .. }
            | Self::Mode { .. }
            | Self::ModeOn { .. }
            | Self::Active { .. }
            | Self::LoggedIn
            | Self::StreamError { .. }
            | Self::Close
            | Self::Other => false,
        }
    }

    /// The line that it carries live.
    pub(crate) fn line(&self) -> Option<&Line> {
        match self {
            Self::Line(line) => Some(line),
            _ => None,
        }
    }
}

/// Reads a frame.
pub(crate) fn read(text: &Text) -> All {
    match Frame::parse(text, XmlLimits::RELAYED) {
        Ok(Frame::Stanza(stanza)) => [of_stanza(&stanza)].into(),
        Ok(Frame::Nonza(element)) => of_nonza(&element).into(),
        Ok(Frame::Close { .. }) => [Seen::Close].into(),
        Ok(Frame::Open(_)) | Err(_) => [Seen::Other].into(),
    }
}

/// The line that a stored stanza is.
pub(crate) fn stored(stanza: &Text) -> Option<Line> {
    match Frame::parse(stanza, XmlLimits::RELAYED) {
        Ok(Frame::Stanza(stanza)) => Some(line(&stanza)),
        Ok(Frame::Nonza(_) | Frame::Close { .. } | Frame::Open(_)) | Err(_) => None,
    }
}

fn of_stanza(stanza: &Stanza) -> Seen {
    let header = &stanza.header;
    let kind = || header.kind.clone().unwrap_or_default();
    match stanza.kind {
        StanzaKind::Message => of_message(stanza),
        StanzaKind::Presence => Seen::Presence {
            from: header.from.as_str().unwrap_or_default().to_owned(),
            kind: kind(),
            priority: stanza
                .find("priority", ns::CLIENT)
                .and_then(|child| child.element().ok())
                .and_then(|child| child.own_text().parse().ok())
                .unwrap_or(0),
        },
        StanzaKind::Iq => {
            let iq = header.id.clone().unwrap_or_default();
            let Some(child) = stanza.children.first() else {
                return Seen::Iq {
                    kind: kind(),
                    iq,
                    about: String::new(),
                    xml: String::new(),
                };
            };
            of_iq(&kind(), iq, child)
        }
    }
}

fn of_iq(kind: &str, iq: String, child: &Child) -> Seen {
    match (&*child.name, &*child.ns, kind) {
        ("fin", ns::MAM, "result") => Seen::Fin {
            iq,
            complete: attribute(&child.xml, " complete=") == Some("true"),
        },
        ("query", ns::MAM, "set") => {
            let query = child.element().ok();
            let query = query.and_then(|query| protocol::mam::Query::from_element(&query).ok());
            let query = query.unwrap_or_default();
            Seen::Query {
                iq,
                after: query.after_id,
                max: query.page.max.unwrap_or(0),
            }
        }
        ("bind", ns::BIND, "result") => {
            let bind = child.element().ok();
            let jid = bind.and_then(|bind| protocol::bind::jid_of(&bind));
            Seen::Bound {
                jid: jid.map(|jid| jid.to_string()).unwrap_or_default(),
            }
        }
        _ => Seen::Iq {
            kind: kind.to_owned(),
            iq,
            about: child.name.to_string(),
            xml: child.xml.to_string(),
        },
    }
}

fn of_message(stanza: &Stanza) -> Seen {
    let mid = || stanza.header.id.clone().unwrap_or_default();
    if stanza.header.kind.as_deref() == Some("error") {
        return Seen::Refusal { mid: mid() };
    }
    for child in &stanza.children {
        match (&*child.name, &*child.ns) {
            ("result", ns::MAM) => {
                let (head, inner) = inner(&child.xml);
                let mut line = line_in(inner);
                let id = attribute(head, " id=").unwrap_or_default();
                line.ids.push((String::new(), id.to_owned()));
                let queryid = attribute(head, " queryid=").unwrap_or_default();
                return Seen::Result {
                    queryid: queryid.to_owned(),
                    line: Box::new(line),
                };
            }
            ("sent" | "received", ns::CARBONS | ns::MR2) => {
                let (_, inner) = inner(&child.xml);
                let line = Line {
                    wrap: Some((child.name.to_string(), child.ns.to_string())),
                    ..line_in(inner)
                };
                return Seen::Line(Box::new(line));
            }
            ("unarchived", ns::S11) if stanza.header.kind.as_deref() == Some("headline") => {
                let mid = attribute(&child.xml, " id=").unwrap_or_default();
                return Seen::Notice {
                    mid: mid.to_owned(),
                };
            }
            _ => {}
        }
    }
    let line = line(stanza);
    if line.text.is_empty() && !line.bounced && !line.signal {
        let children = stanza.children.iter();
        let xml = children.map(|child| &*child.xml).collect();
        return Seen::Beside { xml };
    }
    Seen::Line(Box::new(line))
}

/// The head of a wrapper, and the text of the message inside.
fn inner(xml: &str) -> (&str, &str) {
    let from = xml.find("<message").unwrap_or(xml.len());
    let to = xml.rfind("</message>").map_or(xml.len(), |at| at + 10);
    let head = xml.get(..from).unwrap_or_default();
    (head, xml.get(from..to).unwrap_or_default())
}

fn line_in(xml: &str) -> Line {
    stored(&Text::from(xml)).unwrap_or_default()
}

fn line(stanza: &Stanza) -> Line {
    let header = &stanza.header;
    let mut line = Line {
        from: header.from.as_str().unwrap_or_default().to_owned(),
        to: header.to.as_str().unwrap_or_default().to_owned(),
        mid: header.id.clone().unwrap_or_default(),
        ..Line::default()
    };
    for child in &stanza.children {
        match (&*child.name, &*child.ns) {
            ("body", ns::CLIENT) => {
                let message = Message(stanza.clone());
                line.text = message.body().unwrap_or_default();
            }
            ("stanza-id", ns::SID) => {
                let read = |name| attribute(&child.xml, name).unwrap_or_default().to_owned();
                line.ids.push((read(" by="), read(" id=")));
            }
            ("unarchived", ns::S11) => line.unarchived = true,
            ("bounced", ns::S11) => line.bounced = true,
            ("delay", ns::DELAY) => line.late = attribute(&child.xml, " from=").is_some(),
            ("received", ns::RECEIPTS)
            | ("displayed", ns::CHAT_MARKERS)
            | ("replace", ns::REPLACE)
            | ("reactions", ns::REACTIONS) => line.signal = true,
            ("resend", ns::S11) => {
                line.resend = attribute(&child.xml, " prefix=").map(str::to_owned);
            }
            _ => {}
        }
    }
    // What is said of another line is none.
    if line.signal {
        line.text.clear();
    }
    line
}

/// The value of the first attribute that is written so; every frame here quotes with `'`.
fn attribute<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = xml.get(xml.find(name)? + name.len()..)?;
    let rest = rest.strip_prefix('\'').or_else(|| rest.strip_prefix('"'))?;
    rest.split(['\'', '"']).next()
}

fn of_nonza(element: &Element) -> Vec<Seen> {
    if let Some(nonza) = SmNonza::from_element(element) {
        return vec![of_sm(nonza)];
    }
    if let Some(is_active) = protocol::csi::parse(element) {
        return vec![Seen::Active { is_active }];
    }
    match (element.name(), element.ns()) {
        ("enable", ns @ (ns::S11 | ns::MR2)) => vec![Seen::Mode { ns: ns.to_owned() }],
        ("enabled", ns::S11 | ns::MR2) => {
            let prefix = element.get_attr("prefix").map(str::to_owned);
            vec![Seen::ModeOn { prefix }]
        }
        ("success", ns::SASL) => vec![Seen::LoggedIn],
        ("success", ns::SASL2) => of_success(element),
        ("authenticate", ns::SASL2) => {
            let bind = element.find("bind", ns::BIND2);
            let inside = element
                .children()
                .chain(bind.into_iter().flat_map(Element::children));
            let about = |child: &&Element| matches!(child.ns(), ns::SM | ns::S11 | ns::MR2);
            inside.filter(about).flat_map(of_nonza).collect()
        }
        ("error", ns::STREAMS) => {
            let mut parts = element.children();
            let condition = parts.next().map(|c| c.name().to_owned());
            let text = parts.next().map(Element::own_text);
            vec![Seen::StreamError {
                condition: condition.unwrap_or_default(),
                text: text.unwrap_or_default(),
            }]
        }
        _ => vec![Seen::Other],
    }
}

/// A login in one exchange: the session is bound, or taken up again, with it.
fn of_success(success: &Element) -> Vec<Seen> {
    let mut all = vec![Seen::LoggedIn];
    all.extend(
        success
            .children()
            .filter_map(SmNonza::from_element)
            .map(of_sm),
    );
    let Some(bound) = success.find("bound", ns::BIND2) else {
        return all;
    };
    let mode = bound
        .children()
        .filter(|c| matches!(c.ns(), ns::S11 | ns::MR2));
    all.extend(mode.flat_map(of_nonza));
    let jid = success.find("authorization-identifier", ns::SASL2);
    let jid = jid.map(Element::own_text).unwrap_or_default();
    all.push(Seen::Bound { jid });
    all.extend(
        bound
            .children()
            .filter_map(SmNonza::from_element)
            .map(of_sm),
    );
    all
}

fn of_sm(nonza: SmNonza) -> Seen {
    match nonza {
        SmNonza::Enable { .. } => Seen::Enable,
        SmNonza::Enabled { id, .. } => Seen::Enabled { sm: id },
        SmNonza::Request => Seen::Request,
        SmNonza::Ack(h) => h.map_or(Seen::Other, |h| Seen::Ack { h: h.0 }),
        SmNonza::Resume { previd, h, pos } => Seen::Resume {
            previd: previd.unwrap_or_default(),
            h: h.unwrap_or_default().0,
            pos: pos.map(|pos| pos.to_string()),
        },
        SmNonza::Resumed {
            previd,
            h,
            is_restored,
        } => Seen::Resumed {
            previd,
            h: h.0,
            restored: is_restored,
        },
        SmNonza::Failed { h, .. } => Seen::NotResumed { h: h.map(|h| h.0) },
    }
}
