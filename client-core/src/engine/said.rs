//! What the person says of lines that are there already: corrections, reactions, retractions, answers.

use protocol::reactions::Reactions;

use super::Engine;
use super::intents::{BODY_BYTES_MAX, readable};
use crate::history::{Beside, Reply, Signal};
use crate::io::Output;
use crate::reduce::Written;
use crate::view::{Line, Mark, Target};

/// So many lines of what is answered are repeated for programs that know no answers.
const QUOTED_LINES_MAX: usize = 3;
/// So many characters of each.
const QUOTED_CHARS_MAX: usize = 120;

impl Engine {
    /// Gives an own line another text (IM-10).
    pub(super) fn edit(&mut self, key: &str, body: &str) {
        let body = readable(body);
        let Some(target) = self.shown.target(key).filter(|t| is_own(&t.line)) else {
            return;
        };
        if body.is_empty() || body == target.line.text {
            return;
        }
        if body.len() > BODY_BYTES_MAX {
            return self.give_back(body);
        }
        let of = target.message_id;
        self.say_of(Signal::Corrected { of, text: body }, target.reply);
    }

    /// Reacts to a line with these and nothing else (IM-13).
    pub(super) fn react(&mut self, key: &str, emojis: Vec<String>) {
        let Some(target) = self.shown.target(key).filter(|t| is_there(&t.line)) else {
            return;
        };
        let Reactions { of, emojis } = Reactions::new(target.message_id, emojis);
        let chosen = target.line.reactions.iter().filter(|r| r.own);
        if chosen.map(|reaction| &reaction.emoji).ne(&emojis) {
            self.say_of(Signal::Reacted { of, emojis }, None);
        }
    }

    /// Takes an own line back (IM-14).
    pub(super) fn retract(&mut self, key: &str) {
        if let Some(target) = self.shown.target(key).filter(|t| is_own(&t.line)) {
            self.say_of(Signal::Retracted(target.message_id), None);
        }
    }

    fn say_of(&mut self, signal: Signal, reply: Option<Reply>) {
        let Some(to) = self.shown.peer().cloned() else {
            return;
        };
        let beside = Beside {
            reply,
            is_unstyled: false,
        };
        self.put_in_outbox(Written {
            beside,
            ..Written::new(to, String::new(), Some(signal))
        });
    }

    /// What cannot be sent goes back to where it was written.
    pub(super) fn give_back(&mut self, body: String) {
        if let Some(to) = self.shown.peer().cloned() {
            self.out.push_back(Output::Unsaved { to, body });
        }
    }
}

/// Whether something can be said of a line at all.
fn is_there(line: &Line) -> bool {
    !line.is_retracted && !matches!(line.mark, Mark::Failed(_) | Mark::Gap | Mark::Filling)
}

fn is_own(line: &Line) -> bool {
    line.own && is_there(line)
}

/// What makes a line the answer to another one.
pub(super) fn reply_to(target: &Target) -> Reply {
    let lines = target.line.text.lines().take(QUOTED_LINES_MAX);
    let quote = lines.map(|line| {
        let start: String = line.chars().take(QUOTED_CHARS_MAX).collect();
        format!("> {start}\n")
    });
    Reply {
        of: target.message_id.clone(),
        is_own: target.line.own,
        quote: quote.collect(),
    }
}
