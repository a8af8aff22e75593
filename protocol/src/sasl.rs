//! The elements of SASL as RFC 6120 §6 frames it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ns;
use crate::xml::Element;

/// Conditions of a failed login (RFC 6120 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its condition of RFC 6120 §6.5")]
pub enum SaslFailure {
    Aborted,
    AccountDisabled,
    CredentialsExpired,
    IncorrectEncoding,
    InvalidAuthzid,
    InvalidMechanism,
    MalformedRequest,
    NotAuthorized,
    TemporaryAuthFailure,
}

impl SaslFailure {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Aborted, "aborted"),
        (Self::AccountDisabled, "account-disabled"),
        (Self::CredentialsExpired, "credentials-expired"),
        (Self::IncorrectEncoding, "incorrect-encoding"),
        (Self::InvalidAuthzid, "invalid-authzid"),
        (Self::InvalidMechanism, "invalid-mechanism"),
        (Self::MalformedRequest, "malformed-request"),
        (Self::NotAuthorized, "not-authorized"),
        (Self::TemporaryAuthFailure, "temporary-auth-failure"),
    ];

    /// The element's name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(failure, _)| *failure == self)
            .map_or("not-authorized", |row| row.1)
    }

    /// The condition that a `<failure/>` holds; unknown ones count as `not-authorized`.
    pub fn of_element(failure: &Element) -> Self {
        let known = |c: &Element| {
            Self::ALL
                .iter()
                .find(|row| row.1 == c.name())
                .map(|row| row.0)
        };
        failure
            .children()
            .find_map(known)
            .unwrap_or(Self::NotAuthorized)
    }

    /// Writes `<failure/>`.
    pub fn write(self) -> String {
        let condition = Element::new(self.name(), ns::SASL);
        Element::new("failure", ns::SASL)
            .child(condition)
            .to_string()
    }
}

/// Writes `<auth/>`, `<challenge/>`, `<response/>` or `<success/>` around base64 of the data.
pub fn write(name: &str, mechanism: Option<&str>, data: &str) -> String {
    let text = if data.is_empty() && name == "auth" {
        "=".to_owned()
    } else {
        STANDARD.encode(data)
    };
    Element::new(name, ns::SASL)
        .attr_opt("mechanism", mechanism)
        .text(text)
        .to_string()
}

/// The data inside; a lone `=` stands for none.
///
/// # Errors
/// `incorrect-encoding` if it is no canonical base64, `malformed-request` if it is no UTF-8 (AU-10).
pub fn data_of(element: &Element) -> Result<String, SaslFailure> {
    text_of(decode(&element.own_text())?)
}

/// The bytes behind base64; a lone `=` stands for none.
///
/// # Errors
/// `incorrect-encoding` if it is no canonical base64 (AU-10).
pub fn decode(text: &str) -> Result<Vec<u8>, SaslFailure> {
    match text {
        "=" => Ok(Vec::new()),
        _ => STANDARD
            .decode(text)
            .map_err(|_| SaslFailure::IncorrectEncoding),
    }
}

/// The text that these bytes are.
///
/// # Errors
/// `malformed-request` if they are no UTF-8.
pub fn text_of(data: Vec<u8>) -> Result<String, SaslFailure> {
    String::from_utf8(data).map_err(|_| SaslFailure::MalformedRequest)
}

/// Writes `<mechanisms/>`, the stream feature.
pub fn mechanisms(names: &[&str]) -> Element {
    let names = names
        .iter()
        .map(|name| Element::new("mechanism", ns::SASL).text(name));
    Element::new("mechanisms", ns::SASL).children_from(names)
}
