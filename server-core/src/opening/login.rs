//! SASL up to the proof: SCRAM, tokens, and PLAIN where it is allowed (AU rows).
//!
//! The same exchanges run in two wrappings: SASL as RFC 6120 §6 frames it, and SASL2, which says with
//! its first element what is wanted once the login succeeded.

use protocol::fast;
use protocol::jid::BareJid;
use protocol::sasl::{self, SaslFailure};
use protocol::sasl2::{self, Authenticate};
use protocol::scram::{ClientFirst, ITERATIONS, ScramError, ScramHash, ServerExchange, StoredKeys};
use protocol::{Element, StreamCondition, ns};

use super::inline::{Asked, Recording};
use super::{Opening, OpeningOutput, Step};
use crate::features;
use crate::ids;
use crate::io::Identity;
use crate::records::Credentials;
use crate::tokens::{DeviceId, Proof};

/// The login of one connection.
#[derive(Default)]
pub(super) struct Login {
    attempts: u32,
    pub(super) exchange: Exchange,
    /// What the exchange under way asked for inline; absent if it is framed as in RFC 6120.
    pub(super) asked: Option<Box<Asked>>,
}

#[derive(Default)]
pub(super) enum Exchange {
    #[default]
    None,
    /// The keys of the account are being looked up.
    Lookup { account: BareJid, with: Mechanism },
    /// The tokens of the device are being looked up.
    Tokens { account: BareJid, proof: Vec<u8> },
    /// The challenge is out.
    Challenged {
        identity: Identity,
        server: Box<ServerExchange>,
        /// Whether login is refused for the time being, which only who can log in is told (AU-10).
        disabled: bool,
    },
    /// The login succeeded; what it means for the device's tokens is being written.
    Recording(Box<Recording>),
}

pub(super) enum Mechanism {
    Scram(ScramHash, ClientFirst),
    Plain { password: String },
}

impl Login {
    /// Whether only elements of SASL2 may come (AU-14).
    pub(super) fn is_exclusive(&self) -> bool {
        self.asked.is_some() && !matches!(self.exchange, Exchange::None)
    }
}

impl Opening {
    /// An element of SASL, in either wrapping.
    pub(super) fn on_sasl(&mut self, element: &Element) {
        let exchange = std::mem::take(&mut self.login.exchange);
        let is_sasl2 = element.ns() == ns::SASL2;
        let is_running = !matches!(exchange, Exchange::None);
        if is_running && is_sasl2 != self.login.asked.is_some() {
            return self.refuse_mixed(is_sasl2); // AU-15
        }
        match (element.name(), exchange) {
            ("auth", Exchange::None) if !is_sasl2 => self.on_auth(element),
            ("authenticate", Exchange::None) if is_sasl2 => self.on_authenticate(element),
            (
                "response",
                Exchange::Challenged {
                    identity,
                    server,
                    disabled,
                },
            ) => self.on_response((identity, disabled), &server, element),
            ("abort", _) => self.refuse_mixed_with(is_sasl2, SaslFailure::Aborted),
            _ => self.refuse_mixed(is_sasl2),
        }
    }

    fn refuse_mixed(&mut self, is_sasl2: bool) {
        self.refuse_mixed_with(is_sasl2, SaslFailure::MalformedRequest);
    }

    /// Refuses in the wrapping of what came.
    fn refuse_mixed_with(&mut self, is_sasl2: bool, failure: SaslFailure) {
        self.login.asked = is_sasl2.then(Box::default);
        self.refuse(failure);
    }

    fn on_auth(&mut self, element: &Element) {
        self.login.asked = None;
        let mechanism = element.get_attr("mechanism").unwrap_or_default();
        let begun = sasl::decode(&element.own_text()).and_then(|data| self.begin(mechanism, data));
        self.look_up(begun);
    }

    fn on_authenticate(&mut self, element: &Element) {
        self.login.asked = Some(Box::default());
        let begun = Authenticate::from_element(element).and_then(|authenticate| {
            let mechanism = authenticate.mechanism.clone();
            let data = authenticate.initial_response.clone();
            let device = authenticate.agent.as_deref().map(DeviceId::of_agent);
            let asked = Asked::new(authenticate, device)?;
            self.login.asked = Some(Box::new(asked));
            let data = data.ok_or(SaslFailure::MalformedRequest)?;
            match mechanism.as_str() {
                fast::MECHANISM => self.begin_by_token(&data),
                _ => self.begin(&mechanism, data),
            }
        });
        self.look_up(begun);
    }

    fn look_up(&mut self, begun: Result<Exchange, SaslFailure>) {
        let exchange = match begun {
            Ok(exchange) => exchange,
            Err(failure) => return self.refuse(failure),
        };
        let device = self.login.asked.as_ref().and_then(|asked| asked.device);
        match (&exchange, device) {
            (Exchange::Lookup { account, .. }, _) => {
                let account = account.clone();
                self.outputs.push_back(OpeningOutput::Lookup(account));
            }
            (Exchange::Tokens { account, .. }, Some(device)) => {
                let account = account.clone();
                let output = OpeningOutput::LookupTokens { account, device };
                self.outputs.push_back(output);
            }
            _ => return self.refuse(SaslFailure::MalformedRequest),
        }
        self.login.exchange = exchange;
    }

    fn begin(&self, mechanism: &str, data: Vec<u8>) -> Result<Exchange, SaslFailure> {
        let (username, authzid, with) = match ScramHash::of_mechanism(mechanism) {
            Some(hash) => {
                let first = ClientFirst::parse(&sasl::text_of(data)?).map_err(failure_of)?;
                let authzid = first.authzid().map(str::to_owned);
                (
                    first.username.clone(),
                    authzid,
                    Mechanism::Scram(hash, first),
                )
            }
            None if mechanism == "PLAIN" && self.config.allow_plain => {
                let data = sasl::text_of(data)?;
                let mut parts = data.split('\0');
                let mut next = || parts.next().ok_or(SaslFailure::MalformedRequest);
                let (authzid, username, password) = (next()?, next()?, next()?.to_owned());
                let authzid = Some(authzid.to_owned()).filter(|authzid| !authzid.is_empty());
                (username.to_owned(), authzid, Mechanism::Plain { password })
            }
            None => return Err(SaslFailure::InvalidMechanism),
        };
        let account = self.account_of(&username)?;
        let acts_for = authzid.map(|authzid| BareJid::new(&authzid));
        if acts_for.is_some_and(|jid| jid.ok().as_ref() != Some(&account)) {
            return Err(SaslFailure::InvalidAuthzid);
        }
        Ok(Exchange::Lookup { account, with })
    }

    fn begin_by_token(&self, data: &[u8]) -> Result<Exchange, SaslFailure> {
        let parsed = fast::parse_initial(data);
        let (username, proof) = parsed.ok_or(SaslFailure::MalformedRequest)?;
        let account = self.account_of(username)?;
        let proof = proof.to_vec();
        Ok(Exchange::Tokens { account, proof })
    }

    fn account_of(&self, username: &str) -> Result<BareJid, SaslFailure> {
        let account = format!("{username}@{}", self.config.domain);
        let account = BareJid::new(&account)
            .ok()
            .filter(|jid| jid.node().is_some());
        account.ok_or(SaslFailure::NotAuthorized)
    }

    pub(super) fn on_credentials(&mut self, found: Result<Option<Credentials>, ()>) {
        let exchange = std::mem::take(&mut self.login.exchange);
        let Exchange::Lookup { account, with } = exchange else {
            return;
        };
        let Ok(credentials) = found else {
            return self.refuse(SaslFailure::TemporaryAuthFailure);
        };
        let disabled = credentials.as_ref().is_some_and(|c| c.disabled);
        let (keys, epoch) = credentials.map(|c| (c.keys, c.epoch)).unwrap_or_default();
        let whose = (Identity { account, epoch }, disabled);
        match with {
            Mechanism::Scram(hash, first) => self.challenge(whose, hash, first, keys),
            Mechanism::Plain { password } => self.check_plain(whose, &password, keys),
        }
    }

    fn challenge(
        &mut self,
        (identity, disabled): (Identity, bool),
        hash: ScramHash,
        first: ClientFirst,
        keys: Vec<StoredKeys>,
    ) {
        let known = keys.into_iter().find(|keys| keys.hash == hash);
        let keys = known.unwrap_or_else(|| self.fake_keys(hash, &identity.account));
        let nonce = ids::nonce(&mut self.rng);
        let offered = features::mechanisms(&self.config);
        let (server, challenge) = ServerExchange::new(first, keys, &nonce, &offered);
        self.login.exchange = Exchange::Challenged {
            identity,
            server: Box::new(server),
            disabled,
        };
        self.send(match &self.login.asked {
            Some(_) => sasl2::write("challenge", &challenge),
            None => sasl::write("challenge", None, &challenge),
        });
    }

    /// Keys that no password fits, with a salt that stays the same for the name (AU-08).
    fn fake_keys(&mut self, hash: ScramHash, account: &BareJid) -> StoredKeys {
        let label = format!("{}\0{account}", hash.mechanism());
        let mut salt = ScramHash::Sha256.hmac(&self.config.secret, label.as_bytes());
        salt.truncate(16);
        let len = hash.hmac(b"", b"").len();
        let stored_key = ids::bytes(&mut self.rng, len);
        let server_key = ids::bytes(&mut self.rng, len);
        StoredKeys {
            hash,
            salt,
            iterations: ITERATIONS,
            stored_key,
            server_key,
        }
    }

    fn on_response(
        &mut self,
        (identity, disabled): (Identity, bool),
        server: &ServerExchange,
        element: &Element,
    ) {
        let finished =
            sasl::data_of(element).and_then(|data| server.finish(&data).map_err(failure_of));
        match finished {
            Ok(_) if disabled => self.refuse(SaslFailure::AccountDisabled),
            Ok(signature) => {
                let proof = Proof::Password(server.stored_key().to_vec());
                self.succeed(identity, signature.into_bytes(), proof);
            }
            Err(failure) => self.refuse_guess(identity.account, failure),
        }
    }

    fn check_plain(
        &mut self,
        (identity, disabled): (Identity, bool),
        password: &str,
        keys: Vec<StoredKeys>,
    ) {
        let hash = ScramHash::Sha256;
        let known = keys.into_iter().find(|keys| keys.hash == hash);
        let keys = known.unwrap_or_else(|| self.fake_keys(hash, &identity.account));
        let prepared = protocol::password::prepare(password).unwrap_or_default();
        let typed = StoredKeys::of_password(hash, &prepared, keys.salt.clone(), keys.iterations);
        if typed == keys && disabled {
            self.refuse(SaslFailure::AccountDisabled);
        } else if typed == keys {
            self.succeed(identity, Vec::new(), Proof::Password(keys.stored_key));
        } else {
            self.refuse_guess(identity.account, SaslFailure::NotAuthorized);
        }
    }

    /// The client has proved who it is; `data` proves to it who the server is.
    pub(super) fn succeed(&mut self, identity: Identity, data: Vec<u8>, proof: Proof) {
        let other_claim = self
            .claimed
            .as_ref()
            .is_some_and(|claimed| *claimed != identity.account);
        if other_claim {
            return self.refuse(SaslFailure::NotAuthorized);
        }
        match self.login.asked.take() {
            Some(asked) => self.succeed_inline(identity, data, proof, *asked),
            None => {
                let data = String::from_utf8(data).unwrap_or_default();
                self.send(sasl::write("success", None, &data));
                self.step = Step::Restart(identity);
            }
        }
    }

    /// Refuses what may be a guess: the driver makes the next one wait (LIM-15).
    pub(super) fn refuse_guess(&mut self, account: BareJid, failure: SaslFailure) {
        self.outputs.push_back(OpeningOutput::LoginFailed(account));
        self.refuse(failure);
    }

    pub(super) fn refuse(&mut self, failure: SaslFailure) {
        let asked = self.login.asked.take();
        self.send(match asked {
            Some(_) => sasl2::write_failure(failure),
            None => failure.write(),
        });
        self.login.attempts += 1;
        if self.login.attempts >= self.config.limits.login_attempts {
            self.fail_with(StreamCondition::PolicyViolation, "too many login attempts");
        }
    }
}

fn failure_of(error: ScramError) -> SaslFailure {
    match error {
        ScramError::Malformed | ScramError::ChannelBinding | ScramError::Iterations => {
            SaslFailure::MalformedRequest
        }
        ScramError::Authzid => SaslFailure::InvalidAuthzid,
        ScramError::Proof | ScramError::Downgrade | ScramError::Password => {
            SaslFailure::NotAuthorized
        }
    }
}
