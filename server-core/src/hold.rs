//! What an inactive session is spared for a while (XEP-0352, CS rows).

use std::collections::VecDeque;

use protocol::Text;
use protocol::jid::Jid;

use crate::limits::Limits;
use crate::session::SentKind;

/// How a frame behaves towards an inactive session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Goes out at once, behind all that is held.
    Now,
    /// Waits; all are kept, in order.
    Later,
    /// Waits; a later one of the same kind from the same sender takes its place.
    Latest(LatestOf, Jid),
}

/// Of which things only the latest is worth sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LatestOf {
    Presence,
    /// What somebody does in the chat with the account.
    ChatState,
    /// What the account's other devices do in a chat.
    OwnChatState,
    /// (node, item)
    Item(String, String),
}

/// A frame that is held back.
pub(crate) struct Held {
    urgency: Urgency,
    /// The newest position of the log when it came.
    pub(crate) after: u64,
    pub(crate) frame: Text,
    pub(crate) kind: SentKind,
}

/// The frames held back from one session.
#[derive(Default)]
pub(crate) struct Hold {
    pub(crate) is_inactive: bool,
    /// When the first thing was held, also an entry that lies in the log.
    pub(crate) since_ms: Option<u64>,
    held: VecDeque<Held>,
    /// Of what is held.
    bytes: usize,
}

impl Hold {
    /// Keeps a frame back; tells since when something is held.
    pub(crate) fn push(
        &mut self,
        urgency: Urgency,
        after: u64,
        (frame, kind): (Text, SentKind),
        now_ms: u64,
    ) -> u64 {
        if let Urgency::Latest(LatestOf::Item(..), _) = &urgency {
            // Behind a purge of its node, not before it.
            let bytes = &mut self.bytes;
            self.held.retain(|held| {
                let stays = held.urgency != urgency;
                *bytes -= if stays { 0 } else { held.frame.len() };
                stays
            });
        }
        self.bytes += frame.len();
        let same = matches!(urgency, Urgency::Latest(..))
            .then(|| self.held.iter_mut().find(|held| held.urgency == urgency))
            .flatten();
        match same {
            Some(held) => {
                self.bytes -= held.frame.len();
                (held.frame, held.kind) = (frame, kind);
            }
            None => self.held.push_back(Held {
                urgency,
                after,
                frame,
                kind,
            }),
        }
        *self.since_ms.get_or_insert(now_ms)
    }

    /// How many frames are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many bytes they have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is time to let everything go (CS-04).
    pub(crate) fn is_due(&self, limits: &Limits, now_ms: u64) -> bool {
        let too_long = self
            .since_ms
            .is_some_and(|since| now_ms >= since + limits.held_ms);
        let too_much = self.held.len() >= limits.held_copies || self.bytes >= limits.held_bytes;
        too_long || too_much
    }

    /// What is held, oldest first.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &SentKind> {
        self.held.iter().map(|held| &held.kind)
    }

    /// Takes everything that is held, oldest first.
    pub(crate) fn take(&mut self) -> VecDeque<Held> {
        (self.since_ms, self.bytes) = (None, 0);
        std::mem::take(&mut self.held)
    }
}
