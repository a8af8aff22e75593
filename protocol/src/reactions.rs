//! Reactions to messages (XEP-0444).

use crate::message::Message;
use crate::ns;
use crate::xml::Element;

/// So many reactions of one person to one message are looked at.
pub const REACTIONS_MAX: usize = 32;
/// So many bytes a reaction has at most: a flag of a region has 28, a family 25.
const REACTION_BYTES_MAX: usize = 64;

/// Everything with which somebody reacts to a message: it takes the place of what they said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reactions {
    /// The message id.
    pub of: String,
    /// Each once, in the order in which they were chosen; none takes all back.
    pub emojis: Vec<String>,
}

impl Reactions {
    /// Leaves out what comes twice or can be no emoji (IM-13).
    pub fn new(of: String, emojis: impl IntoIterator<Item = String>) -> Self {
        let mut chosen: Vec<String> = Vec::new();
        for emoji in emojis {
            let emoji = emoji.trim();
            let is_new = chosen.iter().all(|other| other != emoji);
            if is_new && is_short(emoji) && chosen.len() < REACTIONS_MAX {
                chosen.push(emoji.to_owned());
            }
        }
        Self { of, emojis: chosen }
    }

    /// Reads a message; `None` if it reacts to nothing that it names.
    pub fn of(message: &Message) -> Option<Self> {
        let reactions = message.0.find("reactions", ns::REACTIONS)?.element().ok()?;
        let of = reactions.get_attr("id").filter(|id| !id.is_empty())?;
        let emojis = reactions.children();
        let emojis = emojis.filter(|child| child.is("reaction", ns::REACTIONS));
        Some(Self::new(of.to_owned(), emojis.map(Element::own_text)))
    }

    /// Writes `<reactions/>`.
    pub fn to_element(&self) -> Element {
        let emojis = self.emojis.iter();
        let emojis = emojis.map(|emoji| Element::new("reaction", ns::REACTIONS).text(emoji));
        Element::new("reactions", ns::REACTIONS)
            .attr("id", &self.of)
            .children_from(emojis)
    }
}

fn is_short(emoji: &str) -> bool {
    let is_printed = |c: char| !c.is_control() && !c.is_whitespace();
    !emoji.is_empty() && emoji.len() <= REACTION_BYTES_MAX && emoji.chars().all(is_printed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    fn read(children: &str) -> Option<Vec<String>> {
        let xml = format!("<reactions id='m1' xmlns='urn:xmpp:reactions:0'>{children}</reactions>");
        Reactions::of(&message(&xml)).map(|reactions| reactions.emojis)
    }

    // The examples of XEP-0444 §3.
    // proves: IM-13
    #[test]
    fn reactions_are_a_full_set_each_once() {
        assert_eq!(
            read("<reaction>👋</reaction><reaction>🐢</reaction>").unwrap(),
            ["👋", "🐢"]
        );
        assert_eq!(read("").unwrap(), [""; 0], "none takes all back");
        assert_eq!(
            read("<reaction>👋</reaction><reaction>👋</reaction><reaction/>").unwrap(),
            ["👋"]
        );
        for nonsense in [
            "<reaction>two words</reaction>".to_owned(),
            format!("<reaction>{}</reaction>", "x".repeat(65)),
        ] {
            assert_eq!(read(&nonsense).unwrap(), [""; 0], "{nonsense}");
        }
        let many: String = (0..100)
            .map(|n| format!("<reaction>{n}</reaction>"))
            .collect();
        assert_eq!(read(&many).unwrap().len(), REACTIONS_MAX);
        assert_eq!(
            Reactions::of(&message("<reactions xmlns='urn:xmpp:reactions:0'/>")),
            None
        );
        let reactions = Reactions::new("m1".to_owned(), ["👋".to_owned()]);
        let written = reactions.to_element().to_string();
        assert_eq!(Reactions::of(&message(&written)), Some(reactions));
    }
}
