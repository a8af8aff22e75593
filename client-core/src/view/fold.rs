//! What messages say of earlier ones, folded into the lines of a conversation.
//!
//! Made anew of all rows that are loaded, in the order of the archive, whatever came first (MAM-32): so
//! every device that holds them shows the same (IM-22). What names a row that is not loaded changes
//! nothing until it is.

use std::collections::{BTreeMap, BTreeSet};

use protocol::ArchiveId;

use crate::history::{Content, Row, Signal};
use crate::view::{Line, Mark, Quote, Reaction, Version};

/// So many characters of an answered line are shown.
const QUOTE_CHARS_MAX: usize = 160;

/// What is said of the lines among `rows`, each named by its index there.
#[derive(Debug, Default)]
pub(super) struct Folded<'a> {
    rows: &'a [&'a Row],
    said: BTreeMap<usize, Said<'a>>,
    /// The lines that answer others, and which those are, if they are loaded.
    answers: BTreeMap<usize, Option<usize>>,
}

/// What is said of one line.
#[derive(Debug, Default)]
struct Said<'a> {
    /// Its corrections, oldest first.
    edits: Vec<&'a Row>,
    /// The newest reactions of each side, the earlier one first.
    reactions: Vec<&'a Row>,
    is_retracted: bool,
    /// Whether some of this is not in the archive yet.
    is_waiting: bool,
}

impl<'a> Folded<'a> {
    /// Folds rows in the order of the archive, those that are on their way to it last.
    pub(super) fn of(rows: &'a [&'a Row]) -> Self {
        let mut folded = Self {
            rows,
            ..Self::default()
        };
        let mut names = Names::of(rows);
        for (at, row) in rows.iter().enumerate() {
            if is_line(row) && row.beside.reply.is_some() {
                folded.answers.insert(at, names.line_of(at));
            }
            let Content::Signal(signal) = &row.content else {
                continue;
            };
            if !signal.is_said() || !names.counts(row) {
                continue;
            }
            if let Some(line) = names.line_of(at) {
                folded.said.entry(line).or_default().take(signal, row);
            }
        }
        folded
    }

    /// Whether a line looks otherwise than its row alone says, its mark aside.
    pub(super) fn concerns(&self, at: usize) -> bool {
        self.said.contains_key(&at) || self.answers.contains_key(&at)
    }

    /// The message ids of a line's corrections: who got or saw one, got or saw the line (IM-12).
    pub(super) fn edit_ids(&self, at: usize) -> impl Iterator<Item = &str> {
        let edits = self.said.get(&at).map(|said| said.edits.iter());
        edits
            .into_iter()
            .flatten()
            .filter_map(|row| row.message_id.as_deref())
    }

    /// The mark of a line of which the archive does not have everything yet.
    pub(super) fn mark(&self, at: usize, mark: Mark) -> Mark {
        let is_waiting = self.said.get(&at).is_some_and(|said| said.is_waiting);
        let is_sent = matches!(mark, Mark::Archived | Mark::Received | Mark::Read);
        if is_waiting && is_sent {
            Mark::Waiting
        } else {
            mark
        }
    }

    /// The line that a row is, with all that is said of it.
    pub(super) fn line(&self, at: usize, mark: Mark) -> Option<Line> {
        let row = self.rows.get(at)?;
        let mut line = line_of_row(row)?;
        line.mark = mark;
        let answered = self.answers.get(&at);
        line.reply = answered.and_then(|line| self.quote(row, *line));
        if let Some(said) = self.said.get(&at) {
            said.change(&mut line, row);
        }
        if line.is_retracted {
            line.reply = None;
        }
        Some(line)
    }

    /// What an answer shows of the line that it answers.
    fn quote(&self, row: &Row, line: Option<usize>) -> Option<Quote> {
        let is_own = row.beside.reply.as_ref()?.is_own;
        let target = line.and_then(|at| Some((at, *self.rows.get(at)?)));
        let Some((at, target)) = target else {
            return Some(Quote {
                own: is_own,
                text: None,
                key: None,
            });
        };
        let said = self.said.get(&at);
        let is_tombstone = target.content == Content::Retracted;
        let is_retracted = is_tombstone || said.is_some_and(|said| said.is_retracted);
        let edited = said.and_then(|said| said.edits.last());
        let text = text_of(edited.unwrap_or(&target)).filter(|_| !is_retracted);
        Some(Quote {
            own: target.own,
            text: text.map(|text| text.chars().take(QUOTE_CHARS_MAX).collect()),
            key: Some(target.key.clone()),
        })
    }
}

impl<'a> Said<'a> {
    fn take(&mut self, signal: &Signal, row: &'a Row) {
        match signal {
            Signal::Corrected { .. } => self.edits.push(row),
            Signal::Reacted { .. } => {
                self.reactions.retain(|other| other.own != row.own);
                return self.reactions.push(row);
            }
            Signal::Retracted(_) => self.is_retracted = true,
            Signal::Displayed(_) | Signal::Received(_) => return,
        }
        self.is_waiting |= row.mark == Mark::Waiting;
    }

    fn change(&self, line: &mut Line, row: &Row) {
        if self.is_retracted || line.is_retracted {
            line.text.clear();
            line.is_retracted = true;
            return;
        }
        if let Some(last) = self.edits.last() {
            let versions = std::iter::once(row).chain(self.edits.iter().copied());
            let versions = versions.filter_map(|row| {
                let text = text_of(row)?.to_owned();
                let stamp = row.stamp;
                Some(Version { text, stamp })
            });
            line.edits = versions.collect();
            line.text = line.edits.pop().map_or_else(String::new, |v| v.text);
            line.is_unstyled = last.beside.is_unstyled;
        }
        for row in &self.reactions {
            react(&mut line.reactions, row);
        }
    }
}

fn react(reactions: &mut Vec<Reaction>, row: &Row) {
    let Content::Signal(Signal::Reacted { emojis, .. }) = &row.content else {
        return;
    };
    for emoji in emojis {
        let mut known = reactions.iter_mut();
        let reaction = match known.find(|known| known.emoji == *emoji) {
            Some(known) => known,
            None => {
                reactions.push(Reaction {
                    emoji: emoji.clone(),
                    ..Reaction::default()
                });
                let Some(last) = reactions.last_mut() else {
                    return;
                };
                last
            }
        };
        reaction.own |= row.own;
        reaction.other |= !row.own;
        reaction.is_waiting |= row.mark == Mark::Waiting;
    }
}

/// Which rows the message ids mean that are named by others.
struct Names<'a> {
    rows: &'a [&'a Row],
    /// Lines and corrections by message id and sender, in order.
    named: BTreeMap<(&'a str, bool), Vec<usize>>,
    /// Own entries that came back: what they say reached nobody (IM-13).
    bounced: BTreeSet<&'a ArchiveId>,
    /// To which lines rows were found to lead.
    known: BTreeMap<usize, Option<usize>>,
}

impl<'a> Names<'a> {
    fn of(rows: &'a [&'a Row]) -> Self {
        let wanted: BTreeSet<_> = rows.iter().filter_map(|row| named_by(row)).collect();
        let bounced = rows.iter().filter_map(|row| match &row.content {
            Content::Bounced { of, .. } => Some(of),
            Content::Gap | Content::Other(_) | Content::Retracted => None,
            Content::Signal(_) | Content::Text(_) => None,
        });
        let mut names = Self {
            rows,
            named: BTreeMap::new(),
            bounced: bounced.collect(),
            known: BTreeMap::new(),
        };
        for (at, row) in rows.iter().enumerate() {
            let id = row.message_id.as_deref().filter(|id| wanted.contains(id));
            if let Some(id) = id.filter(|_| is_line(row) || is_edit(row) && names.counts(row)) {
                names.named.entry((id, row.own)).or_default().push(at);
            }
        }
        names
    }

    fn counts(&self, row: &Row) -> bool {
        row.counts() && row.id.as_ref().is_none_or(|id| !self.bounced.contains(id))
    }

    /// The line that a row names, also by the id of a correction (IM-12).
    fn line_of(&mut self, start: usize) -> Option<usize> {
        let mut path = Vec::new();
        let mut at = start;
        let line = loop {
            if let Some(known) = self.known.get(&at) {
                break *known;
            }
            // Those that name each other in a circle name nothing.
            self.known.insert(at, None);
            path.push(at);
            let Some(target) = self.target(at) else {
                break None;
            };
            if self.rows.get(target).is_some_and(|row| is_line(row)) {
                break Some(target);
            }
            at = target;
        };
        for at in path {
            self.known.insert(at, line);
        }
        line
    }

    /// The row that is meant: the nearest one before, which stays the nearest whatever else is loaded,
    /// or else the first one after (IM-14).
    fn target(&self, at: usize) -> Option<usize> {
        let row = self.rows.get(at)?;
        let id = named_by(row)?;
        let senders: &[bool] = match &row.content {
            // Only who wrote a line corrects or retracts it.
            Content::Signal(Signal::Corrected { .. } | Signal::Retracted(_)) => &[row.own],
            Content::Signal(Signal::Reacted { .. }) | Content::Text(_) => &[true, false],
            Content::Signal(Signal::Received(_) | Signal::Displayed(_)) => &[],
            Content::Bounced { .. } | Content::Gap => &[],
            Content::Other(_) | Content::Retracted => &[],
        };
        let named = senders.iter().filter_map(|own| self.named.get(&(id, *own)));
        let split = named.map(|rows| {
            let (before, after) = rows.split_at(rows.partition_point(|named| *named < at));
            let mut after = after.iter().filter(|named| **named != at);
            (before.last().copied(), after.next().copied())
        });
        let (before, after): (Vec<_>, Vec<_>) = split.unzip();
        let before = before.into_iter().flatten().max();
        before.or_else(|| after.into_iter().flatten().min())
    }
}

/// The message id that a row names, if it changes what is shown of that message.
fn named_by(row: &Row) -> Option<&str> {
    match &row.content {
        Content::Signal(signal) => Some(signal.of()).filter(|_| signal.is_said()),
        Content::Text(_) => row.beside.reply.as_ref().map(|reply| reply.of.as_str()),
        Content::Bounced { .. } | Content::Gap | Content::Other(_) | Content::Retracted => None,
    }
}

fn is_edit(row: &Row) -> bool {
    matches!(row.content, Content::Signal(Signal::Corrected { .. }))
}

/// Whether a row is a line that can be named.
pub(super) fn is_line(row: &Row) -> bool {
    matches!(row.content, Content::Text(_) | Content::Retracted)
}

/// What a row reads, or makes another one read.
fn text_of(row: &Row) -> Option<&str> {
    match &row.content {
        Content::Text(text) | Content::Signal(Signal::Corrected { text, .. }) => Some(text),
        Content::Signal(_) | Content::Bounced { .. } | Content::Gap => None,
        Content::Other(_) | Content::Retracted => None,
    }
}

/// The line that a row is by itself, if it is something to look at.
pub(super) fn line_of_row(row: &Row) -> Option<Line> {
    let text = match &row.content {
        Content::Text(text) => text.clone(),
        Content::Gap | Content::Retracted => String::new(),
        Content::Bounced { .. } | Content::Signal(_) | Content::Other(_) => return None,
    };
    Some(Line {
        key: row.key.clone(),
        own: row.own,
        text,
        stamp: row.stamp,
        mark: row.mark.clone(),
        id: row.id.clone(),
        reply: None,
        edits: Vec::new(),
        reactions: Vec::new(),
        is_retracted: row.content == Content::Retracted,
        is_unstyled: row.beside.is_unstyled,
    })
}
