//! Whether somebody is writing (XEP-0085).

use crate::message::Message;
use crate::ns;
use crate::xml::Element;

/// What somebody does in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its state of XEP-0085 §3")]
pub enum ChatState {
    Active,
    Composing,
    Paused,
    Inactive,
    Gone,
}

impl ChatState {
    const ALL: [Self; 5] = [
        Self::Active,
        Self::Composing,
        Self::Paused,
        Self::Inactive,
        Self::Gone,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Composing => "composing",
            Self::Paused => "paused",
            Self::Inactive => "inactive",
            Self::Gone => "gone",
        }
    }

    /// Reads a message; one that names two states names none (IM-08).
    pub fn of(message: &Message) -> Option<Self> {
        let children = message.children().iter();
        let mut states = children.filter(|child| &*child.ns == ns::CHAT_STATES);
        let state = states.next().filter(|_| states.next().is_none())?;
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.name() == &*state.name)
    }

    /// Writes the element.
    pub fn to_element(self) -> Element {
        Element::new(self.name(), ns::CHAT_STATES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    // proves: IM-08
    #[test]
    fn a_message_has_at_most_one_state() {
        for state in ChatState::ALL {
            let xml = format!("<body>Ay me</body>{}", state.to_element());
            assert_eq!(ChatState::of(&message(&xml)), Some(state));
        }
        let two = ChatState::Active.to_element().to_string()
            + &ChatState::Paused.to_element().to_string();
        for none in [
            two.as_str(),
            "<body>Ay me</body>",
            "<dancing xmlns='http://jabber.org/protocol/chatstates'/>",
        ] {
            assert_eq!(ChatState::of(&message(none)), None, "{none}");
        }
    }
}
