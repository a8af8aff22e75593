//! Message archive management (XEP-0313), both ends of a query.

use crate::archive_id::ArchiveId;
use crate::form::{self, field, values};
use crate::forward::{self, Forwarded};
use crate::jid::Jid;
use crate::ns;
use crate::rsm::{PageInfo, PageRequest};
use crate::stanza::Stanza;
use crate::stanza_error::{Condition, StanzaError};
use crate::time::Stamp;
use crate::xml::Element;

/// What is asked of an archive, checked for form only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The asker's id for it.
    pub queryid: Option<String>,
    /// Only messages with this address.
    pub with: Option<Jid>,
    /// Only entries from this moment on.
    pub start: Option<Stamp>,
    /// Only entries up to this moment.
    pub end: Option<Stamp>,
    /// Only entries before this one.
    pub before_id: Option<String>,
    /// Only entries after this one.
    pub after_id: Option<String>,
    /// Only these entries; empty for no such filter.
    pub ids: Vec<String>,
    /// The page.
    pub page: PageRequest,
    /// Whether the results are sent newest first.
    pub flip_page: bool,
}

impl Query {
    /// Reads `<query/>` of an iq set.
    ///
    /// # Errors
    /// `bad-request` for a form without FORM_TYPE or with a bad value, `feature-not-implemented`
    /// for an unknown field (MAM-09).
    pub fn from_element(query: &Element) -> Result<Self, StanzaError> {
        let mut parsed = Self {
            queryid: query.get_attr("queryid").map(str::to_owned),
            flip_page: query.find("flip-page", ns::MAM).is_some(),
            ..Self::default()
        };
        if let Some(set) = query.find("set", ns::RSM) {
            parsed.page = PageRequest::from_element(set).ok_or(Condition::BadRequest)?;
        }
        if let Some(form) = query.find("x", ns::DATA) {
            parsed.read_form(form)?;
        }
        Ok(parsed)
    }

    fn read_form(&mut self, form: &Element) -> Result<(), StanzaError> {
        let fields: Vec<_> = form
            .children()
            .filter(|c| c.is("field", ns::DATA))
            .collect();
        let is_typed = fields
            .iter()
            .any(|field| field.get_attr("var") == Some("FORM_TYPE") && values(field) == [ns::MAM]);
        if !is_typed {
            return Err(StanzaError::new(Condition::BadRequest).because("FORM_TYPE is missing"));
        }
        fields
            .into_iter()
            .try_for_each(|field| self.read_field(field))
    }

    fn read_field(&mut self, field: &Element) -> Result<(), StanzaError> {
        let values = values(field);
        let only = || match values.as_slice() {
            [value] => Ok(value.clone()),
            _ => Err(StanzaError::new(Condition::BadRequest)),
        };
        let stamp = |text: String| Stamp::parse(&text).ok_or(Condition::BadRequest);
        match field.get_attr("var") {
            Some("FORM_TYPE") => {}
            Some("with") => {
                self.with = Some(Jid::new(&only()?).map_err(|_| Condition::BadRequest)?);
            }
            Some("start") => self.start = Some(stamp(only()?)?),
            Some("end") => self.end = Some(stamp(only()?)?),
            Some("before-id") => self.before_id = Some(only()?),
            Some("after-id") => self.after_id = Some(only()?),
            Some("ids") => self.ids = values,
            Some("include-groupchat") => {
                form::boolean(&only()?).ok_or(Condition::BadRequest)?;
            }
            _ => return Err(Condition::FeatureNotImplemented.into()),
        }
        Ok(())
    }

    /// Writes `<query/>`.
    pub fn to_element(&self) -> Element {
        let mut form = Element::new("x", ns::DATA)
            .attr("type", "submit")
            .child(field("FORM_TYPE", [ns::MAM]).attr("type", "hidden"));
        let singles = [
            ("with", self.with.as_ref().map(ToString::to_string)),
            ("start", self.start.as_ref().map(ToString::to_string)),
            ("end", self.end.as_ref().map(ToString::to_string)),
            ("before-id", self.before_id.clone()),
            ("after-id", self.after_id.clone()),
        ];
        for (var, value) in singles {
            if let Some(value) = value {
                form = form.child(field(var, [value.as_str()]));
            }
        }
        if !self.ids.is_empty() {
            form = form.child(field("ids", self.ids.iter().map(String::as_str)));
        }
        let query = Element::new("query", ns::MAM)
            .attr_opt("queryid", self.queryid.as_deref())
            .child(form)
            .child(self.page.to_element());
        if self.flip_page {
            query.child(Element::new("flip-page", ns::MAM))
        } else {
            query
        }
    }
}

/// One `<result/>` of a page, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The asker's id of the query.
    pub queryid: Option<String>,
    /// The entry's id.
    pub id: ArchiveId,
    /// The message and when it was archived.
    pub forwarded: Forwarded,
}

impl Found {
    /// Reads a message stanza; `None` if it is no result.
    ///
    /// Whether it may be believed is the caller's to check (RT-14, MAM-27).
    pub fn of_stanza(stanza: &Stanza) -> Option<Self> {
        let result = stanza.find("result", ns::MAM)?.element().ok()?;
        let forwarded = result
            .find("forwarded", ns::FORWARD)
            .and_then(forward::unwrap)?;
        let id = ArchiveId::parse(result.get_attr("id")?)?;
        Some(Self {
            queryid: result.get_attr("queryid").map(str::to_owned),
            id,
            forwarded,
        })
    }
}

/// The end of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fin {
    /// Whether nothing further matches in the direction of paging (MAM-16).
    pub complete: bool,
    /// The page's ends.
    pub page: PageInfo,
}

impl Fin {
    /// Reads `<fin/>`.
    pub fn from_element(fin: &Element) -> Option<Self> {
        if !fin.is("fin", ns::MAM) {
            return None;
        }
        let page = fin
            .find("set", ns::RSM)
            .map(PageInfo::from_element)
            .unwrap_or_default();
        Some(Self {
            complete: matches!(fin.get_attr("complete"), Some("true" | "1")),
            page,
        })
    }

    /// Writes `<fin/>`.
    pub fn to_element(&self) -> Element {
        Element::new("fin", ns::MAM)
            .attr_opt("complete", self.complete.then_some("true"))
            .child(self.page.to_element())
    }
}

/// The form that tells which fields a query may have (MAM-22).
pub fn form() -> Element {
    let fields = [
        ("with", "jid-single"),
        ("start", "text-single"),
        ("end", "text-single"),
        ("before-id", "text-single"),
        ("after-id", "text-single"),
        ("include-groupchat", "boolean"),
    ];
    let fields = fields.map(|(var, kind)| field(var, []).attr("type", kind));
    let validate = Element::new("validate", "http://jabber.org/protocol/xdata-validate")
        .attr("datatype", "xs:string")
        .child(Element::new(
            "open",
            "http://jabber.org/protocol/xdata-validate",
        ));
    let form = Element::new("x", ns::DATA)
        .attr("type", "form")
        .child(field("FORM_TYPE", [ns::MAM]).attr("type", "hidden"))
        .children_from(fields)
        .child(field("ids", []).attr("type", "list-multi").child(validate));
    Element::new("query", ns::MAM).child(form)
}
