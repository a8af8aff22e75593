//! Answers about invitations and devices.

use protocol::devices::{self, Device, DeviceLink};
use protocol::invite::{self, Invitation};
use protocol::time::Stamp;
use protocol::{Element, Iq, ns};

use super::{Server, account};

/// The invitation that is always made.
pub(crate) fn invitation() -> Invitation {
    Invitation {
        uri: invite::uri(&account(), "T"),
        landing_url: None,
        expire: Some(Stamp(1_000)),
    }
}

/// The link that is always made.
pub(crate) fn device_link() -> DeviceLink {
    DeviceLink {
        token: "L".to_owned(),
        expires: Some(Stamp(1_000)),
        url: None,
    }
}

/// The one device that is always there.
pub(crate) fn device() -> Device {
    Device {
        id: "d".to_owned(),
        name: Some("Phone".to_owned()),
        first: Some(Stamp(1_000)),
        last: None,
        is_online: true,
        is_this: true,
    }
}

impl Server {
    pub(super) fn on_people(&self, iq: &Iq, payload: &Element) -> Option<Iq> {
        let answer = match (payload.name(), payload.ns()) {
            ("command", ns::COMMANDS) => Some(invitation().to_element("s")),
            ("device-link", ns::S11) => Some(device_link().to_element()),
            ("devices", ns::S11) => Some(devices::to_element(&[device()])),
            ("device" | "sign-out", ns::S11) => None,
            _ => return None,
        };
        Some(match self.people {
            Ok(()) => iq.result(answer),
            Err(condition) => iq.error(condition),
        })
    }
}
