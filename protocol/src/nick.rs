//! What people call themselves (XEP-0172).

use crate::pubsub::{Item, Published, Request};
use crate::xml::Element;

/// The node with the name, and the namespace of its element.
pub const NODE: &str = "http://jabber.org/protocol/nick";
/// The feature by which a client asks in its capabilities to be told (PE-04).
pub const NOTIFY: &str = "http://jabber.org/protocol/nick+notify";
/// Longer names are cut.
pub const CHARS_MAX: usize = 100;

/// Asks to tell the name; without one, that there is none.
pub fn publish(name: Option<&str>) -> Request {
    let name = name.map(fit).unwrap_or_default();
    Request::Publish {
        node: NODE.to_owned(),
        items: vec![Published {
            id: Some("current".to_owned()),
            payload: Element::new("nick", NODE).text(name),
        }],
        options: None,
    }
}

/// The name that an item tells.
pub fn of_item(item: &Item) -> Option<String> {
    let nick = item.element()?;
    let name = nick.is("nick", NODE).then(|| fit(&nick.own_text()))?;
    (!name.is_empty()).then_some(name)
}

/// One line of a length that a list can show.
fn fit(name: &str) -> String {
    let words: Vec<_> = name
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_and_not_too_long() {
        let told = |name: Option<&str>| {
            let Request::Publish { items, .. } = publish(name) else {
                panic!("a name is published");
            };
            of_item(&Item::new("current", &items[0].payload))
        };
        assert_eq!(
            told(Some("  Juliet \n Capulet\u{7f}")),
            Some("Juliet Capulet".to_owned())
        );
        assert_eq!(told(Some(" \t ")), None);
        assert_eq!(told(None), None);
        assert_eq!(told(Some(&"x".repeat(101))), Some("x".repeat(100)));
        let other = Element::new("nick", "urn:example").text("Tybalt");
        assert_eq!(of_item(&Item::new("current", &other)), None);
    }
}
