//! What is asked of a service.

use super::config::{node_config, publish_options, write_config, write_options};
use super::{NAME_BYTES_MAX, error, unsupported};
use crate::form::Form;
use crate::iq::{Iq, IqKind};
use crate::ns;
use crate::rsm::PageRequest;
use crate::stanza_error::{Condition, StanzaError};
use crate::xml::Element;

/// An item on its way into a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its id; the service makes one where there is none.
    pub id: Option<String>,
    /// The one element inside.
    pub payload: Element,
}

/// One request (PE-02, PE-05, PE-07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Puts items into a node, which is made if need be.
    Publish {
        /// The node.
        node: String,
        /// The items, the newest last.
        items: Vec<Published>,
        /// How the node must be kept.
        options: Option<Form>,
    },
    /// Reads items.
    Items {
        /// The node.
        node: String,
        /// At most so many, the newest.
        max: Option<u32>,
        /// Only these; empty for no such filter.
        ids: Vec<String>,
        /// Which page of them.
        page: PageRequest,
    },
    /// Takes items out.
    Retract {
        /// The node.
        node: String,
        /// The items.
        ids: Vec<String>,
        /// Whether it is told; if nothing is said, the node's configuration decides.
        notify: Option<bool>,
    },
    /// Makes a node.
    Create {
        /// The node.
        node: String,
        /// How it is kept, where not as usual.
        config: Option<Form>,
    },
    /// Reads how a node is kept.
    Configuration {
        /// The node.
        node: String,
    },
    /// Changes how a node is kept.
    Configure {
        /// The node.
        node: String,
        /// What changes.
        form: Form,
    },
    /// Takes all items out.
    Purge {
        /// The node.
        node: String,
    },
    /// Removes a node and its items.
    Delete {
        /// The node.
        node: String,
    },
}

impl Request {
    /// Reads the payload of an iq.
    ///
    /// # Errors
    /// What the asker is answered: `bad-request` for a wrong form, `feature-not-implemented` for what
    /// an account does not offer.
    pub fn of_iq(iq: &Iq) -> Result<Self, StanzaError> {
        match &iq.kind {
            IqKind::Get(pubsub) => Self::of_get(pubsub),
            IqKind::Set(pubsub) => Self::of_set(pubsub),
            IqKind::Result(_) | IqKind::Error(_) => Err(Condition::BadRequest.into()),
        }
    }

    fn of_get(pubsub: &Element) -> Result<Self, StanzaError> {
        let action = first(pubsub)?;
        match (action.name(), action.ns()) {
            ("items", ns::PUBSUB) => read_items(pubsub, action),
            ("configure", ns::PUBSUB_OWNER) => Ok(Self::Configuration {
                node: node(action)?,
            }),
            ("default", _) => Err(unsupported("retrieve-default")),
            ("affiliations", _) => Err(unsupported("retrieve-affiliations")),
            ("subscriptions", _) => Err(unsupported("retrieve-subscriptions")),
            _ => Err(Condition::FeatureNotImplemented.into()),
        }
    }

    fn of_set(pubsub: &Element) -> Result<Self, StanzaError> {
        let action = first(pubsub)?;
        match (action.name(), action.ns()) {
            ("publish", ns::PUBSUB) => read_publish(pubsub, action),
            ("retract", ns::PUBSUB) => read_retract(action),
            ("create", ns::PUBSUB) => read_create(pubsub, action),
            ("configure", ns::PUBSUB_OWNER) => {
                let form = action.find("x", ns::DATA).ok_or(Condition::BadRequest)?;
                let (node, form) = (node(action)?, node_config(form)?);
                Ok(Self::Configure { node, form })
            }
            ("purge", ns::PUBSUB_OWNER) => Ok(Self::Purge {
                node: node(action)?,
            }),
            ("delete", ns::PUBSUB_OWNER) => Ok(Self::Delete {
                node: node(action)?,
            }),
            ("subscribe" | "unsubscribe", _) => Err(unsupported("subscribe")),
            ("affiliations", _) => Err(unsupported("modify-affiliations")),
            ("subscriptions", _) => Err(unsupported("manage-subscriptions")),
            _ => Err(Condition::FeatureNotImplemented.into()),
        }
    }

    /// Writes the request as an iq without addresses.
    pub fn to_iq(&self, id: impl Into<String>) -> Iq {
        let user = |action| Element::new("pubsub", ns::PUBSUB).child(action);
        let owner = |action| Element::new("pubsub", ns::PUBSUB_OWNER).child(action);
        let at = |name, ns, node: &str| Element::new(name, ns).attr("node", node);
        match self {
            Self::Publish {
                node,
                items,
                options,
            } => {
                let items = items.iter().map(write_published);
                let publish = at("publish", ns::PUBSUB, node).children_from(items);
                let options = options.as_ref().map(|options| {
                    Element::new("publish-options", ns::PUBSUB).child(write_options(options))
                });
                Iq::set(id, user(publish).children_from(options))
            }
            Self::Items {
                node,
                max,
                ids,
                page,
            } => {
                let items = at("items", ns::PUBSUB, node).attr_opt("max_items", *max);
                let items = items.children_from(named_items(ids));
                let page = (*page != PageRequest::default()).then(|| page.to_element());
                Iq::get(id, user(items).children_from(page))
            }
            Self::Retract { node, ids, notify } => {
                let retract = at("retract", ns::PUBSUB, node).attr_opt("notify", *notify);
                Iq::set(id, user(retract.children_from(named_items(ids))))
            }
            Self::Create { node, config } => {
                let config = config.as_ref();
                let config = config
                    .map(|form| Element::new("configure", ns::PUBSUB).child(write_config(form)));
                Iq::set(
                    id,
                    user(at("create", ns::PUBSUB, node)).children_from(config),
                )
            }
            Self::Configuration { node } => {
                Iq::get(id, owner(at("configure", ns::PUBSUB_OWNER, node)))
            }
            Self::Configure { node, form } => {
                let configure = at("configure", ns::PUBSUB_OWNER, node).child(write_config(form));
                Iq::set(id, owner(configure))
            }
            Self::Purge { node } => Iq::set(id, owner(at("purge", ns::PUBSUB_OWNER, node))),
            Self::Delete { node } => Iq::set(id, owner(at("delete", ns::PUBSUB_OWNER, node))),
        }
    }
}

fn first(pubsub: &Element) -> Result<&Element, StanzaError> {
    pubsub.children().next().ok_or(Condition::BadRequest.into())
}

fn node(action: &Element) -> Result<String, StanzaError> {
    let node = action.get_attr("node").filter(|node| !node.is_empty());
    let node = node.ok_or_else(|| error(Condition::BadRequest, "nodeid-required"))?;
    bounded(node)
}

fn bounded(name: &str) -> Result<String, StanzaError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Condition::BadRequest.into());
    }
    Ok(name.to_owned())
}

fn item_elements(action: &Element) -> impl Iterator<Item = &Element> {
    action
        .children()
        .filter(|child| child.is("item", ns::PUBSUB))
}

fn item_ids(action: &Element) -> Result<Vec<String>, StanzaError> {
    let missing = || error(Condition::BadRequest, "item-required");
    let ids = item_elements(action).map(|item| item.get_attr("id").ok_or_else(missing));
    ids.map(|id| bounded(id?)).collect()
}

fn read_items(pubsub: &Element, items: &Element) -> Result<Request, StanzaError> {
    let page = match pubsub.find("set", ns::RSM) {
        Some(set) => PageRequest::from_element(set).ok_or(Condition::BadRequest)?,
        None => PageRequest::default(),
    };
    if page.before.is_some() {
        return Err(Condition::FeatureNotImplemented.into());
    }
    let max = items.get_attr("max_items").map(str::parse).transpose();
    Ok(Request::Items {
        node: node(items)?,
        max: max.map_err(|_| Condition::BadRequest)?,
        ids: item_ids(items)?,
        page,
    })
}

fn read_publish(pubsub: &Element, publish: &Element) -> Result<Request, StanzaError> {
    let items: Result<Vec<_>, _> = item_elements(publish).map(read_published).collect();
    let items = items?;
    if items.is_empty() {
        return Err(error(Condition::BadRequest, "item-required"));
    }
    let options = pubsub.find("publish-options", ns::PUBSUB);
    let options = options.and_then(|options| options.find("x", ns::DATA));
    Ok(Request::Publish {
        node: node(publish)?,
        items,
        options: options.map(publish_options).transpose()?,
    })
}

fn read_published(item: &Element) -> Result<Published, StanzaError> {
    let id = item.get_attr("id").map(bounded).transpose()?;
    let mut payloads = item.children();
    let payload = payloads.next();
    let payload = payload.ok_or_else(|| error(Condition::BadRequest, "payload-required"))?;
    if payloads.next().is_some() {
        return Err(error(Condition::BadRequest, "invalid-payload"));
    }
    let payload = payload.clone();
    Ok(Published { id, payload })
}

fn read_retract(retract: &Element) -> Result<Request, StanzaError> {
    let ids = item_ids(retract)?;
    if ids.is_empty() {
        return Err(error(Condition::BadRequest, "item-required"));
    }
    let notify = retract.get_attr("notify").map(crate::form::boolean);
    Ok(Request::Retract {
        node: node(retract)?,
        ids,
        notify: match notify {
            None => None,
            Some(said) => Some(said.ok_or(Condition::BadRequest)?),
        },
    })
}

fn read_create(pubsub: &Element, create: &Element) -> Result<Request, StanzaError> {
    let config = pubsub.find("configure", ns::PUBSUB);
    let config = config.and_then(|configure| configure.find("x", ns::DATA));
    Ok(Request::Create {
        node: node(create)?,
        config: config.map(node_config).transpose()?,
    })
}

fn write_published(item: &Published) -> Element {
    Element::new("item", ns::PUBSUB)
        .attr_opt("id", item.id.as_deref())
        .child(item.payload.clone())
}

fn named_items(ids: &[String]) -> impl Iterator<Item = Element> {
    ids.iter()
        .map(|id| Element::new("item", ns::PUBSUB).attr("id", id))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use crate::{Frame, Text, XmlLimits};

    fn payload() -> Element {
        Element::new("nick", "http://jabber.org/protocol/nick").text("Romeo & <Juliet>")
    }

    fn read(iq: &Iq) -> Result<Request, StanzaError> {
        let text = Text::from(iq.write());
        let Ok(Frame::Stanza(stanza)) = Frame::parse(&text, XmlLimits::AFTER_LOGIN) else {
            panic!("{text}");
        };
        Request::of_iq(&Iq::of_stanza(&stanza).unwrap())
    }

    fn set(xml: &str) -> Result<Request, StanzaError> {
        read(&Iq::set(
            "1",
            Element::parse(xml, XmlLimits::AFTER_LOGIN).unwrap(),
        ))
    }

    // proves: PE-02, PE-05, PE-07
    #[test]
    fn every_request_is_read_as_it_was_written() {
        let node = || "urn:example:node".to_owned();
        let ids = || vec!["a".to_owned(), "b".to_owned()];
        let form = Config::private().to_options();
        let published = |id: Option<&str>| Published {
            id: id.map(str::to_owned),
            payload: payload(),
        };
        let page = PageRequest {
            max: Some(20),
            after: Some("x".to_owned()),
            before: None,
        };
        for request in [
            Request::Publish {
                node: node(),
                items: vec![published(Some("current")), published(None)],
                options: Some(form.clone()),
            },
            Request::Publish {
                node: node(),
                items: vec![published(None)],
                options: None,
            },
            Request::Items {
                node: node(),
                max: Some(1),
                ids: vec![],
                page,
            },
            Request::Items {
                node: node(),
                max: None,
                ids: ids(),
                page: PageRequest::default(),
            },
            Request::Retract {
                node: node(),
                ids: ids(),
                notify: Some(true),
            },
            Request::Retract {
                node: node(),
                ids: ids(),
                notify: None,
            },
            Request::Create {
                node: node(),
                config: Some(form.clone()),
            },
            Request::Create {
                node: node(),
                config: None,
            },
            Request::Configuration { node: node() },
            Request::Configure { node: node(), form },
            Request::Purge { node: node() },
            Request::Delete { node: node() },
        ] {
            assert_eq!(read(&request.to_iq("1")), Ok(request));
        }
    }

    // proves: PE-02
    #[test]
    fn wrong_forms_are_named() {
        for (xml, detail) in [
            (
                "<publish><item><x xmlns='y'/></item></publish>",
                "nodeid-required",
            ),
            (
                "<publish node=''><item><x xmlns='y'/></item></publish>",
                "nodeid-required",
            ),
            ("<publish node='n'/>", "item-required"),
            (
                "<publish node='n'><item id='1'/></publish>",
                "payload-required",
            ),
            (
                "<publish node='n'><item><x xmlns='y'/><x xmlns='y'/></item></publish>",
                "invalid-payload",
            ),
            ("<retract node='n'/>", "item-required"),
            ("<retract node='n'><item/></retract>", "item-required"),
        ] {
            let xml = format!("<pubsub xmlns='{}'>{xml}</pubsub>", ns::PUBSUB);
            let refused = set(&xml).unwrap_err();
            assert_eq!(refused.condition, Condition::BadRequest, "{xml}");
            assert_eq!(refused.detail.unwrap().name(), detail, "{xml}");
        }
        let long = "n".repeat(NAME_BYTES_MAX + 1);
        let long = format!(
            "<pubsub xmlns='{}'><create node='{long}'/></pubsub>",
            ns::PUBSUB
        );
        assert!(set(&long).is_err());
        let subscribe = format!(
            "<pubsub xmlns='{}'><subscribe node='n'/></pubsub>",
            ns::PUBSUB
        );
        let refused = set(&subscribe).unwrap_err();
        assert_eq!(refused.condition, Condition::FeatureNotImplemented);
        assert_eq!(
            refused.detail.unwrap().get_attr("feature"),
            Some("subscribe")
        );
    }
}
