//! Pictures of people (XEP-0084): the picture in one node, what it is in another (AV-01).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::pubsub::{Item, Published, Request};
use crate::rsm::PageRequest;
use crate::xml::Element;

/// The node with the picture.
pub const DATA: &str = "urn:xmpp:avatar:data";
/// The node that tells which picture it is.
pub const METADATA: &str = "urn:xmpp:avatar:metadata";
/// The feature by which a client asks in its capabilities to be told (PE-04).
pub const NOTIFY: &str = "urn:xmpp:avatar:metadata+notify";
/// Larger pictures are not fetched.
pub const BYTES_MAX: usize = 200 * 1024;
/// Nor are wider or higher ones shown, in pixels.
pub const SIDE_MAX: u32 = 512;
/// The own picture may be no larger: an item has at most 64 KiB (PE-07), and base64 makes more of it.
pub const OWN_BYTES_MAX: usize = 44 * 1024;

const PNG: &str = "image/png";
const PNG_START: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// A picture, whole and of a size that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Png {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
}

impl Png {
    /// Takes the bytes of a PNG; `None` for what is none, or too large.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        let is_png = bytes.starts_with(&PNG_START) && bytes.get(12..16)? == b"IHDR";
        let (width, height) = (number(16)?, number(20)?);
        let is_shown = |side: u32| (1..=SIDE_MAX).contains(&side);
        let is_fit = is_png && is_shown(width) && is_shown(height) && bytes.len() <= BYTES_MAX;
        is_fit.then_some(Self {
            bytes,
            width,
            height,
        })
    }

    /// Reads the item of a data node; `None` unless it is the picture with this id.
    pub fn of_item(item: &Item, id: &str) -> Option<Self> {
        let element = item.element()?;
        let data = element.is("data", DATA).then(|| element.own_text())?;
        let png = Self::of_base64(&data)?;
        (png.id() == id).then_some(png)
    }

    /// Reads what [`Png::to_base64`] wrote, or others with white space in it.
    pub fn of_base64(text: &str) -> Option<Self> {
        // A third more than the bytes, and as much again for white space.
        if text.len() > BYTES_MAX * 2 {
            return None;
        }
        let text: String = text.split_ascii_whitespace().collect();
        Self::new(STANDARD.decode(text).ok()?)
    }

    /// The picture as text.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it is known by: the SHA-1 of its bytes in hexadecimal digits.
    pub fn id(&self) -> String {
        let hash = Sha1::digest(&self.bytes);
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        let digits = hash.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]);
        digits.collect()
    }

    /// Asks to keep the picture, which comes first.
    pub fn publish(&self) -> Request {
        let data = Element::new("data", DATA).text(self.to_base64());
        publish(DATA, self.id(), data)
    }

    /// Asks to tell that it is the picture.
    pub fn announce(&self) -> Request {
        let info = Element::new("info", METADATA)
            .attr("bytes", self.bytes.len())
            .attr("id", self.id())
            .attr("type", PNG)
            .attr("width", self.width)
            .attr("height", self.height);
        publish(
            METADATA,
            self.id(),
            Element::new("metadata", METADATA).child(info),
        )
    }
}

/// Asks to tell that there is no picture any more.
pub fn announce_none() -> Request {
    publish(
        METADATA,
        "none".to_owned(),
        Element::new("metadata", METADATA),
    )
}

/// Asks for a picture.
pub fn fetch(id: &str) -> Request {
    Request::Items {
        node: DATA.to_owned(),
        max: None,
        ids: vec![id.to_owned()],
        page: PageRequest::default(),
    }
}

/// Which picture an item of the metadata node tells of: of several, the one that can be fetched and shown.
pub fn announced(item: &Item) -> Option<String> {
    let metadata = item.element()?;
    let mut infos = metadata.children().filter(|info| {
        let number = |name| {
            info.get_attr(name)
                .and_then(|text| text.parse::<u32>().ok())
        };
        let is_small = |name, max| number(name).is_none_or(|number| number <= max);
        info.is("info", METADATA)
            && info.get_attr("url").is_none()
            && info.get_attr("type") == Some(PNG)
            && number("bytes").is_some_and(|bytes| bytes as usize <= BYTES_MAX)
            && is_small("width", SIDE_MAX)
            && is_small("height", SIDE_MAX)
    });
    let id = infos.next()?.get_attr("id")?;
    let is_hash = id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| id.to_ascii_lowercase())
}

fn publish(node: &str, id: String, payload: Element) -> Request {
    Request::Publish {
        node: node.to_owned(),
        items: vec![Published {
            id: Some(id),
            payload,
        }],
        options: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a PNG with these sides, and as many bytes more.
    fn png(width: u32, height: u32, more: usize) -> Vec<u8> {
        let mut bytes = PNG_START.to_vec();
        bytes.extend(13_u32.to_be_bytes());
        bytes.extend(b"IHDR");
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.resize(bytes.len() + more, 7);
        bytes
    }

    // proves: AV-01
    #[test]
    fn only_pictures_of_a_size_that_is_shown_are_taken() {
        assert!(Png::new(png(512, 1, 0)).is_some());
        for bytes in [
            png(513, 1, 0),
            png(1, 0, 0),
            png(64, 64, BYTES_MAX),
            b"GIF89a".to_vec(),
            png(64, 64, 0)[1..].to_vec(),
            Vec::new(),
        ] {
            assert_eq!(Png::new(bytes), None);
        }
    }

    // proves: AV-01
    #[test]
    fn a_picture_is_what_its_id_says() {
        let picture = Png::new(png(64, 64, 100)).unwrap();
        let Request::Publish { items, .. } = picture.publish() else {
            panic!("a picture is published");
        };
        let item = Item::new(picture.id(), &items[0].payload);
        assert_eq!(Png::of_item(&item, &picture.id()), Some(picture.clone()));
        let other = Png::new(png(64, 64, 101)).unwrap();
        assert_eq!(Png::of_item(&item, &other.id()), None, "another one");
        let broken = picture.to_base64().replace('A', "A\n ");
        let spaced = Element::new("data", DATA).text(broken);
        let spaced = Item::new("any", &spaced);
        assert_eq!(Png::of_item(&spaced, &picture.id()), Some(picture));
    }

    // proves: AV-01
    #[test]
    fn what_is_announced_is_fetched_only_if_it_can_be_shown() {
        let of = |text: &str| announced(&Item::new("x", &Element::parse_child(text).unwrap()));
        let info = |attrs: &str| {
            let id = "a1".repeat(20);
            of(&format!(
                "<metadata xmlns='{METADATA}'><info id='{id}' {attrs}/></metadata>"
            ))
        };
        assert!(info("bytes='100' type='image/png'").is_some());
        assert!(info("bytes='204800' type='image/png' width='512' height='512'").is_some());
        for attrs in [
            "type='image/png'",
            "bytes='204801' type='image/png'",
            "bytes='100' type='image/gif'",
            "bytes='100' type='image/png' width='513'",
            "bytes='100' type='image/png' url='https://example.org/a.png'",
        ] {
            assert_eq!(info(attrs), None, "{attrs}");
        }
        let short = format!(
            "<metadata xmlns='{METADATA}'><info bytes='1' id='ab' type='image/png'/></metadata>"
        );
        assert_eq!(of(&short), None);
        assert_eq!(of(&format!("<metadata xmlns='{METADATA}'/>")), None);
        let picture = Png::new(png(64, 64, 100)).unwrap();
        let Request::Publish { items, .. } = picture.announce() else {
            panic!("it is published");
        };
        let told = announced(&Item::new("x", &items[0].payload));
        assert_eq!(told, Some(picture.id()));
    }
}
