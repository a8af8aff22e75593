//! Invitations that an account makes for a friend (XEP-0401, by an ad-hoc command of XEP-0050).

use crate::form;
use crate::jid::BareJid;
use crate::ns;
use crate::time::Stamp;
use crate::xml::Element;

/// The command that makes an invitation.
pub const NODE: &str = "urn:xmpp:invite#invite";
/// The form in which it is told.
const FORM_TYPE: &str = "urn:xmpp:invite#invitation";

/// An invitation, as whoever made it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// `xmpp:inviter?roster;preauth=TOKEN;ibr=y` (RG-07).
    pub uri: String,
    /// A page that explains it; absent if the server does not know under which address it is reached.
    pub landing_url: Option<String>,
    /// Until when it may be used.
    pub expire: Option<Stamp>,
}

/// `<command/>` that asks for an invitation.
pub fn command() -> Element {
    Element::new("command", ns::COMMANDS)
        .attr("node", NODE)
        .attr("action", "execute")
}

/// The address of an invitation by `inviter`.
pub fn uri(inviter: &BareJid, token: &str) -> String {
    let inviter = percent_encoded(inviter.as_str());
    format!("xmpp:{inviter}?roster;preauth={token};ibr=y")
}

/// The token in an invitation's address.
pub fn token_of(uri: &str) -> Option<&str> {
    let (_, query) = uri.strip_prefix("xmpp:")?.split_once('?')?;
    let mut parameters = query.split(';').skip(1);
    parameters.find_map(|parameter| parameter.strip_prefix("preauth="))
}

impl Invitation {
    /// Writes the `<command/>` that answers.
    pub fn to_element(&self, session: &str) -> Element {
        let expire = self.expire.map(|stamp| stamp.to_string());
        let fields = [
            ("uri", Some(&self.uri)),
            ("landing-url", self.landing_url.as_ref()),
            ("expire", expire.as_ref()),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(var, value)| Some(form::field(var, [value?.as_str()])));
        let form = Element::new("x", ns::DATA)
            .attr("type", "result")
            .child(form::field("FORM_TYPE", [FORM_TYPE]).attr("type", "hidden"))
            .children_from(fields);
        Element::new("command", ns::COMMANDS)
            .attr("node", NODE)
            .attr("sessionid", session)
            .attr("status", "completed")
            .child(form)
    }

    /// Reads the answer; takes the expiry under either of its names (A17).
    pub fn from_element(command: &Element) -> Option<Self> {
        let form = command.find("x", ns::DATA)?;
        let value = |var: &str| {
            let fields = form.children().filter(|child| child.is("field", ns::DATA));
            let mut named = fields.filter(|field| field.get_attr("var") == Some(var));
            named
                .next()
                .and_then(|field| form::values(field).into_iter().next())
        };
        let expire = value("expire").or_else(|| value("expiry"));
        Some(Self {
            uri: value("uri")?,
            landing_url: value("landing-url"),
            expire: expire.and_then(|stamp| Stamp::parse(&stamp)),
        })
    }
}

/// Writes what is no plain letter of an address as RFC 3986 wants it.
fn percent_encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@[]:".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: RG-07
    #[test]
    fn an_address_names_the_inviter_and_carries_the_token() {
        for (inviter, start) in [
            ("romeo@localhost", "xmpp:romeo@localhost?"),
            ("jülchen@localhost", "xmpp:j%C3%BClchen@localhost?"),
            ("a?b;c#d@localhost", "xmpp:a%3Fb%3Bc%23d@localhost?"),
        ] {
            let uri = uri(&BareJid::new(inviter).unwrap(), "T0-ken_");
            assert_eq!(uri, format!("{start}roster;preauth=T0-ken_;ibr=y"));
            assert_eq!(token_of(&uri), Some("T0-ken_"));
        }
        for uri in [
            "xmpp:romeo@localhost",
            "xmpp:romeo@localhost?roster",
            "https://localhost?roster;preauth=T",
        ] {
            assert_eq!(token_of(uri), None, "{uri}");
        }
    }

    // proves: RG-06
    #[test]
    fn an_invitation_is_read_as_it_was_written() {
        for landing_url in [None, Some("https://localhost/#invite=T".to_owned())] {
            let invitation = Invitation {
                uri: "xmpp:romeo@localhost?roster;preauth=T;ibr=y".to_owned(),
                landing_url,
                expire: Some(Stamp(1_000)),
            };
            let element = invitation.to_element("s");
            assert_eq!(Invitation::from_element(&element), Some(invitation));
        }
        assert_eq!(Invitation::from_element(&command()), None);
    }

    // proves: RG-06
    #[test]
    fn either_name_of_the_expiry_is_taken() {
        for name in ["expire", "expiry"] {
            let text = format!(
                "<command xmlns='{}'><x xmlns='jabber:x:data' type='result'>\
                 <field var='uri'><value>xmpp:a</value></field>\
                 <field var='{name}'><value>1970-01-01T00:00:01Z</value></field></x></command>",
                ns::COMMANDS
            );
            let command = Element::parse_child(&text).unwrap();
            let invitation = Invitation::from_element(&command).unwrap();
            assert_eq!(invitation.expire, Some(Stamp(1_000)), "{name}");
        }
    }
}
