//! Making an account before login: by a token, or openly where that is allowed (RG rows).

use protocol::jid::BareJid;
use protocol::scram::StoredKeys;
use protocol::stanza::Address;
use protocol::{Condition, Element, Iq, IqKind, StanzaError, ns, password, register, s11};
use sha2::{Digest as _, Sha256};

use super::{Opening, OpeningOutput};
use crate::io::Password;
use crate::records::{Change, ChangeError, Invite};

/// The registration of one connection.
#[derive(Default)]
pub(super) struct Registration {
    token: Option<Token>,
    registered: bool,
    pending: Pending,
}

struct Token {
    hash: [u8; 32],
    reserved: Option<String>,
    inviter: Option<BareJid>,
}

#[derive(Default)]
enum Pending {
    #[default]
    None,
    Invite {
        iq: Iq,
        hash: [u8; 32],
    },
    Hash {
        iq: Iq,
        account: BareJid,
    },
    Change {
        iq: Iq,
        account: BareJid,
    },
}

/// Whether an iq belongs here.
pub(super) fn concerns(iq: &Iq) -> bool {
    match &iq.kind {
        IqKind::Get(payload) => payload.is("query", ns::REGISTER),
        IqKind::Set(payload) => {
            payload.is("query", ns::REGISTER) || payload.is("preauth", ns::PREAUTH)
        }
        IqKind::Result(_) | IqKind::Error(_) => false,
    }
}

impl Opening {
    pub(super) fn on_registration(&mut self, iq: &Iq) {
        let to_us = match &iq.to {
            Address::Absent => true,
            Address::Jid(jid) => jid.as_str() == &*self.config.domain,
            Address::Malformed(_) => false,
        };
        if !to_us {
            return self.answer(&iq.error(Condition::ItemNotFound));
        }
        match &iq.kind {
            IqKind::Get(_) if self.may_register() => {
                self.answer(&iq.result(Some(register::fields())));
            }
            IqKind::Get(_) => self.answer(&iq.error(Condition::NotAllowed)),
            IqKind::Set(payload) if payload.is("preauth", ns::PREAUTH) => {
                self.on_preauth(iq, payload);
            }
            IqKind::Set(payload) => self.on_register(iq, payload),
            IqKind::Result(_) | IqKind::Error(_) => {}
        }
    }

    fn may_register(&self) -> bool {
        let allowed = self.config.open_registration || self.registration.token.is_some();
        allowed && !self.registration.registered
    }

    fn on_preauth(&mut self, iq: &Iq, preauth: &Element) {
        let token = preauth.get_attr("token").unwrap_or_default();
        let hash: [u8; 32] = Sha256::digest(token).into();
        self.registration.pending = Pending::Invite {
            iq: iq.clone(),
            hash,
        };
        self.outputs.push_back(OpeningOutput::CheckInvite(hash));
    }

    pub(super) fn on_invite(&mut self, invite: Option<Invite>) {
        let pending = std::mem::take(&mut self.registration.pending);
        let Pending::Invite { iq, hash } = pending else {
            return;
        };
        match invite {
            Some(invite) => {
                let told = s11::invitation(invite.inviter.as_ref(), invite.expires);
                self.registration.token = Some(Token {
                    hash,
                    reserved: invite.reserved,
                    inviter: invite.inviter,
                });
                self.answer(&iq.result(Some(told)));
            }
            None => self.answer(&iq.error(Condition::ItemNotFound)),
        }
    }

    fn on_register(&mut self, iq: &Iq, query: &Element) {
        match self.check_register(query) {
            Ok((account, prepared)) => {
                self.registration.pending = Pending::Hash {
                    iq: iq.clone(),
                    account,
                };
                self.outputs
                    .push_back(OpeningOutput::Hash(Password(prepared)));
            }
            Err(error) => self.answer(&iq.error(error)),
        }
    }

    fn check_register(&self, query: &Element) -> Result<(BareJid, String), StanzaError> {
        if !self.may_register() {
            return Err(Condition::NotAllowed.into());
        }
        let field = |name| {
            query
                .find(name, ns::REGISTER)
                .map(Element::own_text)
                .unwrap_or_default()
        };
        let not_acceptable = |why| StanzaError::new(Condition::NotAcceptable).because(why);
        let account = format!("{}@{}", field("username"), self.config.domain);
        let account = BareJid::new(&account)
            .ok()
            .filter(|jid| jid.node().is_some_and(|node| !hides(node.as_str())));
        let account = account.ok_or_else(|| not_acceptable("This name cannot be used."))?;
        let prepared = password::prepare(&field("password"));
        let prepared = prepared.ok_or_else(|| not_acceptable("This password cannot be used."))?;
        let reserved = self
            .registration
            .token
            .as_ref()
            .and_then(|t| t.reserved.as_deref());
        if reserved.is_some_and(|name| account.node().is_none_or(|node| node.as_str() != name)) {
            return Err(not_acceptable("The invitation is for another name."));
        }
        Ok((account, prepared))
    }

    pub(super) fn on_hashed(&mut self, keys: Vec<StoredKeys>) {
        let pending = std::mem::take(&mut self.registration.pending);
        let Pending::Hash { iq, account } = pending else {
            return;
        };
        let token = self.registration.token.as_ref().map(|token| token.hash);
        self.registration.pending = Pending::Change {
            iq,
            account: account.clone(),
        };
        let change = Change::Register {
            account,
            keys,
            token,
        };
        self.outputs
            .push_back(OpeningOutput::Change(Box::new(change)));
    }

    pub(super) fn on_registered(&mut self, result: Result<(), ChangeError>) {
        let pending = std::mem::take(&mut self.registration.pending);
        let Pending::Change { iq, account } = pending else {
            return;
        };
        match result {
            Ok(()) => {
                self.registration.registered = true;
                let token = self.registration.token.take();
                if let Some(inviter) = token.and_then(|token| token.inviter) {
                    let joined = OpeningOutput::Joined { account, inviter };
                    self.outputs.push_back(joined);
                }
                self.answer(&iq.result(None));
            }
            Err(error) => self.answer(&iq.error(match error {
                ChangeError::Exists => Condition::Conflict,
                ChangeError::Token => Condition::NotAllowed,
                ChangeError::NoAccount
                | ChangeError::NoItem
                | ChangeError::Full
                | ChangeError::Storage => Condition::InternalServerError,
            })),
        }
    }

    fn answer(&mut self, iq: &Iq) {
        let mut iq = iq.clone();
        if let Ok(domain) = BareJid::new(&self.config.domain) {
            iq.from = domain.into();
        }
        self.send(iq.write());
    }
}

/// Whether a prepared name has characters that nobody sees, so that it looks like another one (SEC-30).
/// Preparation refuses or drops most of these; fillers and blank patterns count as letters there.
fn hides(name: &str) -> bool {
    let is_blank = |c| {
        matches!(
            c,
            '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{ffa0}'
        )
    };
    name.chars().any(is_blank)
}
