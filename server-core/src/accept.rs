//! Which messages of a session go on their way, and what the others are answered.

use protocol::stanza::Address;
use protocol::{ArchiveId, Condition, Message, MessageType, Stanza, StanzaError, fork};

use crate::account::Account;
use crate::archive::Keep;
use crate::core::Context;
use crate::iq::blocking::blocked_error;
use crate::session::SessionId;
use crate::strip::{own_id, strip};

/// A message that was checked, stripped and stamped.
pub(crate) struct Accepted {
    pub(crate) message: Message,
    /// The id that the sender computed, if it could.
    pub(crate) own_id: Option<ArchiveId>,
    /// What is written of it, if anything; of what is refused no more than that, unless it came before: then
    /// what became of it stands (S11-22).
    pub(crate) keep: Option<Keep>,
}

impl Account {
    /// Checks a message; `None` for what is dropped. An error is of no message that is remembered: what
    /// is wrong with the stanza itself is as wrong when it comes again.
    pub(crate) fn accept(
        &self,
        cx: &mut Context,
        id: SessionId,
        mut stanza: Stanza,
    ) -> Result<Option<Accepted>, (Box<Stanza>, Condition)> {
        let Some(session) = self.sessions.get(&id) else {
            return Ok(None);
        };
        let refuse = |stanza: &Stanza, condition| Err((Box::new(stanza.clone()), condition));
        if matches!(stanza.header.to, Address::Malformed(_)) {
            return refuse(&stanza, Condition::JidMalformed);
        }
        let message_id = stanza.header.id.as_deref().unwrap_or_default();
        if message_id.len() > protocol::message::MESSAGE_ID_LEN_MAX {
            return refuse(&stanza, Condition::BadRequest);
        }
        let refused = self.refusal_to_send(&stanza);
        let is_too_forward = refused.is_none() && self.is_too_forward(cx, &stanza);
        if stanza.header.to == Address::Absent {
            stanza.header.to = self.jid.clone().into();
        }
        stanza.header.from = session.jid.clone().into();
        let stripped = strip(cx, &mut stanza);
        if stripped.removed && stanza.children.is_empty() && refused.is_none() {
            return Ok(None);
        }
        let (mode, prefix) = (session.mode, session.prefix.as_ref());
        let own_id = match own_id(mode, prefix, &stanza, stripped.resend) {
            Ok(own_id) => own_id,
            Err(condition) => return refuse(&stanza, refused.unwrap_or(condition)),
        };
        let Some(message) = Message::of_stanza(stanza) else {
            return Ok(None);
        };
        let verdict = fork::archives(&message);
        let (archive, reason) = (verdict.yes, verdict.reason);
        tracing::debug!(
            archive,
            reason,
            is_too_forward,
            refused = refused.is_some(),
            "message read"
        );
        let is_remembered = || own_id.is_some() && is_remembered(&message);
        let too_forward = Condition::PolicyViolation;
        let keep = match refused.or(is_too_forward.then_some(too_forward)) {
            None if verdict.yes => Some(Keep::Entries),
            None => is_remembered().then_some(Keep::OutcomeOnly),
            Some(_) if is_too_forward && verdict.yes => Some(Keep::EntriesIfKnown(too_forward)),
            Some(condition) if is_remembered() => Some(Keep::Refusal(condition)),
            Some(condition) => return refuse(&message.0, condition),
        };
        Ok(Some(Accepted {
            message,
            own_id,
            keep,
        }))
    }
}

/// Whether what becomes of such a message is remembered under the id that its sender computed (S11-17).
fn is_remembered(message: &Message) -> bool {
    matches!(message.kind(), MessageType::Chat | MessageType::Normal)
        && !fork::is_chat_state(message)
}

/// The error of what is refused for this reason. The sent log keeps the condition alone: each has one
/// form, so that a repetition hears the very same (S11-22).
pub(crate) fn refusal(condition: Condition) -> StanzaError {
    if condition == Condition::NotAcceptable {
        return blocked_error();
    }
    let error = StanzaError::new(condition);
    match condition == Condition::PolicyViolation {
        true => error.of_type("wait"), // LIM-17
        false => error,
    }
}
