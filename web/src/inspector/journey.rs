//! The way of one message over the wire: its frames, acks, ids, and what others said of it.

use super::{Record, What};

/// The id of the message that a frame carries, if it carries one: for a copy or a page's entry, that of
/// the message inside.
pub fn message_id(frame: &str) -> Option<&str> {
    let messages = frame.match_indices("<message");
    let inner = messages.last().map(|(at, _)| at)?;
    let tag = frame.get(inner..)?;
    let tag = tag.get(..tag.find('>')?)?;
    attribute(tag, " id=")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let value = tag.get(tag.find(name)? + name.len()..)?;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = value.get(1..)?;
    value.get(..value.find(quote)?)
}

/// The records that tell of a message: frames that name it or the entry that it became, what the device made
/// of them, and the ack that stood before it was known to be archived.
pub fn journey<'a>(records: impl Iterator<Item = &'a Record>, message_id: &str) -> Vec<&'a Record> {
    let mut found: Vec<&Record> = Vec::new();
    let mut ack = None;
    for record in records {
        match &record.what {
            What::Came(frame) if is_ack(frame) => ack = Some(record),
            What::Sent(frame) | What::Came(frame) => {
                if frame.contains(message_id) {
                    found.push(record);
                }
            }
            What::Became { key, mark, .. } if **key == *message_id => {
                found.extend(ack.filter(|_| *mark == "archived"));
                found.push(record);
            }
            What::Became { .. } => {}
            What::Link(_) => {}
        }
    }
    found
}

fn is_ack(frame: &str) -> bool {
    frame.starts_with("<a ") || frame.starts_with("<resumed ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::time::Stamp;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::inspector::WireLog;

    #[wasm_bindgen_test]
    fn a_frame_names_the_message_that_it_carries() {
        let wrapped = "<message to='r@x/a'><sent><forwarded><message xmlns='jabber:client' \
                       to=\"j@x\" id='m2'><body/></message></forwarded></sent></message>";
        assert_eq!(message_id("<message type='chat' id=\"m1\"/>"), Some("m1"));
        assert_eq!(message_id(wrapped), Some("m2"));
        assert_eq!(message_id("<iq id='q'/>"), None);
        assert_eq!(message_id("<message to='x'><body id='b'/></message>"), None);
    }

    #[wasm_bindgen_test]
    fn a_message_is_followed_from_its_frame_over_the_ack_to_the_answers() {
        let mut log = WireLog::default();
        let text = |text: &str| Arc::<str>::from(text);
        let became = |mark| What::Became {
            key: text("m1"),
            mark,
            archive_id: None,
        };
        for what in [
            What::Sent(text("<message id='m1'><body>O</body></message>")),
            became("waiting"),
            What::Came(text("<a h='1'/>")),
            What::Sent(text("<message id='m2'/>")),
            What::Came(text("<a h='2' xmlns='urn:xmpp:sm:3'/>")),
            became("archived"),
            What::Came(text("<message from='j@x/b'><received id='m1'/></message>")),
            What::Link(text("closed")),
        ] {
            log.push(Stamp(0), what);
        }
        let steps = journey(log.records(), "m1");
        let numbers: Vec<u64> = steps.iter().map(|step| step.number).collect();
        assert_eq!(numbers, [1, 2, 5, 6, 7]);
    }
}
