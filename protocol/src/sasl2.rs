//! Login in one exchange (XEP-0388): the elements around SASL, both ends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bind2::BindRequest;
use crate::jid::Jid;
use crate::ns;
use crate::sasl::{self, SaslFailure};
use crate::xml::Element;

/// Bytes of a user-agent id at most; a UUID has 36.
const AGENT_LEN_MAX: usize = 256;

/// `<authenticate/>`, checked for form only. Its [`Debug`](std::fmt::Debug) shows no secret: what the
/// mechanism says first may be a token or a password, and what is resumed or the device's id opens doors.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Authenticate {
    /// The SASL mechanism.
    pub mechanism: String,
    /// What the mechanism says first.
    pub initial_response: Option<Vec<u8>>,
    /// Id of the device; for the server's eyes only (AU-20).
    pub agent: Option<String>,
    /// What the device is called, for the account's owner.
    pub device: Option<String>,
    /// `<resume/>` of stream management, to be tried once the login succeeded.
    pub resume: Option<Element>,
    /// What to bind, if nothing is resumed.
    pub bind: Option<BindRequest>,
    /// The mechanism for which a token is wanted (XEP-0484).
    pub request_token: Option<String>,
    /// `<fast/>`: the login is one by token.
    pub fast: Option<Fast>,
}

impl std::fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticate")
            .field("mechanism", &self.mechanism)
            .field("bind", &self.bind)
            .field("request_token", &self.request_token)
            .field("fast", &self.fast)
            .finish_non_exhaustive()
    }
}

/// `<fast/>` of a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fast {
    /// Whether the device's tokens die with this login (AU-28).
    pub invalidate: bool,
}

impl Authenticate {
    /// Reads `<authenticate/>`.
    ///
    /// # Errors
    /// As [`sasl::decode`].
    pub fn from_element(element: &Element) -> Result<Self, SaslFailure> {
        let own = |name| element.find(name, ns::SASL2);
        let response = own("initial-response").map(|response| sasl::decode(&response.own_text()));
        let user_agent = own("user-agent");
        let device = user_agent.and_then(|agent| agent.find("device", ns::SASL2));
        let agent = user_agent.and_then(|agent| agent.get_attr("id"));
        let agent = agent.filter(|id| !id.is_empty() && id.len() <= AGENT_LEN_MAX);
        let request = element.find("request-token", ns::FAST);
        let is_true = |value| matches!(value, Some("true" | "1"));
        Ok(Self {
            mechanism: element.get_attr("mechanism").unwrap_or_default().to_owned(),
            initial_response: response.transpose()?,
            agent: agent.map(str::to_owned),
            device: device.map(Element::own_text),
            resume: element.find("resume", ns::SM).cloned(),
            bind: element
                .find("bind", ns::BIND2)
                .map(BindRequest::from_element),
            request_token: request.map(|r| r.get_attr("mechanism").unwrap_or_default().to_owned()),
            fast: element.find("fast", ns::FAST).map(|fast| Fast {
                invalidate: is_true(fast.get_attr("invalidate")),
            }),
        })
    }

    /// Writes the frame; `software` is what the device tells of itself.
    pub fn write(&self, software: &str) -> String {
        let new = |name| Element::new(name, ns::SASL2);
        let response = self.initial_response.as_ref();
        let response = response.map(|data| new("initial-response").text(encode(data)));
        let agent = self.agent.as_ref().map(|id| {
            let software = new("software").text(software);
            let device = self.device.as_ref().map(|name| new("device").text(name));
            let agent = new("user-agent").attr("id", id).child(software);
            agent.children_from(device)
        });
        let request = self
            .request_token
            .as_ref()
            .map(|mechanism| Element::new("request-token", ns::FAST).attr("mechanism", mechanism));
        let fast = self.fast.map(|fast| {
            let invalidate = fast.invalidate.then_some("true");
            Element::new("fast", ns::FAST).attr_opt("invalidate", invalidate)
        });
        let bind = self.bind.as_ref().map(BindRequest::to_element);
        new("authenticate")
            .attr("mechanism", &self.mechanism)
            .children_from(response)
            .children_from(agent)
            .children_from(self.resume.clone())
            .children_from(bind)
            .children_from(request)
            .children_from(fast)
            .to_string()
    }
}

/// `<success/>`, with what was done inline. Its [`Debug`](std::fmt::Debug) shows no secret: among what
/// was done may be a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Success {
    /// What the mechanism says last.
    pub additional_data: Option<Vec<u8>>,
    /// Who is logged in: a full address if something was bound or resumed.
    pub identifier: Option<Jid>,
    /// Results of what was asked inline, in order.
    pub inline: Vec<Element>,
}

impl std::fmt::Debug for Success {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inline: Vec<_> = self.inline.iter().map(Element::name).collect();
        f.debug_struct("Success")
            .field("identifier", &self.identifier)
            .field("inline", &inline)
            .finish_non_exhaustive()
    }
}

impl Success {
    /// Reads `<success/>`; tolerates the name that XEP-0484 gives the identifier (AU-22).
    ///
    /// # Errors
    /// As [`sasl::decode`].
    pub fn from_element(element: &Element) -> Result<Self, SaslFailure> {
        let own = |name| element.find(name, ns::SASL2).map(Element::own_text);
        let identifier = own("authorization-identifier").or_else(|| own("authorization-identity"));
        let data = own("additional-data").map(|text| sasl::decode(&text));
        let inline = element.children().filter(|child| child.ns() != ns::SASL2);
        Ok(Self {
            additional_data: data.transpose()?,
            identifier: identifier.and_then(|text| Jid::new(&text).ok()),
            inline: inline.cloned().collect(),
        })
    }

    /// The inline result of this name.
    pub fn find(&self, name: &str, ns: &str) -> Option<&Element> {
        self.inline.iter().find(|child| child.is(name, ns))
    }

    /// Writes the frame; what is absent is left out (AU-21).
    pub fn write(&self) -> String {
        let new = |name| Element::new(name, ns::SASL2);
        let data = self.additional_data.as_ref();
        let data = data.map(|data| new("additional-data").text(encode(data)));
        let identifier = self.identifier.as_ref();
        let identifier =
            identifier.map(|jid| new("authorization-identifier").text(jid.to_string()));
        new("success")
            .children_from(data)
            .children_from(identifier)
            .children_from(self.inline.iter().cloned())
            .to_string()
    }
}

/// Writes `<challenge/>` or `<response/>`.
pub fn write(name: &str, data: &str) -> String {
    let text = encode(data.as_bytes());
    Element::new(name, ns::SASL2).text(text).to_string()
}

/// Writes `<failure/>`.
pub fn write_failure(failure: SaslFailure) -> String {
    let condition = Element::new(failure.name(), ns::SASL);
    let failure = Element::new("failure", ns::SASL2);
    failure.child(condition).to_string()
}

/// Writes `<authentication/>`, the stream feature: mechanisms, and what can be asked inline.
pub fn feature(mechanisms: &[&str], inline: impl IntoIterator<Item = Element>) -> Element {
    let new = |name| Element::new(name, ns::SASL2);
    let mechanisms = mechanisms.iter().map(|name| new("mechanism").text(name));
    new("authentication")
        .children_from(mechanisms)
        .child(new("inline").children_from(inline))
}

/// What `<authentication/>` offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// SASL mechanisms.
    pub mechanisms: Vec<String>,
    /// Whether a stream can be resumed inline.
    pub sm: bool,
    /// What can be enabled with a binding; none if nothing can be bound inline.
    pub bind: Option<Vec<String>>,
    /// Mechanisms of tokens.
    pub fast: Vec<String>,
}

impl Offer {
    /// Reads the offer in stream features; `None` if there is none.
    pub fn of_features(features: &Element) -> Option<Self> {
        let offer = features.find("authentication", ns::SASL2)?;
        let names = |parent: &Element, ns: &str| {
            let mechanisms = parent.children().filter(|c| c.is("mechanism", ns));
            mechanisms.map(Element::own_text).collect()
        };
        let inline = offer.find("inline", ns::SASL2);
        let find = |name, ns| inline.and_then(|inline| inline.find(name, ns));
        Some(Self {
            mechanisms: names(offer, ns::SASL2),
            sm: find("sm", ns::SM).is_some(),
            bind: find("bind", ns::BIND2).map(crate::bind2::offered),
            fast: find("fast", ns::FAST).map_or_else(Vec::new, |fast| names(fast, ns::FAST)),
        })
    }
}

fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::XmlLimits;
    use crate::sm::SmNonza;

    fn parse(text: &str) -> Element {
        Element::parse(text, XmlLimits::AFTER_LOGIN).unwrap()
    }

    #[test]
    fn nothing_that_opens_doors_is_shown_to_developers() {
        let authenticate = Authenticate {
            mechanism: "HT-SHA-256-NONE".into(),
            initial_response: Some(b"romeo\0sesame".to_vec()),
            agent: Some("sesame".into()),
            resume: Some(Element::new("resume", ns::SM).attr("previd", "sesame")),
            ..Authenticate::default()
        };
        let token = Element::new("token", ns::FAST).attr("token", "sesame");
        let success = Success {
            additional_data: Some(b"sesame".to_vec()),
            inline: vec![token],
            ..Success::default()
        };
        let shown = format!("{authenticate:?} {success:?}");
        assert!(!shown.contains("sesame"), "{shown}");
        assert!(!shown.contains(&format!("{:?}", b"sesame").replace(['[', ']'], "")));
        assert!(shown.contains("HT-SHA-256-NONE") && shown.contains("token"));
    }

    #[test]
    fn a_login_with_everything_inline_is_read_as_it_was_written() {
        let resume = SmNonza::Resume {
            previd: Some("sm-id".into()),
            h: crate::Handled::parse("7"),
            pos: crate::ArchiveId::parse("a.b"),
        };
        let authenticate = Authenticate {
            mechanism: "HT-SHA-256-NONE".into(),
            initial_response: Some(b"romeo\0\x01\xff".to_vec()),
            agent: Some("d4565fa7-4d72-4749-b3d3-740edbf87770".into()),
            device: Some("Firefox on Linux".into()),
            resume: Some(resume.to_element()),
            bind: Some(BindRequest {
                tag: Some("Balcony".into()),
                s11: true,
                ..BindRequest::default()
            }),
            request_token: Some("HT-SHA-256-NONE".into()),
            fast: Some(Fast { invalidate: true }),
        };
        let written = parse(&authenticate.write("Balcony"));
        assert_eq!(Authenticate::from_element(&written), Ok(authenticate));
        let agent = written.find("user-agent", ns::SASL2).unwrap();
        assert_eq!(
            agent.find("software", ns::SASL2).unwrap().own_text(),
            "Balcony"
        );
    }

    // proves: AU-10
    #[test]
    fn what_is_missing_or_no_base64_is_told() {
        let authenticate = parse("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'/>");
        let read = Authenticate::from_element(&authenticate).unwrap();
        let mechanism = "X".to_owned();
        let expected = Authenticate {
            mechanism,
            ..Authenticate::default()
        };
        assert_eq!(read, expected);
        let bad = parse(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'>\
             <initial-response>%%</initial-response></authenticate>",
        );
        let failure = Err(SaslFailure::IncorrectEncoding);
        assert_eq!(Authenticate::from_element(&bad), failure);
        let nameless = parse(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'><user-agent id=''/></authenticate>",
        );
        assert_eq!(Authenticate::from_element(&nameless).unwrap().agent, None);
    }

    // proves: AU-21 AU-22
    #[test]
    fn success_leaves_out_what_is_absent_and_both_names_of_the_identity_are_read() {
        assert_eq!(
            Success::default().write(),
            "<success xmlns='urn:xmpp:sasl:2'/>"
        );
        for name in ["authorization-identifier", "authorization-identity"] {
            let success = parse(&format!(
                "<success xmlns='urn:xmpp:sasl:2'><additional-data>dj14</additional-data>\
                 <{name}>romeo@montague.example/orchard</{name}>\
                 <bound xmlns='urn:xmpp:bind:0'/></success>"
            ));
            let success = Success::from_element(&success).unwrap();
            assert_eq!(success.additional_data.as_deref(), Some(&b"v=x"[..]));
            let jid = Jid::new("romeo@montague.example/orchard").unwrap();
            assert_eq!(success.identifier, Some(jid));
            assert!(success.find("bound", ns::BIND2).is_some());
            assert_eq!(success.inline.len(), 1);
            assert_eq!(
                Success::from_element(&parse(&success.write())),
                Ok(success.clone())
            );
        }
    }

    #[test]
    fn an_offer_is_read_as_it_was_written() {
        let inline = [
            crate::sm::feature(),
            crate::bind2::feature(&[ns::SM, ns::S11]),
            crate::fast::feature(),
        ];
        let features = crate::frame::write_features(&[feature(&["SCRAM-SHA-256"], inline)]);
        let offer = Offer::of_features(&parse(&features)).unwrap();
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            offer,
            Offer {
                mechanisms: texts(&["SCRAM-SHA-256"]),
                sm: true,
                bind: Some(texts(&[ns::SM, ns::S11])),
                fast: texts(&["HT-SHA-256-NONE"]),
            }
        );
        let old = crate::frame::write_features(&[crate::bind::feature()]);
        assert_eq!(Offer::of_features(&parse(&old)), None);
    }
}
