//! The client's half of a login.

use anyhow::{Result, anyhow, ensure};
use protocol::scram::{ClientExchange, ScramHash, Secret};
use protocol::{Element, XmlLimits, sasl, sasl2};

const HASH: ScramHash = ScramHash::Sha256;

/// `<authenticate/>` with these children, as text, behind what the mechanism says first.
pub(crate) fn authenticate(mechanism: &str, first: &[u8], asked: &str) -> String {
    let authenticate = sasl2::Authenticate {
        mechanism: mechanism.to_owned(),
        initial_response: Some(first.to_vec()),
        ..sasl2::Authenticate::default()
    };
    let frame = authenticate.write("");
    frame.replace("</authenticate>", &format!("{asked}</authenticate>"))
}

/// A login by password; everybody's password is their name.
pub(crate) struct Scram {
    exchange: ClientExchange,
    is_sasl2: bool,
}

impl Scram {
    /// Gives the first frame too: a login in one exchange if anything is asked for with it.
    pub(crate) fn start(username: &str, asked: Option<&str>) -> (Self, String) {
        let (exchange, first) = ClientExchange::new(HASH, username, "a-nonce-of-no-meaning");
        let mechanism = HASH.mechanism();
        let frame = match asked {
            Some(asked) => authenticate(mechanism, first.as_bytes(), asked),
            None => sasl::write("auth", Some(mechanism), &first),
        };
        let is_sasl2 = asked.is_some();
        (Self { exchange, is_sasl2 }, frame)
    }

    /// Answers the challenge.
    pub(crate) fn answer(&self, password: &str, challenge: &str) -> Result<String> {
        let challenge = Element::parse(challenge, XmlLimits::AFTER_LOGIN)?;
        let data = sasl::data_of(&challenge).map_err(|_| anyhow!("no challenge: {challenge}"))?;
        ensure!(data.contains(",h="), "no hash of the mechanisms: {data}"); // AU-12
        let secret = Secret::Password(password.to_owned());
        let offered = ScramHash::ALL.map(ScramHash::mechanism);
        let last = self.exchange.answer(&data, &secret, &offered)?;
        Ok(match self.is_sasl2 {
            true => sasl2::write("response", &last.message),
            false => sasl::write("response", None, &last.message),
        })
    }
}
