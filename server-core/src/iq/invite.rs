//! The one ad-hoc command: an invitation for a friend (RG-06, RG-07).

use protocol::disco::Info;
use protocol::invite::{self, Invitation};
use protocol::sm::Slot;
use protocol::time::Stamp;
use protocol::{Condition, Element, Iq, StanzaError, ns};
use sha2::{Digest as _, Sha256};

use crate::account::Account;
use crate::core::{Context, Core};
use crate::ids;
use crate::pending::{Granted, Pending, Request};
use crate::records::{Change, ChangeError, Invite};
use crate::requests::Task;
use crate::session::SessionId;

impl Account {
    /// A device executes a command of the server.
    pub(crate) fn on_command(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: Iq,
        command: &Element,
    ) {
        if let Err(error) = self.check_command(cx, command) {
            return self.answer(cx, id, slot, &iq.error(error));
        }
        let token = ids::opaque(&mut cx.rng);
        let limits = &cx.config.limits;
        let expires = Stamp(cx.now.wall_ms.saturating_add(limits.invitation_ms));
        let invite = Invite {
            token: Sha256::digest(&token).into(),
            expires,
            reserved: None,
            inviter: Some(self.jid.clone()),
            setup: false,
        };
        let max = limits.invitations.0;
        let change = Change::Invite { invite, max };
        let from = &self.jid;
        let web = cx.config.web.as_ref();
        let invitation = Invitation {
            uri: invite::uri(from, &token),
            landing_url: web.map(|web| format!("{web}/#invite={token}&from={from}")),
            expire: Some(expires),
        };
        let answer = invitation.to_element(&ids::opaque(&mut cx.rng));
        let account = self.jid.clone();
        let request = Request {
            account,
            session: id,
            slot,
            iq,
        };
        let pending = Pending::Granted(Box::new(Granted { request, answer }));
        self.begin_task(cx, id, Task::Change(pending, Box::new(change)));
    }

    fn check_command(&self, cx: &mut Context, command: &Element) -> Result<(), StanzaError> {
        if command.get_attr("node") != Some(invite::NODE) {
            return Err(Condition::ItemNotFound.into());
        }
        if !matches!(command.get_attr("action"), None | Some("execute")) {
            return Err(Condition::BadRequest.into());
        }
        if self.invites_too_many(cx) {
            return Err(too_many());
        }
        Ok(())
    }
}

/// An invitation, or a link for one more device, is kept or not.
pub(crate) fn on_changed(core: &mut Core, granted: Granted, result: Result<(), ChangeError>) {
    let Granted { request, answer } = granted;
    let answer = match result {
        Ok(()) => request.iq.result(Some(answer)),
        Err(ChangeError::Full) => request.iq.error(too_many()),
        Err(
            ChangeError::Exists
            | ChangeError::NoAccount
            | ChangeError::Token
            | ChangeError::NoItem
            | ChangeError::Storage,
        ) => request.iq.error(Condition::InternalServerError),
    };
    core.with(&request.account, |account, cx| {
        account.answer(cx, request.session, request.slot, &answer);
        account.end_task(cx);
    });
}

/// LIM-16.
fn too_many() -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint).because("too many at once")
}

/// The commands of the server.
pub(crate) fn list(iq: &Iq) -> Iq {
    let mut item = Element::new("item", ns::DISCO_ITEMS)
        .attr("node", invite::NODE)
        .attr("name", "Invite a friend");
    if let Some(server) = iq.to.jid() {
        item = item.attr("jid", server);
    }
    let query = Element::new("query", ns::DISCO_ITEMS).attr("node", ns::COMMANDS);
    iq.result(Some(query.child(item)))
}

/// What the command is.
pub(crate) fn info() -> Info {
    Info {
        identities: vec![("automation", "command-node", "Invite a friend")],
        features: vec![ns::COMMANDS, ns::DATA],
    }
}
