//! SASL as RFC 6120 §6 frames it: SCRAM, and PLAIN where it is allowed (AU rows).

use protocol::jid::BareJid;
use protocol::sasl::{self, SaslFailure};
use protocol::scram::{ClientFirst, ITERATIONS, ScramError, ScramHash, ServerExchange, StoredKeys};
use protocol::{Element, StreamCondition};

use super::{Opening, OpeningOutput, Step};
use crate::features;
use crate::ids;
use crate::records::Credentials;

/// The login of one connection.
#[derive(Default)]
pub(super) struct Login {
    attempts: u32,
    exchange: Exchange,
}

#[derive(Default)]
enum Exchange {
    #[default]
    None,
    /// The keys of the account are being looked up.
    Lookup { account: BareJid, with: Mechanism },
    /// The challenge is out.
    Challenged {
        account: BareJid,
        server: Box<ServerExchange>,
    },
}

enum Mechanism {
    Scram(ScramHash, ClientFirst),
    Plain { password: String },
}

impl Opening {
    pub(super) fn on_sasl(&mut self, element: &Element) {
        match (element.name(), std::mem::take(&mut self.login.exchange)) {
            ("auth", Exchange::None) => self.on_auth(element),
            ("response", Exchange::Challenged { account, server }) => {
                self.on_response(account, &server, element);
            }
            ("abort", _) => self.refuse(SaslFailure::Aborted),
            _ => self.refuse(SaslFailure::MalformedRequest),
        }
    }

    fn on_auth(&mut self, element: &Element) {
        match self.begin(element) {
            Ok((account, with)) => {
                self.outputs
                    .push_back(OpeningOutput::Lookup(account.clone()));
                self.login.exchange = Exchange::Lookup { account, with };
            }
            Err(failure) => self.refuse(failure),
        }
    }

    fn begin(&self, element: &Element) -> Result<(BareJid, Mechanism), SaslFailure> {
        let mechanism = element.get_attr("mechanism").unwrap_or_default();
        let (username, authzid, with) = match ScramHash::of_mechanism(mechanism) {
            Some(hash) => {
                let first = ClientFirst::parse(&sasl::data_of(element)?).map_err(failure_of)?;
                let authzid = first.authzid().map(str::to_owned);
                (
                    first.username.clone(),
                    authzid,
                    Mechanism::Scram(hash, first),
                )
            }
            None if mechanism == "PLAIN" && self.config.allow_plain => {
                let data = sasl::data_of(element)?;
                let mut parts = data.split('\0');
                let mut next = || parts.next().ok_or(SaslFailure::MalformedRequest);
                let (authzid, username, password) = (next()?, next()?, next()?.to_owned());
                let authzid = Some(authzid.to_owned()).filter(|authzid| !authzid.is_empty());
                (username.to_owned(), authzid, Mechanism::Plain { password })
            }
            None => return Err(SaslFailure::InvalidMechanism),
        };
        let account = format!("{username}@{}", self.config.domain);
        let account = BareJid::new(&account)
            .ok()
            .filter(|jid| jid.node().is_some());
        let account = account.ok_or(SaslFailure::NotAuthorized)?;
        let acts_for = authzid.map(|authzid| BareJid::new(&authzid));
        if acts_for.is_some_and(|jid| jid.ok().as_ref() != Some(&account)) {
            return Err(SaslFailure::InvalidAuthzid);
        }
        Ok((account, with))
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
        if disabled {
            return self.refuse(SaslFailure::AccountDisabled);
        }
        match with {
            Mechanism::Scram(hash, first) => self.challenge(account, hash, first, credentials),
            Mechanism::Plain { password } => self.check_plain(account, &password, credentials),
        }
    }

    fn challenge(
        &mut self,
        account: BareJid,
        hash: ScramHash,
        first: ClientFirst,
        credentials: Option<Credentials>,
    ) {
        let known = credentials.and_then(|c| c.keys.into_iter().find(|keys| keys.hash == hash));
        let keys = known.unwrap_or_else(|| self.fake_keys(hash, &account));
        let nonce = ids::nonce(&mut self.rng);
        let offered = features::mechanisms(&self.config);
        let (server, challenge) = ServerExchange::new(first, keys, &nonce, &offered);
        self.login.exchange = Exchange::Challenged {
            account,
            server: Box::new(server),
        };
        self.send(sasl::write("challenge", None, &challenge));
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

    fn on_response(&mut self, account: BareJid, server: &ServerExchange, element: &Element) {
        let finished =
            sasl::data_of(element).and_then(|data| server.finish(&data).map_err(failure_of));
        match finished {
            Ok(signature) => self.succeed(account, &signature),
            Err(failure) => {
                self.outputs.push_back(OpeningOutput::LoginFailed(account));
                self.refuse(failure);
            }
        }
    }

    fn check_plain(&mut self, account: BareJid, password: &str, found: Option<Credentials>) {
        let hash = ScramHash::Sha256;
        let known = found.and_then(|c| c.keys.into_iter().find(|keys| keys.hash == hash));
        let keys = known.unwrap_or_else(|| self.fake_keys(hash, &account));
        let prepared = protocol::password::prepare(password).unwrap_or_default();
        let typed = StoredKeys::of_password(hash, &prepared, keys.salt.clone(), keys.iterations);
        if typed == keys {
            self.succeed(account, "");
        } else {
            self.outputs.push_back(OpeningOutput::LoginFailed(account));
            self.refuse(SaslFailure::NotAuthorized);
        }
    }

    fn succeed(&mut self, account: BareJid, data: &str) {
        let other_claim = self
            .claimed
            .as_ref()
            .is_some_and(|claimed| *claimed != account);
        if other_claim {
            return self.refuse(SaslFailure::NotAuthorized);
        }
        self.send(sasl::write("success", None, data));
        self.step = Step::Restart(account);
    }

    fn refuse(&mut self, failure: SaslFailure) {
        self.send(failure.write());
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
