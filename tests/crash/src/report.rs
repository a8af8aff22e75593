//! The sum of all rounds, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::{
    check::{Finding, Kind},
    ledger::Counts,
    round::Tally,
};

/// What came of all rounds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub(crate) seed: u64,
    /// Rounds that were played.
    pub rounds: u64,
    pub(crate) databases: u64,
    #[serde(flatten)]
    pub(crate) tally: Tally,
    /// Lines that somebody wrote.
    pub messages: u64,
    /// Lines of these that a device saw acked.
    pub acked: u64,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Lines that are missing somewhere.
    pub lost: u64,
    /// Lines that are somewhere more than once.
    pub duplicated: u64,
    /// Lines that stand elsewhere than in another place.
    pub reordered: u64,
    /// Lines whose archive id is not the one that was known before.
    pub id_mismatches: u64,
    /// Other broken promises.
    pub other: u64,
}

impl Report {
    /// Whether no promise was broken.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lost + self.duplicated + self.reordered + self.id_mismatches + self.other == 0
    }

    /// Returns how many streams were resumed from what the server had on its disk (S11-62).
    #[must_use]
    pub fn restored(&self) -> u64 {
        self.counts.restored
    }

    /// Returns the report as one line of JSON.
    ///
    /// # Errors
    /// Never in practice; what is counted are numbers.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Takes a round in.
    pub(crate) fn add_round(&mut self, tally: &Tally, found: &[Finding]) {
        self.rounds += 1;
        self.tally.kills += tally.kills;
        self.tally.terminations += tally.terminations;
        self.tally.restarts += tally.restarts;
        self.tally.freezes += tally.freezes;
        self.tally.cuts += tally.cuts;
        self.tally.seconds += tally.seconds;
        self.tally.talk_seconds += tally.talk_seconds;
        self.tally.rest_seconds += tally.rest_seconds;
        let count = |kind| found.iter().filter(|finding| finding.kind == kind).count() as u64;
        self.lost += count(Kind::Lost);
        self.duplicated += count(Kind::Duplicated);
        self.reordered += count(Kind::Reordered);
        self.id_mismatches += count(Kind::IdMismatch);
        self.other += count(Kind::Other);
    }

    /// Takes in what a database's devices counted.
    pub(crate) fn add_database(&mut self, counts: Counts, (messages, acked): (u64, u64)) {
        self.databases += 1;
        self.counts = self.counts.plus(counts);
        self.messages += messages;
        self.acked += acked;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, counts, .. } = self;
        let each = tally.seconds / self.rounds.max(1) as f64;
        let lines = [
            ("rounds", self.rounds),
            ("databases", self.databases),
            ("kills", tally.kills),
            ("orderly ends", tally.terminations),
            ("restarts", tally.restarts),
            ("freezes", tally.freezes),
            ("cuts, half-closes and stalls", tally.cuts),
            ("connections lost", counts.disconnected),
            ("devices killed and reloaded", counts.reloads),
            ("messages", self.messages),
            ("messages acked", self.acked),
            ("acks", counts.acks),
            ("live copies", counts.copies),
            ("resent under their first prefix", counts.resent),
            ("resumes after restart", counts.restored),
            ("ordinary resumes", counts.resumed),
            ("streams bound anew", counts.bound),
            ("catch-ups", counts.caught_up),
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("id mismatches", self.id_mismatches),
            ("other broken promises", self.other),
        ];
        for (what, number) in lines {
            writeln!(f, "{number:>9}  {what}")?;
        }
        write!(f, "{each:>9.1}  seconds a round")
    }
}
