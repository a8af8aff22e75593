//! How a node is kept and who may read it.

use serde::{Deserialize, Serialize};

use super::error;
use crate::form::{self, Form, boolean};
use crate::ns;
use crate::stanza_error::{Condition, StanzaError};
use crate::xml::Element;

const NODE_CONFIG: &str = "http://jabber.org/protocol/pubsub#node_config";
const PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";

/// Who may read a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody.
    Open,
    /// Who sees the owner's presence.
    Presence,
    /// Contacts in certain groups.
    Roster,
    /// The owner only: nobody can be put on the list.
    Whitelist,
}

impl Access {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Open, "open"),
        (Self::Presence, "presence"),
        (Self::Roster, "roster"),
        (Self::Whitelist, "whitelist"),
    ];
}

/// When somebody who comes is sent the newest item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendLast {
    /// Never.
    Never,
    /// On subscription; contacts are subscribed by their presence, so that this is never too.
    OnSub,
    /// When a session that is interested becomes available.
    OnSubAndPresence,
}

impl SendLast {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Never, "never"),
        (Self::OnSub, "on_sub"),
        (Self::OnSubAndPresence, "on_sub_and_presence"),
    ];
}

/// How a node is kept (PE-02).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Who may read it.
    pub access: Access,
    /// The groups of [`Access::Roster`].
    pub groups: Vec<String>,
    /// Whether items are kept at all.
    pub persist: bool,
    /// How many of the newest items are kept; `None` is as many as there may be.
    pub max_items: Option<u32>,
    /// When the newest item is sent to those who come.
    pub send_last: SendLast,
    /// Whether notifications hold the payload.
    pub deliver_payloads: bool,
    /// Whether retracted items are told where the request says nothing about it.
    pub notify_retract: bool,
    /// Whether the end of the node is told.
    pub notify_delete: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access: Access::Presence,
            groups: Vec::new(),
            persist: true,
            max_items: Some(1),
            send_last: SendLast::OnSubAndPresence,
            deliver_payloads: true,
            notify_retract: true,
            notify_delete: true,
        }
    }
}

impl Config {
    /// A node of many items for the owner's devices only (XEP-0223).
    pub fn private() -> Self {
        Self {
            access: Access::Whitelist,
            max_items: None,
            send_last: SendLast::Never,
            ..Self::default()
        }
    }

    /// The same with what a form says.
    ///
    /// # Errors
    /// `bad-request` with `invalid-options` for a field that is unknown or a value that is none of
    /// it (PE-03).
    pub fn with(&self, form: &Form) -> Result<Self, StanzaError> {
        let mut changed = self.clone();
        for (var, values) in form.fields() {
            changed.read_field(var, values).ok_or_else(|| {
                error(Condition::BadRequest, "invalid-options").because(&format!("field {var}"))
            })?;
        }
        Ok(changed)
    }

    fn read_field(&mut self, var: &str, values: &[String]) -> Option<()> {
        let only = match values {
            [value] => Some(value.as_str()),
            _ => None,
        };
        match var.strip_prefix("pubsub#")? {
            "access_model" => self.access = named(&Access::ALL, only?)?,
            "roster_groups_allowed" => self.groups = values.to_vec(),
            "persist_items" => self.persist = boolean(only?)?,
            "max_items" => self.max_items = max_items(only?)?,
            "send_last_published_item" => self.send_last = named(&SendLast::ALL, only?)?,
            "deliver_payloads" => self.deliver_payloads = boolean(only?)?,
            "notify_retract" => self.notify_retract = boolean(only?)?,
            "notify_delete" => self.notify_delete = boolean(only?)?,
            _ => return None,
        }
        Some(())
    }

    fn fields(&self) -> [(&'static str, &'static str, Vec<String>); 8] {
        let max_items = self.max_items.map_or("max".to_owned(), |n| n.to_string());
        let access = name(&Access::ALL, self.access);
        let send_last = name(&SendLast::ALL, self.send_last);
        let yes_or_no = |yes: bool| vec![String::from(if yes { "1" } else { "0" })];
        [
            ("access_model", "list-single", vec![access]),
            ("roster_groups_allowed", "list-multi", self.groups.clone()),
            ("persist_items", "boolean", yes_or_no(self.persist)),
            ("max_items", "text-single", vec![max_items]),
            ("send_last_published_item", "list-single", vec![send_last]),
            (
                "deliver_payloads",
                "boolean",
                yes_or_no(self.deliver_payloads),
            ),
            ("notify_retract", "boolean", yes_or_no(self.notify_retract)),
            ("notify_delete", "boolean", yes_or_no(self.notify_delete)),
        ]
    }

    /// Writes the form that shows the owner how the node is kept.
    pub fn to_form(&self) -> Element {
        let fields = self.fields().map(|(var, kind, values)| {
            let values = values.iter().map(String::as_str);
            form::field(&format!("pubsub#{var}"), values).attr("type", kind)
        });
        Element::new("x", ns::DATA)
            .attr("type", "form")
            .child(form::field("FORM_TYPE", [NODE_CONFIG]).attr("type", "hidden"))
            .children_from(fields)
    }

    /// The options of a publication to a node that must be kept so, or is to be made so.
    pub fn to_options(&self) -> Form {
        let wanted = [
            "access_model",
            "persist_items",
            "max_items",
            "send_last_published_item",
        ];
        let fields = self.fields().into_iter();
        let fields = fields.filter(|(var, ..)| wanted.contains(var));
        Form::of_fields(fields.map(|(var, _, values)| (format!("pubsub#{var}"), values)))
    }
}

/// Reads the form of `<configure/>`.
pub(super) fn node_config(x: &Element) -> Result<Form, StanzaError> {
    Form::of_element(x, NODE_CONFIG).ok_or_else(bad_form)
}

/// Reads the form of `<publish-options/>`.
pub(super) fn publish_options(x: &Element) -> Result<Form, StanzaError> {
    Form::of_element(x, PUBLISH_OPTIONS).ok_or_else(bad_form)
}

/// Writes the form of `<configure/>`.
pub(super) fn write_config(form: &Form) -> Element {
    form.to_element(NODE_CONFIG)
}

/// Writes the form of `<publish-options/>`.
pub(super) fn write_options(form: &Form) -> Element {
    form.to_element(PUBLISH_OPTIONS)
}

fn bad_form() -> StanzaError {
    error(Condition::BadRequest, "invalid-options")
}

fn named<T: Copy>(all: &[(T, &str)], text: &str) -> Option<T> {
    let found = all.iter().find(|(_, name)| *name == text);
    found.map(|(value, _)| *value)
}

fn name<T: Copy + PartialEq>(all: &[(T, &str)], value: T) -> String {
    let found = all.iter().find(|(known, _)| *known == value);
    found.map_or_else(String::new, |(_, name)| (*name).to_owned())
}

/// The outer `None` says that it is neither `max` nor a number above 0.
#[expect(
    clippy::option_option,
    reason = "wrong form and no bound are two things"
)]
fn max_items(text: &str) -> Option<Option<u32>> {
    match text {
        "max" => Some(None),
        number => number.parse().ok().filter(|n| *n > 0).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(fields: &[(&str, &str)]) -> Form {
        let fields = fields.iter();
        Form::of_fields(fields.map(|(var, value)| ((*var).to_owned(), vec![(*value).to_owned()])))
    }

    // proves: PE-02, PE-03
    #[test]
    fn options_change_what_they_name_and_nothing_else() {
        let form = options(&[
            ("pubsub#access_model", "whitelist"),
            ("pubsub#max_items", "max"),
            ("pubsub#send_last_published_item", "never"),
        ]);
        assert_eq!(Config::default().with(&form), Ok(Config::private()));
        assert_eq!(
            Config::private().with(&Config::private().to_options()),
            Ok(Config::private())
        );
        assert_ne!(Config::default().with(&form), Ok(Config::default()));
    }

    // proves: PE-03
    #[test]
    fn unknown_fields_and_values_are_refused() {
        for (var, value) in [
            ("pubsub#colour", "red"),
            ("access_model", "open"),
            ("pubsub#access_model", "authorize"),
            ("pubsub#max_items", "0"),
            ("pubsub#max_items", "-1"),
            ("pubsub#persist_items", "yes"),
            ("pubsub#send_last_published_item", ""),
        ] {
            let refused = Config::default()
                .with(&options(&[(var, value)]))
                .unwrap_err();
            assert_eq!(refused.condition, Condition::BadRequest, "{var}={value}");
            assert!(
                refused
                    .detail
                    .unwrap()
                    .is("invalid-options", ns::PUBSUB_ERRORS)
            );
        }
    }

    // proves: DI-06
    #[test]
    fn a_form_of_another_type_is_none() {
        let form = Config::private().to_options();
        assert!(publish_options(&write_options(&form)).is_ok());
        assert!(publish_options(&write_config(&form)).is_err());
        assert!(node_config(&write_config(&form)).is_ok());
        let twice = write_config(&form).child(form::field("pubsub#max_items", ["2"]));
        assert!(node_config(&twice).is_err());
        let asks = Config::default().to_form();
        assert!(
            node_config(&asks).is_err(),
            "a form that asks is not filled in"
        );
    }
}
