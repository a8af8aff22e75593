//! Why a line was not sent.

use protocol::{Condition, StanzaError};
use serde::{Deserialize, Serialize};

/// Why a line was not sent, or came back. Whoever shows it finds the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub enum Failure {
    /// No server would take a line of this length.
    TooLong,
    /// It waited too long to be sent without asking (S11-24).
    TooOld,
    /// Nobody has this address.
    Nobody,
    /// This person cannot be written to.
    Unwanted,
    /// The other person's server cannot be reached.
    Unreachable,
    /// The writer wrote to many people within an hour who do not know them; that passes (LIM-17).
    TooMany,
    /// The other person's archive is full.
    Full,
    /// The server did not take it; what earlier versions kept reads so, too.
    #[default]
    Refused,
}

impl Failure {
    const ALL: [Self; 8] = [
        Self::TooLong,
        Self::TooOld,
        Self::Nobody,
        Self::Unwanted,
        Self::Unreachable,
        Self::TooMany,
        Self::Full,
        Self::Refused,
    ];

    /// What an error says.
    pub(crate) fn of_error(error: &StanzaError) -> Self {
        match error.condition {
            Condition::ItemNotFound | Condition::ServiceUnavailable | Condition::JidMalformed => {
                Self::Nobody
            }
            Condition::NotAcceptable | Condition::Forbidden | Condition::NotAllowed => {
                Self::Unwanted
            }
            Condition::RemoteServerNotFound | Condition::RemoteServerTimeout => Self::Unreachable,
            // LIM-17; other servers say the same of what does not pass.
            Condition::PolicyViolation if error.kind == "wait" => Self::TooMany,
            Condition::ResourceConstraint => Self::Full,
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
            | Condition::UnexpectedRequest => Self::Refused,
        }
    }
}

impl From<String> for Failure {
    fn from(name: String) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|failure| format!("{failure:?}") == name)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: LIM-17
    #[test]
    fn whoever_writes_to_too_many_hears_that_it_passes() {
        let wait = StanzaError::new(Condition::PolicyViolation).of_type("wait");
        assert_eq!(Failure::of_error(&wait), Failure::TooMany);
        let unwanted = StanzaError::new(Condition::PolicyViolation).of_type("modify");
        assert_eq!(Failure::of_error(&unwanted), Failure::Refused);
        let blocked = StanzaError::new(Condition::NotAcceptable).of_type("cancel");
        assert_eq!(Failure::of_error(&blocked), Failure::Unwanted);
    }

    #[test]
    fn what_is_kept_is_read_back_and_the_words_of_old_stand_for_a_refusal() {
        for failure in Failure::ALL {
            let kept = serde_json::to_string(&failure).unwrap();
            assert_eq!(serde_json::from_str::<Failure>(&kept).unwrap(), failure);
        }
        let old = serde_json::from_str("\"The server did not take this.\"");
        assert_eq!(old.ok(), Some(Failure::Refused));
    }
}
