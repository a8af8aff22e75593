//! Plain words for what went wrong with a line.

use protocol::{Condition, StanzaError};

/// A line that no server would take.
pub(crate) const TOO_LONG: &str = "This is too long to be sent.";
/// A line that waited too long to be sent without asking (S11-24).
pub(crate) const TOO_OLD: &str = "This could not be sent for two weeks. Send it again?";

/// What an error says to the person.
pub(crate) fn of_error(error: &StanzaError) -> String {
    let words = match error.condition {
        Condition::ItemNotFound | Condition::ServiceUnavailable | Condition::JidMalformed => {
            "There is nobody with this address."
        }
        Condition::NotAcceptable | Condition::Forbidden | Condition::NotAllowed => {
            "This person cannot be written to."
        }
        Condition::RemoteServerNotFound | Condition::RemoteServerTimeout => {
            "The other person's server cannot be reached."
        }
        // LIM-17; other servers say the same of what does not pass.
        Condition::PolicyViolation if error.kind == "wait" => {
            "You have written to many new people within an hour. Try again later."
        }
        Condition::ResourceConstraint => "The other person's mailbox is full.",
        Condition::BadRequest
        | Condition::Conflict
        | Condition::FeatureNotImplemented
        | Condition::InternalServerError
        | Condition::NotAuthorized
        | Condition::PolicyViolation
        | Condition::RecipientUnavailable
        | Condition::RegistrationRequired
        | Condition::SubscriptionRequired
        | Condition::UndefinedCondition
        | Condition::UnexpectedRequest => "The server did not take this.",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: LIM-17
    #[test]
    fn whoever_writes_to_too_many_hears_that_it_passes() {
        let wait = StanzaError::new(Condition::PolicyViolation).of_type("wait");
        assert!(of_error(&wait).contains("Try again later"));
        let unwanted = StanzaError::new(Condition::PolicyViolation).of_type("modify");
        assert_eq!(of_error(&unwanted), "The server did not take this.");
        let blocked = StanzaError::new(Condition::NotAcceptable).of_type("cancel");
        assert_eq!(of_error(&blocked), "This person cannot be written to.");
    }
}
