//! Who is writing just now, here and there (XEP-0085): said live only, and kept nowhere.

use std::collections::{BTreeMap, BTreeSet};

use protocol::chat_state::ChatState;
use protocol::{BareJid, Message, MessageType, Stanza, StanzaKind, ns};

use super::Engine;

/// So long after the last key somebody has paused.
const PAUSED_AFTER_MS: u64 = 5_000;
/// So long somebody is believed to be writing who says nothing more (IM-09).
const COMPOSING_MAX_MS: u64 = 30_000;
/// So many people can be writing, and so many are known to tell.
const PEOPLE_MAX: usize = 256;

/// Who is writing.
#[derive(Debug, Default)]
pub(super) struct Typing {
    /// Whether nobody is told.
    is_silent: bool,
    /// To whom this device said last what it does, and what.
    told: Option<(BareJid, ChatState)>,
    /// When it has paused.
    paused_at_ms: Option<u64>,
    /// Who tells, so that they can be told (IM-08).
    tellers: BTreeSet<BareJid>,
    /// Who is writing, and until when that is believed.
    composing: BTreeMap<BareJid, u64>,
}

impl Typing {
    pub(super) fn share(&mut self, shares: bool) {
        self.is_silent = !shares;
    }

    /// A line goes to somebody: gives whether it says that they are told of the next one being written.
    pub(super) fn wrote(&mut self, to: &BareJid) -> bool {
        self.told = Some((to.clone(), ChatState::Active));
        self.paused_at_ms = None;
        !self.is_silent
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        let believed = self.composing.values().copied();
        believed.chain(self.paused_at_ms).min()
    }

    fn was_told(&self, to: &BareJid) -> Option<ChatState> {
        let told = self.told.as_ref().filter(|(told, _)| told == to);
        told.map(|(_, state)| *state)
    }
}

impl Engine {
    /// The person writes, or took away what they wrote.
    pub(super) fn compose(&mut self, to: BareJid, is_composing: bool) {
        let was_told = self.typing.was_told(&to);
        if is_composing {
            self.tell_state(&to, ChatState::Composing);
            let is_told = self.typing.was_told(&to) == Some(ChatState::Composing);
            self.typing.paused_at_ms = is_told.then_some(self.now.mono_ms + PAUSED_AFTER_MS);
        } else if was_told.is_some_and(|told| told != ChatState::Active) {
            self.typing.paused_at_ms = None;
            self.tell_state(&to, ChatState::Active);
        }
    }

    /// The person writes no more for now.
    pub(super) fn pause(&mut self) {
        self.typing.paused_at_ms = None;
        if let Some((to, ChatState::Composing)) = self.typing.told.clone() {
            self.tell_state(&to, ChatState::Paused);
        }
    }

    /// Tells somebody who tells themselves, is there to see it, and may know (IM-06, IM-08).
    fn tell_state(&mut self, to: &BareJid, state: ChatState) {
        let is_same = self.typing.was_told(to) == Some(state);
        let tells = self.typing.tellers.contains(to) || self.shown.has_states(to);
        let may_tell = self.is_live && self.link.is_up() && !self.typing.is_silent;
        if is_same || !may_tell || !tells || !self.state.online.has(to) || !self.may_see(to) {
            return;
        }
        self.typing.told = Some((to.clone(), state));
        let message = Stanza::new(StanzaKind::Message)
            .to(to.clone())
            .typed("chat")
            .id(self.ids.uuid())
            .child(&state.to_element());
        self.send(message.write(), None);
    }

    /// What a message says of its sender's writing. One that waited somewhere tells nothing of now.
    pub(super) fn note_typing(&mut self, message: &Message) {
        let from = message.header().from.jid().map(protocol::Jid::to_bare);
        let from = from.filter(|from| *from != self.account);
        let Some(from) = from.filter(|_| is_now(message)) else {
            return;
        };
        let state = ChatState::of(message);
        if state.is_some() && self.typing.tellers.len() < PEOPLE_MAX {
            self.typing.tellers.insert(from.clone());
        }
        if state == Some(ChatState::Composing) && self.typing.composing.len() < PEOPLE_MAX {
            let until_ms = self.now.mono_ms + COMPOSING_MAX_MS;
            self.typing.composing.insert(from, until_ms);
        } else if state.is_some() || message.body().is_some() {
            self.typing.composing.remove(&from);
        }
    }

    /// What of all this is over.
    pub(super) fn see_typing(&mut self) {
        let now_ms = self.now.mono_ms;
        if !self.link.is_up() {
            self.typing.composing.clear();
            self.typing.told = None;
            self.typing.paused_at_ms = None;
        }
        if self.typing.paused_at_ms.is_some_and(|at| at <= now_ms) {
            self.pause();
        }
        let online = &self.state.online;
        let composing = &mut self.typing.composing;
        composing.retain(|jid, until_ms| *until_ms > now_ms && online.has(jid));
        self.shown
            .set_composing(composing.keys().cloned().collect());
    }
}

fn is_now(message: &Message) -> bool {
    let is_late = message.children().iter().any(|c| c.is("delay", ns::DELAY));
    matches!(message.kind(), MessageType::Chat | MessageType::Normal) && !is_late
}
