//! From the first features to an authenticated stream: registration and SASL (AU and RG rows).

use protocol::bind2::BindRequest;
use protocol::fast::{self, Token};
use protocol::sasl::SaslFailure;
use protocol::sasl2::{self, Authenticate, Fast, Offer, Success};
use protocol::scram::{ClientExchange, ClientFinal, ClientKeys, ScramError, ScramHash, Secret};
use protocol::stanza::Address;
use protocol::{BareJid, Condition, Element, Frame, Iq, IqKind, ns, register, sasl};

use crate::ids::Ids;
use crate::view::Refusal;

/// What resources begin with, and what the device tells of itself; the same for everybody (BI-12).
const SOFTWARE: &str = "Balcony";
/// For how long the server is asked to keep the stream (SM-25).
pub(crate) const RESUMABLE_S: u32 = 600;

/// With what to log in.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    /// Absent where only a token can do it.
    pub(crate) secret: Option<Secret>,
    /// The token with which the account is made first.
    pub(crate) register: Option<String>,
    /// The link of another device, which works once.
    pub(crate) link: Option<Token>,
    /// Whether the account may have been made on an earlier connection that broke.
    pub(crate) is_perhaps_registered: bool,
}

impl Credentials {
    /// Whether a person typed the secret.
    pub(crate) fn is_typed(&self) -> bool {
        matches!(self.secret, Some(Secret::Password(_)))
    }
}

/// What a login in one exchange carries.
#[derive(Clone, Default)]
pub(crate) struct Carried {
    /// What the device calls itself (AU-19).
    pub(crate) agent: String,
    /// What it is called, for the account's owner.
    pub(crate) name: Option<String>,
    /// Its token, if it has one.
    pub(crate) token: Option<Token>,
    /// The stream to be resumed, if there is one.
    pub(crate) resume: Option<Element>,
}

/// What follows from a frame.
pub(crate) enum Turn {
    /// Send this and wait.
    Send(String),
    /// Not for us.
    Ignore,
    /// The server knows us, and we know it (AU-06).
    Success(Box<Proved>),
    /// The token does not work, and perhaps there is something else to log in with.
    TokenRefused {
        /// Whether it was too old only.
        is_expired: bool,
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

/// A login that succeeded.
#[derive(Default)]
pub(crate) struct Proved {
    /// The keys of a login by password.
    pub(crate) keys: Option<ClientKeys>,
    pub(crate) salted_password: Option<Vec<u8>>,
    /// What was done inline; absent if the stream has to be opened again.
    pub(crate) inline: Option<Success>,
}

/// One login under way.
pub(crate) struct Login {
    account: BareJid,
    /// Mechanisms of the profile in use.
    offered: Vec<String>,
    /// What can be had in one exchange.
    offer: Option<Offer>,
    carried: Carried,
    /// Whether an earlier connection may have made the account already.
    is_repeated: bool,
    step: Step,
}

enum Step {
    Preauth(String),
    Register(String),
    Token(Token),
    Challenge(ClientExchange),
    Verdict(Box<ClientFinal>),
}

impl Login {
    /// Starts with what the server's features offer.
    pub(crate) fn start(
        account: &BareJid,
        features: &Element,
        carried: Carried,
        credentials: &Credentials,
        ids: &mut Ids,
    ) -> (Self, Turn) {
        let offer = Offer::of_features(features);
        let mechanisms = features.find("mechanisms", ns::SASL);
        let classic = mechanisms.into_iter().flat_map(Element::children);
        let offered = match &offer {
            Some(offer) => offer.mechanisms.clone(),
            None => classic.map(Element::own_text).collect(),
        };
        let mut login = Self {
            account: account.clone(),
            offered,
            offer,
            carried,
            is_repeated: credentials.is_perhaps_registered,
            step: Step::Preauth(String::new()),
        };
        let turn = match &credentials.register {
            Some(token) => login.preauth(token, ids),
            None => login.authenticate(credentials, ids),
        };
        (login, turn)
    }

    /// What can be had in one exchange.
    pub(crate) fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }

    /// Tries without the token, which was refused.
    pub(crate) fn go_on_without_token(&mut self, credentials: &Credentials, ids: &mut Ids) -> Turn {
        self.carried.token = None;
        self.authenticate(credentials, ids)
    }

    /// Takes the next frame.
    pub(crate) fn on_frame(
        &mut self,
        frame: Frame,
        credentials: &mut Credentials,
        ids: &mut Ids,
    ) -> Turn {
        let profile = self.offer.as_ref().map_or(ns::SASL, |_| ns::SASL2);
        match frame {
            Frame::Stanza(stanza) => match Iq::of_stanza(&stanza) {
                Some(iq) if self.is_from_server(&iq) => self.on_iq(&iq, credentials, ids),
                Some(_) | None => Turn::Ignore,
            },
            Frame::Nonza(element) if element.ns() == profile => self.on_sasl(&element, credentials),
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
        let (Some(name), Some(Secret::Password(password))) =
            (self.account.node(), &credentials.secret)
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
            Step::Preauth(_)
            | Step::Register(_)
            | Step::Token(_)
            | Step::Challenge(_)
            | Step::Verdict(_) => {
                return Turn::Ignore;
            }
        };
        match &iq.kind {
            IqKind::Result(_) if is_preauth => {
                let turn = self.register(credentials, ids);
                credentials.is_perhaps_registered = true;
                turn
            }
            IqKind::Result(_) => self.authenticate(credentials, ids),
            IqKind::Error(error)
                if self.is_repeated && (is_preauth || error.condition == Condition::Conflict) =>
            {
                self.authenticate(credentials, ids)
            }
            IqKind::Error(error) => refused(refusal_of(error.condition)),
            IqKind::Get(_) | IqKind::Set(_) => Turn::Ignore,
        }
    }

    /// The token if there is one and nobody typed a password, else SCRAM-SHA-256, or nothing: the password
    /// never leaves this device (AU-03), and one that was typed must be right (SEC-67).
    fn authenticate(&mut self, credentials: &Credentials, ids: &mut Ids) -> Turn {
        let Some(name) = self.account.node().map(|node| node.as_str().to_owned()) else {
            return refused(Refusal::Other);
        };
        let offers_fast = self.offer.as_ref().is_some_and(offers_fast);
        let by_token = offers_fast && !credentials.is_typed();
        let token = credentials.link.as_ref().or(self.carried.token.as_ref());
        if let Some(token) = token.cloned().filter(|_| by_token) {
            let first = token.initial_response(&name);
            self.step = Step::Token(token);
            let by_link = credentials.link.is_some();
            return Turn::Send(self.inline(fast::MECHANISM, first, by_link));
        }
        let hash = ScramHash::Sha256;
        if !self.offered.iter().any(|name| name == hash.mechanism()) {
            return refused(Refusal::Other);
        }
        if credentials.secret.is_none() {
            return refused(match credentials.link {
                Some(_) => Refusal::LinkInvalid,
                None => Refusal::SignInAgain,
            });
        }
        let (exchange, first) = ClientExchange::new(hash, &name, &ids.nonce());
        self.step = Step::Challenge(exchange);
        Turn::Send(match &self.offer {
            Some(_) => self.inline(hash.mechanism(), first.into_bytes(), true),
            None => sasl::write("auth", Some(hash.mechanism()), &first),
        })
    }

    /// A login with everything that the server can do in the same exchange, and a token of the device's
    /// own if it needs one.
    fn inline(&self, mechanism: &str, first: Vec<u8>, needs_token: bool) -> String {
        let Some(offer) = &self.offer else {
            return String::new();
        };
        let by_token = mechanism == fast::MECHANISM;
        let enables = |ns: &str| offer.bind.iter().flatten().any(|var| var == ns);
        let bind = offer.bind.is_some().then(|| BindRequest {
            tag: Some(SOFTWARE.to_owned()),
            sm: enables(ns::SM).then_some((true, Some(RESUMABLE_S))),
            s11: enables(ns::S11),
            ..BindRequest::default()
        });
        let request_token = offers_fast(offer) && needs_token;
        let authenticate = Authenticate {
            mechanism: mechanism.to_owned(),
            initial_response: Some(first),
            agent: Some(self.carried.agent.clone()),
            device: self.carried.name.clone(),
            resume: self.carried.resume.clone().filter(|_| offer.sm),
            bind,
            request_token: request_token.then(|| fast::MECHANISM.to_owned()),
            fast: by_token.then(Fast::default),
        };
        authenticate.write(SOFTWARE)
    }

    fn on_sasl(&mut self, element: &Element, credentials: &Credentials) -> Turn {
        let secret = credentials.secret.as_ref();
        match (&mut self.step, element.name()) {
            (Step::Token(_), "failure") => {
                token_failure(SaslFailure::of_element(element), credentials.link.is_some())
            }
            (_, "failure") => failure(SaslFailure::of_element(element), secret),
            (_, "continue") => refused(Refusal::Other), // AU-23
            (Step::Challenge(exchange), "challenge") => {
                let Some((data, secret)) = sasl::data_of(element).ok().zip(secret) else {
                    return refused(Refusal::Other);
                };
                let offered: Vec<_> = self.offered.iter().map(String::as_str).collect();
                match exchange.answer(&data, secret, &offered) {
                    Ok(last) => {
                        let response = match &self.offer {
                            Some(_) => sasl2::write("response", &last.message),
                            None => sasl::write("response", None, &last.message),
                        };
                        self.step = Step::Verdict(Box::new(last));
                        Turn::Send(response)
                    }
                    Err(error) => distrust(error, secret),
                }
            }
            (_, "success") => self.on_success(element),
            _ => Turn::Ignore,
        }
    }

    /// The server says that it knows us; does it know the secret?
    fn on_success(&mut self, element: &Element) -> Turn {
        let untrusted = Turn::Untrusted("the server's signature is wrong");
        let (inline, data) = if self.offer.is_some() {
            match Success::from_element(element) {
                Ok(success) => {
                    let data = success.additional_data.clone().unwrap_or_default();
                    (Some(success), data)
                }
                Err(_) => return untrusted,
            }
        } else {
            let data = sasl::decode(&element.own_text()).unwrap_or_default();
            (None, data)
        };
        match &mut self.step {
            Step::Token(token) if token.is_answered_by(&data) => Turn::Success(Box::new(Proved {
                inline,
                ..Proved::default()
            })),
            Step::Verdict(last) if data == last.expected.as_bytes() => {
                Turn::Success(Box::new(Proved {
                    keys: Some(last.keys.clone()),
                    salted_password: last.salted_password.take(),
                    inline,
                }))
            }
            Step::Token(_)
            | Step::Verdict(_)
            | Step::Challenge(_)
            | Step::Preauth(_)
            | Step::Register(_) => untrusted,
        }
    }
}

fn offers_fast(offer: &Offer) -> bool {
    offer.fast.iter().any(|name| name == fast::MECHANISM)
}

fn token_failure(failure: SaslFailure, is_link: bool) -> Turn {
    match failure {
        SaslFailure::NotAuthorized | SaslFailure::CredentialsExpired if is_link => {
            refused(Refusal::LinkInvalid)
        }
        SaslFailure::NotAuthorized => Turn::TokenRefused { is_expired: false },
        SaslFailure::CredentialsExpired => Turn::TokenRefused { is_expired: true },
        SaslFailure::TemporaryAuthFailure | SaslFailure::Aborted => {
            Turn::Later("the server cannot log in anybody")
        }
        SaslFailure::AccountDisabled
        | SaslFailure::IncorrectEncoding
        | SaslFailure::InvalidAuthzid
        | SaslFailure::InvalidMechanism
        | SaslFailure::MalformedRequest => refused(Refusal::Other),
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

fn failure(failure: SaslFailure, secret: Option<&Secret>) -> Turn {
    use SaslFailure as F;
    match failure {
        // Nobody typed anything where keys were kept.
        F::NotAuthorized if matches!(secret, Some(Secret::Keys(_))) => Turn::Refused {
            refusal: Refusal::SignInAgain,
            forget_keys: true,
        },
        F::NotAuthorized => refused(Refusal::WrongPassword),
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
        ScramError::Proof if has_keys => Refusal::SignInAgain,
        ScramError::Password => Refusal::WrongPassword,
        ScramError::Downgrade => Refusal::Untrusted,
        ScramError::Authzid
        | ScramError::ChannelBinding
        | ScramError::Iterations
        | ScramError::Malformed
        | ScramError::Proof => Refusal::Other,
    };
    Turn::Refused {
        refusal,
        forget_keys: refusal == Refusal::SignInAgain,
    }
}
