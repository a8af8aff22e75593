//! What clients want to know, learned from their capabilities (DI-03, PE-04).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use protocol::caps::{self, Caps};
use protocol::{Element, Iq, IqKind, Stanza};

use crate::account::Account;
use crate::core::Context;
use crate::ids;
use crate::session::SessionId;

/// Nodes that one client may ask to hear of.
const INTERESTS_MAX: usize = 128;

/// What one session wants to hear of, while it is available.
#[derive(Default)]
pub(crate) struct Interests {
    pub(crate) nodes: Arc<BTreeSet<String>>,
    caps: Option<Caps>,
    /// The question for what its capabilities are.
    question: Option<String>,
}

/// Descriptions whose hash was checked, by that hash: true for every client that shows it.
#[derive(Default)]
pub(crate) struct KnownCaps {
    nodes: BTreeMap<String, Arc<BTreeSet<String>>>,
    oldest: VecDeque<String>,
}

impl KnownCaps {
    fn get(&self, caps: &Caps) -> Option<Arc<BTreeSet<String>>> {
        let known = self.nodes.get(&caps.ver);
        known.filter(|_| caps.is_sha1).cloned()
    }

    fn remember(&mut self, caps: &Caps, nodes: Arc<BTreeSet<String>>, max: usize) {
        if self.nodes.insert(caps.ver.clone(), nodes).is_some() {
            return;
        }
        self.oldest.push_back(caps.ver.clone());
        if self.oldest.len() > max
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.nodes.remove(&oldest);
        }
    }
}

impl Account {
    /// A session sent presence: looks what its software is, and asks if nobody has told (DI-03).
    pub(crate) fn on_caps(&mut self, cx: &mut Context, id: SessionId, presence: &Stanza) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let shown = Caps::of_presence(presence);
        if session.interests.caps == shown {
            return;
        }
        session.interests.caps.clone_from(&shown);
        session.interests.question = None;
        let known = match &shown {
            None => Some(Arc::default()),
            Some(caps) => cx.caps.get(caps),
        };
        if let Some(nodes) = known {
            return self.set_interests(cx, id, nodes);
        }
        session.interests.question = Some(ids::opaque(&mut cx.rng));
        self.ask_caps(cx, id);
    }

    /// Asks what has no answer yet; once more where a session goes on, for the answer may have died with the
    /// client that took the question.
    pub(crate) fn ask_caps(&mut self, cx: &mut Context, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let Interests { caps, question, .. } = &session.interests;
        if let (Some(caps), Some(question)) = (caps, question) {
            let question = Iq::get(question.clone(), caps.question())
                .from(self.jid.clone())
                .to(session.jid.clone());
            self.send_now(cx, id, question.write());
        }
    }

    /// A session answers something: perhaps that question.
    pub(crate) fn on_caps_answer(&mut self, cx: &mut Context, id: SessionId, iq: &Iq) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.interests.question.as_ref() != Some(&iq.id) {
            return;
        }
        session.interests.question = None;
        let (Some(caps), IqKind::Result(Some(description))) = (&session.interests.caps, &iq.kind)
        else {
            return;
        };
        let nodes = Arc::new(nodes_of(description));
        // What does not fit its hash is believed of the one session that says it.
        if caps.fits(description) {
            cx.caps
                .remember(caps, nodes.clone(), cx.config.limits.known_caps);
        }
        self.set_interests(cx, id, nodes);
    }

    fn set_interests(&mut self, cx: &mut Context, id: SessionId, nodes: Arc<BTreeSet<String>>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut session.interests.nodes, nodes.clone());
        let new = nodes.difference(&before).cloned().collect();
        self.show_interest(cx, id, new);
    }
}

fn nodes_of(description: &Element) -> BTreeSet<String> {
    let nodes = caps::features(description).filter_map(|var| var.strip_suffix("+notify"));
    nodes.take(INTERESTS_MAX).map(str::to_owned).collect()
}
