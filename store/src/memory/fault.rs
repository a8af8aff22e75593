//! What a [`super::Memory`] can be told to get wrong.

/// Which part of an append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailingSide {
    /// All of it; nothing is written, not even the outcome.
    Whole,
    /// The sender's entry.
    Sender,
    /// The recipient's entry.
    Recipient,
}

/// Appends that fail with [`server_core::archive::AppendError::Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// How many of the next appends; repetitions and records count too.
    pub appends: u32,
    /// Which part of each.
    pub side: FailingSide,
}

/// What is still to fail.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) plan: Option<FaultPlan>,
    pub(super) reads: u32,
    pub(super) changes: u32,
}

impl Faults {
    /// What fails of the next append.
    pub(super) fn next_append(&mut self) -> Option<FailingSide> {
        let plan = self.plan.as_mut().filter(|plan| plan.appends > 0)?;
        plan.appends -= 1;
        Some(plan.side)
    }

    /// Whether the next read fails.
    pub(super) fn next_read(&mut self) -> bool {
        take(&mut self.reads)
    }

    /// Whether the next change fails.
    pub(super) fn next_change(&mut self) -> bool {
        take(&mut self.changes)
    }
}

fn take(left: &mut u32) -> bool {
    let fails = *left > 0;
    *left = left.saturating_sub(1);
    fails
}
