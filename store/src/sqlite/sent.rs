//! How first outcomes stand in the sent log (S11-17).

use protocol::Condition;
use protocol::s11::Reason;
use server_core::archive::FirstOutcome;

/// The outcome as text. An archived message has one only once its entry cannot speak for it.
pub(super) fn encode(outcome: FirstOutcome) -> String {
    match outcome {
        FirstOutcome::Archived { pos } => format!("archived {pos}"),
        FirstOutcome::NotArchived => "not archived".to_owned(),
        FirstOutcome::Unarchived(reason) => format!("unarchived {}", reason.name()),
        FirstOutcome::Refused(condition) => format!("refused {condition}"),
    }
}

/// The outcome of a text; a condition that is not known counts as undefined.
pub(super) fn decode(text: &str) -> FirstOutcome {
    match text.split_once(' ') {
        Some(("archived", pos)) => FirstOutcome::Archived {
            pos: pos.parse().unwrap_or(0),
        },
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
            FirstOutcome::Archived { pos: 17 },
            FirstOutcome::NotArchived,
            FirstOutcome::Unarchived(Reason::Quota),
            FirstOutcome::Unarchived(Reason::Size),
            FirstOutcome::Unarchived(Reason::Storage),
            FirstOutcome::Refused(Condition::Conflict),
            FirstOutcome::Refused(Condition::NotAcceptable),
            FirstOutcome::Refused(Condition::PolicyViolation),
        ] {
            let text = encode(outcome);
            assert_eq!(decode(&text), outcome, "{text}");
        }
    }
}
