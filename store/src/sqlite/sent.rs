//! How first outcomes stand in the sent log (S11-17).

use protocol::Condition;
use protocol::s11::Reason;
use server_core::archive::FirstOutcome;

/// The outcome as text; `None` for an archived message, whose entry says it all.
pub(super) fn encode(outcome: FirstOutcome) -> Option<String> {
    match outcome {
        FirstOutcome::Archived { .. } => None,
        FirstOutcome::NotArchived => Some("not archived".to_owned()),
        FirstOutcome::Unarchived(reason) => Some(format!("unarchived {}", reason.name())),
        FirstOutcome::Refused(condition) => Some(format!("refused {condition}")),
    }
}

/// The outcome of a text; a condition that is not known counts as undefined.
pub(super) fn decode(text: &str) -> FirstOutcome {
    match text.split_once(' ') {
        Some(("unarchived", reason)) => FirstOutcome::Unarchived(Reason::parse(reason)),
        Some(("refused", condition)) => FirstOutcome::Refused(
            Condition::parse(condition).unwrap_or(Condition::UndefinedCondition),
        ),
        _ => FirstOutcome::NotArchived,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: S11-17
    #[test]
    fn outcomes_are_read_back_as_they_were_written() {
        for outcome in [
            FirstOutcome::NotArchived,
            FirstOutcome::Unarchived(Reason::Quota),
            FirstOutcome::Unarchived(Reason::Size),
            FirstOutcome::Unarchived(Reason::Storage),
            FirstOutcome::Refused(Condition::Conflict),
            FirstOutcome::Refused(Condition::PolicyViolation),
        ] {
            let text = encode(outcome).unwrap();
            assert_eq!(decode(&text), outcome, "{text}");
        }
    }
}
