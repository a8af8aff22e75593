//! The devices of an account: what its owner is told of them, and the link by which one more signs in
//! without a password (§16).

use crate::ns;
use crate::time::Stamp;
use crate::xml::Element;

/// A device as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What to call it in requests; means nothing else.
    pub id: String,
    /// What it calls itself, or what somebody called it.
    pub name: Option<String>,
    /// When it first signed in.
    pub first: Option<Stamp>,
    /// When it was last heard of.
    pub last: Option<Stamp>,
    /// Whether it is connected.
    pub is_online: bool,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// What lets one more device sign in, once and for some minutes.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceLink {
    /// The secret; used like a token of XEP-0484, by a device of any id.
    pub token: String,
    /// When it stops to work.
    pub expires: Option<Stamp>,
    /// A page that signs in with it; absent if the server does not know under which address it is reached.
    pub url: Option<String>,
}

impl std::fmt::Debug for DeviceLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceLink")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// `<devices/>`, the payload of an iq get to the own account.
pub fn list() -> Element {
    Element::new("devices", ns::S11)
}

/// `<device-link/>`, the payload of an iq set to the own account.
pub fn link() -> Element {
    Element::new("device-link", ns::S11)
}

/// `<device/>` of an iq set: what a device is called from now on.
pub fn rename(id: &str, name: &str) -> Element {
    Element::new("device", ns::S11)
        .attr("id", id)
        .attr("name", name)
}

/// `<sign-out device=…/>`: that device is signed out.
pub fn sign_out(id: &str) -> Element {
    Element::new("sign-out", ns::S11).attr("device", id)
}

/// Which other device a `<sign-out/>` means.
pub fn signed_out(sign_out: &Element) -> Option<&str> {
    sign_out.get_attr("device")
}

/// Writes the answer to `<devices/>`.
pub fn to_element(devices: &[Device]) -> Element {
    list().children_from(devices.iter().map(Device::to_element))
}

/// Reads the answer to `<devices/>`.
pub fn from_element(devices: &Element) -> Vec<Device> {
    let children = devices.children().filter(|c| c.is("device", ns::S11));
    children.filter_map(Device::from_element).collect()
}

impl Device {
    fn to_element(&self) -> Element {
        let yes = |is: bool| is.then_some("true");
        Element::new("device", ns::S11)
            .attr("id", &self.id)
            .attr_opt("name", self.name.as_ref())
            .attr_opt("first", self.first)
            .attr_opt("last", self.last)
            .attr_opt("online", yes(self.is_online))
            .attr_opt("this", yes(self.is_this))
    }

    fn from_element(device: &Element) -> Option<Self> {
        let stamp = |name| device.get_attr(name).and_then(Stamp::parse);
        let is = |name| matches!(device.get_attr(name), Some("true" | "1"));
        Some(Self {
            id: device.get_attr("id")?.to_owned(),
            name: device.get_attr("name").map(str::to_owned),
            first: stamp("first"),
            last: stamp("last"),
            is_online: is("online"),
            is_this: is("this"),
        })
    }
}

impl DeviceLink {
    /// Writes the answer to `<device-link/>`.
    pub fn to_element(&self) -> Element {
        link()
            .attr("token", &self.token)
            .attr_opt("expires", self.expires)
            .attr_opt("url", self.url.as_ref())
    }

    /// Reads it.
    pub fn from_element(link: &Element) -> Option<Self> {
        Some(Self {
            token: link.get_attr("token")?.to_owned(),
            expires: link.get_attr("expires").and_then(Stamp::parse),
            url: link.get_attr("url").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: SEC-67
    #[test]
    fn devices_are_read_as_they_were_written() {
        let phone = Device {
            id: "a".into(),
            name: Some("Phone <1>".into()),
            first: Some(Stamp(1_000)),
            last: Some(Stamp(2_000)),
            is_online: true,
            is_this: true,
        };
        let other = Device {
            id: "~b".into(),
            name: None,
            first: None,
            last: None,
            is_online: false,
            is_this: false,
        };
        let devices = [phone, other];
        assert_eq!(from_element(&to_element(&devices)), devices);
        assert_eq!(from_element(&list().child(list())), []);
    }

    // proves: SEC-53
    #[test]
    fn a_link_is_read_as_it_was_written_and_shown_to_nobody() {
        for url in [None, Some("https://localhost/#device=sesame".to_owned())] {
            let link = DeviceLink {
                token: "sesame".into(),
                expires: Some(Stamp(1_000)),
                url,
            };
            assert_eq!(
                DeviceLink::from_element(&link.to_element()),
                Some(link.clone())
            );
            assert!(!format!("{link:?}").contains("sesame"));
        }
        assert_eq!(DeviceLink::from_element(&link()), None);
    }
}
