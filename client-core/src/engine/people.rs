//! What needs a connection and is for the screen alone: invitations, and the account's devices.

use protocol::devices::{self, DeviceLink};
use protocol::invite::{self, Invitation};
use protocol::{BareJid, Condition, Element, Iq, StanzaError};

use super::Engine;
use super::contacts::Request;
use crate::view::{People, Told, Trouble};

impl Engine {
    pub(super) fn invite(&mut self) {
        let domain = BareJid::from_parts(None, self.account.domain());
        self.want(Request::Invite, |id| {
            Iq::set(id, invite::command()).to(domain)
        });
    }

    pub(super) fn link_device(&mut self) {
        self.want(Request::Link, |id| Iq::set(id, devices::link()));
    }

    pub(super) fn list_devices(&mut self) {
        self.want(Request::Devices, |id| Iq::get(id, devices::list()));
    }

    /// Changes a device; the list is asked for anew behind it.
    pub(super) fn change_device(&mut self, change: Element) {
        self.want(Request::Device, |id| Iq::set(id, change));
    }

    fn want(&mut self, request: Request, iq: impl FnOnce(String) -> Iq) {
        let is_up = self.link.is_up();
        self.shown.change_people(|people| {
            people.note(
                request,
                match is_up {
                    true => Step::Asked,
                    false => Step::Failed(Trouble::Offline),
                },
            );
        });
        if is_up {
            self.ask(request, iq);
        }
    }

    /// The server answered.
    pub(super) fn on_people(
        &mut self,
        request: Request,
        answer: Result<Option<&Element>, &StanzaError>,
    ) {
        let step = match answer {
            Ok(payload) => Step::Answered(payload),
            Err(error) => Step::Failed(trouble_of(error)),
        };
        self.shown
            .change_people(|people| people.note(request, step));
        if request == Request::Device {
            self.list_devices();
        }
    }
}

/// How far a question is.
enum Step<'a> {
    Asked,
    Answered(Option<&'a Element>),
    Failed(Trouble),
}

impl People {
    fn note(&mut self, request: Request, step: Step<'_>) {
        match request {
            Request::Invite => take(&mut self.invitation, step, Invitation::from_element),
            Request::Link => take(&mut self.link, step, DeviceLink::from_element),
            Request::Devices => {
                // The list stays on the screen while a newer one is coming.
                let has_list = matches!(self.devices, Told::Got(_));
                if !(has_list && matches!(step, Step::Asked)) {
                    let read = |list: &Element| Some(devices::from_element(list));
                    take(&mut self.devices, step, read);
                }
            }
            Request::Device => {
                self.trouble = match step {
                    Step::Asked | Step::Answered(_) => None,
                    Step::Failed(trouble) => Some(trouble),
                };
            }
            Request::Roster
            | Request::Disco
            | Request::Features
            | Request::Marks
            | Request::Publish
            | Request::Blocklist
            | Request::Block(_)
            | Request::Picture
            | Request::Profile
            | Request::Other => {}
        }
    }

    /// There is no connection any more: no answer will come.
    pub(super) fn lose(&mut self) {
        lose(&mut self.invitation);
        lose(&mut self.link);
        lose(&mut self.devices);
    }
}

fn take<T>(wanted: &mut Told<T>, step: Step<'_>, read: impl Fn(&Element) -> Option<T>) {
    *wanted = match step {
        Step::Asked => Told::Asked,
        Step::Answered(payload) => match payload.and_then(read) {
            Some(told) => Told::Got(told),
            None => Told::Failed(Trouble::Refused),
        },
        Step::Failed(trouble) => Told::Failed(trouble),
    };
}

fn lose<T>(wanted: &mut Told<T>) {
    if matches!(wanted, Told::Asked) {
        *wanted = Told::Failed(Trouble::Offline);
    }
}

fn trouble_of(error: &StanzaError) -> Trouble {
    match error.condition == Condition::ResourceConstraint {
        true => Trouble::TooMany,
        false => Trouble::Refused,
    }
}
