//! From the first features to an authenticated stream: registration and SASL (AU and RG rows).

use protocol::scram::{ClientExchange, ClientFinal, ClientKeys, ScramError, ScramHash, Secret};
use protocol::stanza::Address;
use protocol::{BareJid, Condition, Element, Frame, Iq, IqKind, ns, register, sasl};

use crate::ids::Ids;
use crate::view::Refusal;

/// With what to log in.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) secret: Secret,
    /// The token with which the account is made first.
    pub(crate) register: Option<String>,
    /// Whether the account may have been made on an earlier connection that broke.
    pub(crate) is_perhaps_registered: bool,
}

/// What follows from a frame.
pub(crate) enum Turn {
    /// Send this and wait.
    Send(String),
    /// Not for us.
    Ignore,
    /// The server knows us, and we know it (AU-06).
    Success {
        keys: ClientKeys,
        salted_password: Option<Vec<u8>>,
    },
    /// The login cannot succeed.
    Refused {
        refusal: Refusal,
        /// Whether the kept keys are worthless.
        forget_keys: bool,
    },
    /// The server did not prove that it knows the keys (AU-06).
    Untrusted(&'static str),
    /// Later it may succeed.
    Later(&'static str),
}

/// One login under way.
pub(crate) struct Login {
    account: BareJid,
    offered: Vec<String>,
    /// Whether an earlier connection may have made the account already.
    is_repeated: bool,
    step: Step,
}

enum Step {
    Preauth(String),
    Register(String),
    Challenge(ClientExchange),
    Verdict(Box<ClientFinal>),
}

impl Login {
    /// Starts with what the server's features offer.
    pub(crate) fn start(
        account: &BareJid,
        features: &Element,
        credentials: &Credentials,
        ids: &mut Ids,
    ) -> (Self, Turn) {
        let mechanisms = features.find("mechanisms", ns::SASL);
        let offered = mechanisms.into_iter().flat_map(Element::children);
        let mut login = Self {
            account: account.clone(),
            offered: offered.map(Element::own_text).collect(),
            is_repeated: credentials.is_perhaps_registered,
            step: Step::Preauth(String::new()),
        };
        let turn = match &credentials.register {
            Some(token) => login.preauth(token, ids),
            None => login.authenticate(ids),
        };
        (login, turn)
    }

    /// Takes the next frame.
    pub(crate) fn on_frame(
        &mut self,
        frame: Frame,
        credentials: &mut Credentials,
        ids: &mut Ids,
    ) -> Turn {
        match frame {
            Frame::Stanza(stanza) => match Iq::of_stanza(&stanza) {
                Some(iq) if self.is_from_server(&iq) => self.on_iq(&iq, credentials, ids),
                Some(_) | None => Turn::Ignore,
            },
            Frame::Nonza(element) if element.ns() == ns::SASL => {
                self.on_sasl(&element, credentials)
            }
            Frame::Nonza(_) | Frame::Open(_) | Frame::Close { .. } => Turn::Ignore,
        }
    }

    fn is_from_server(&self, iq: &Iq) -> bool {
        match &iq.from {
            Address::Absent => true,
            Address::Jid(from) => {
                from.is_bare() && from.as_str() == self.account.domain().as_str()
                    || *from == self.account
            }
            Address::Malformed(_) => false,
        }
    }

    fn preauth(&mut self, token: &str, ids: &mut Ids) -> Turn {
        let id = ids.request();
        let iq = Iq::set(id.clone(), register::preauth(token)).to(self.domain());
        self.step = Step::Preauth(id);
        Turn::Send(iq.write())
    }

    fn register(&mut self, credentials: &mut Credentials, ids: &mut Ids) -> Turn {
        let (Some(name), Secret::Password(password)) = (self.account.node(), &credentials.secret)
        else {
            return refused(Refusal::Other);
        };
        let Some(password) = protocol::password::prepare(password) else {
            return refused(Refusal::NotAcceptable);
        };
        let id = ids.request();
        let query = register::request(name.as_str(), &password);
        let iq = Iq::set(id.clone(), query).to(self.domain());
        self.step = Step::Register(id);
        Turn::Send(iq.write())
    }

    fn domain(&self) -> BareJid {
        BareJid::from_parts(None, self.account.domain())
    }

    fn on_iq(&mut self, iq: &Iq, credentials: &mut Credentials, ids: &mut Ids) -> Turn {
        let is_preauth = match &self.step {
            Step::Preauth(id) if *id == iq.id => true,
            Step::Register(id) if *id == iq.id => false,
            Step::Preauth(_) | Step::Register(_) | Step::Challenge(_) | Step::Verdict(_) => {
                return Turn::Ignore;
            }
        };
        match &iq.kind {
            IqKind::Result(_) if is_preauth => {
                let turn = self.register(credentials, ids);
                credentials.is_perhaps_registered = true;
                turn
            }
            IqKind::Result(_) => self.authenticate(ids),
            IqKind::Error(error)
                if self.is_repeated && (is_preauth || error.condition == Condition::Conflict) =>
            {
                self.authenticate(ids)
            }
            IqKind::Error(error) => refused(refusal_of(error.condition)),
            IqKind::Get(_) | IqKind::Set(_) => Turn::Ignore,
        }
    }

    /// SCRAM-SHA-256 or nothing: the password never leaves this device (AU-03).
    fn authenticate(&mut self, ids: &mut Ids) -> Turn {
        let hash = ScramHash::Sha256;
        let is_offered = self.offered.iter().any(|name| name == hash.mechanism());
        let Some(name) = self.account.node().filter(|_| is_offered) else {
            return refused(Refusal::Other);
        };
        let (exchange, first) = ClientExchange::new(hash, name.as_str(), &ids.nonce());
        self.step = Step::Challenge(exchange);
        Turn::Send(sasl::write("auth", Some(hash.mechanism()), &first))
    }

    fn on_sasl(&mut self, element: &Element, credentials: &Credentials) -> Turn {
        if element.name() == "failure" {
            return failure(sasl::SaslFailure::of_element(element), &credentials.secret);
        }
        let Ok(data) = sasl::data_of(element) else {
            return refused(Refusal::Other);
        };
        match (&mut self.step, element.name()) {
            (Step::Challenge(exchange), "challenge") => {
                let offered: Vec<_> = self.offered.iter().map(String::as_str).collect();
                match exchange.answer(&data, &credentials.secret, &offered) {
                    Ok(last) => {
                        let turn = Turn::Send(sasl::write("response", None, &last.message));
                        self.step = Step::Verdict(Box::new(last));
                        turn
                    }
                    Err(error) => distrust(error, &credentials.secret),
                }
            }
            (Step::Verdict(last), "success") if data == last.expected => Turn::Success {
                keys: last.keys.clone(),
                salted_password: last.salted_password.take(),
            },
            (_, "success") => Turn::Untrusted("the server's signature is wrong"),
            _ => Turn::Ignore,
        }
    }
}

fn refused(refusal: Refusal) -> Turn {
    Turn::Refused {
        refusal,
        forget_keys: false,
    }
}

fn refusal_of(condition: Condition) -> Refusal {
    if condition == Condition::Conflict {
        Refusal::NameTaken
    } else if matches!(
        condition,
        Condition::NotAcceptable | Condition::BadRequest | Condition::JidMalformed
    ) {
        Refusal::NotAcceptable
    } else if matches!(
        condition,
        Condition::ItemNotFound | Condition::NotAllowed | Condition::Forbidden
    ) {
        Refusal::LinkInvalid
    } else {
        Refusal::Other
    }
}

fn failure(failure: sasl::SaslFailure, secret: &Secret) -> Turn {
    use sasl::SaslFailure as F;
    match failure {
        F::NotAuthorized => Turn::Refused {
            refusal: Refusal::WrongPassword,
            forget_keys: matches!(secret, Secret::Keys(_)),
        },
        F::TemporaryAuthFailure | F::Aborted => Turn::Later("the server cannot log in anybody"),
        F::AccountDisabled
        | F::CredentialsExpired
        | F::IncorrectEncoding
        | F::InvalidAuthzid
        | F::InvalidMechanism
        | F::MalformedRequest => refused(Refusal::Other),
    }
}

fn distrust(error: ScramError, secret: &Secret) -> Turn {
    let has_keys = matches!(secret, Secret::Keys(_));
    let refusal = match error {
        ScramError::Proof if has_keys => Refusal::WrongPassword,
        ScramError::Password => Refusal::WrongPassword,
        ScramError::Authzid
        | ScramError::ChannelBinding
        | ScramError::Downgrade
        | ScramError::Iterations
        | ScramError::Malformed
        | ScramError::Proof => Refusal::Other,
    };
    Turn::Refused {
        refusal,
        forget_keys: has_keys && refusal == Refusal::WrongPassword,
    }
}
