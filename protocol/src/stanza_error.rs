//! Stanza errors (RFC 6120 §8.3).

use std::fmt;

use crate::ns;
use crate::xml::Element;

/// The defined conditions that Balcony sends or understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its condition of RFC 6120 §8.3.3")]
pub enum Condition {
    BadRequest,
    Conflict,
    FeatureNotImplemented,
    Forbidden,
    InternalServerError,
    ItemNotFound,
    JidMalformed,
    NotAcceptable,
    NotAllowed,
    NotAuthorized,
    PolicyViolation,
    RecipientUnavailable,
    RegistrationRequired,
    RemoteServerNotFound,
    RemoteServerTimeout,
    ResourceConstraint,
    ServiceUnavailable,
    SubscriptionRequired,
    UndefinedCondition,
    UnexpectedRequest,
}

impl Condition {
    const ALL: [(Self, &'static str, &'static str); 20] = [
        (Self::BadRequest, "bad-request", "modify"),
        (Self::Conflict, "conflict", "cancel"),
        (
            Self::FeatureNotImplemented,
            "feature-not-implemented",
            "cancel",
        ),
        (Self::Forbidden, "forbidden", "auth"),
        (Self::InternalServerError, "internal-server-error", "cancel"),
        (Self::ItemNotFound, "item-not-found", "cancel"),
        (Self::JidMalformed, "jid-malformed", "modify"),
        (Self::NotAcceptable, "not-acceptable", "modify"),
        (Self::NotAllowed, "not-allowed", "cancel"),
        (Self::NotAuthorized, "not-authorized", "auth"),
        (Self::PolicyViolation, "policy-violation", "modify"),
        (Self::RecipientUnavailable, "recipient-unavailable", "wait"),
        (Self::RegistrationRequired, "registration-required", "auth"),
        (
            Self::RemoteServerNotFound,
            "remote-server-not-found",
            "cancel",
        ),
        (Self::RemoteServerTimeout, "remote-server-timeout", "wait"),
        (Self::ResourceConstraint, "resource-constraint", "wait"),
        (Self::ServiceUnavailable, "service-unavailable", "cancel"),
        (Self::SubscriptionRequired, "subscription-required", "auth"),
        (Self::UndefinedCondition, "undefined-condition", "modify"),
        (Self::UnexpectedRequest, "unexpected-request", "wait"),
    ];

    /// The element's name.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The `type` that RFC 6120 recommends for it.
    pub fn usual_type(self) -> &'static str {
        self.row().2
    }

    /// The condition of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, n, _)| *n == name)
            .map(|(condition, ..)| *condition)
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        let found = Self::ALL
            .into_iter()
            .find(|(condition, ..)| *condition == self);
        found.unwrap_or((self, "undefined-condition", "cancel"))
    }

    /// The bare element, as it stands inside `<failed/>` and `<error/>`.
    pub fn to_element(self) -> Element {
        Element::new(self.name(), ns::STANZAS)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stanza error: what, how final, and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// The defined condition.
    pub condition: Condition,
    /// `auth`, `cancel`, `continue`, `modify` or `wait`.
    pub kind: String,
    /// Explanation in plain English, if any.
    pub text: Option<String>,
    /// The condition that the application defines beside it, if any (RFC 6120 §8.3.4).
    pub detail: Option<Box<Element>>,
}

impl StanzaError {
    /// An error with the usual `type` of its condition.
    pub fn new(condition: Condition) -> Self {
        Self {
            condition,
            kind: condition.usual_type().to_owned(),
            text: None,
            detail: None,
        }
    }

    /// The same with another `type`.
    #[must_use]
    pub fn of_type(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// The same with an explanation.
    #[must_use]
    pub fn because(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// The same with a condition of the application.
    #[must_use]
    pub fn with(mut self, detail: Element) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    /// Writes `<error/>`.
    pub fn to_element(&self) -> Element {
        let text = self.text.as_ref();
        let text = text.map(|text| Element::new("text", ns::STANZAS).text(text));
        Element::new("error", ns::CLIENT)
            .attr("type", &self.kind)
            .child(self.condition.to_element())
            .children_from(text)
            .children_from(self.detail.as_deref().cloned())
    }

    /// Reads `<error/>`; an unknown condition becomes `undefined-condition`.
    pub fn from_element(error: &Element) -> Self {
        let mut conditions = error
            .children()
            .filter(|c| c.ns() == ns::STANZAS && c.name() != "text");
        let condition = conditions.next().and_then(|c| Condition::parse(c.name()));
        Self {
            condition: condition.unwrap_or(Condition::UndefinedCondition),
            kind: error.get_attr("type").unwrap_or("cancel").to_owned(),
            text: error.find("text", ns::STANZAS).map(Element::own_text),
            detail: error
                .children()
                .find(|child| child.ns() != ns::STANZAS)
                .map(|child| Box::new(child.clone())),
        }
    }
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}
