//! What a login in one exchange asks for beside the login: tokens, resuming, binding (AU-25..31).

use protocol::Element;
use protocol::bind2::BindRequest;
use protocol::fast::{self, Token, TokenKeys};
use protocol::sasl::SaslFailure;
use protocol::sasl2::{Authenticate, Fast, Success};
use protocol::time::Stamp;

use super::login::Exchange;
use super::{Opening, OpeningOutput, Step};
use crate::ids;
use crate::inline::Inline;
use crate::io::Identity;
use crate::records::{Change, ChangeError};
use crate::tokens::{DeviceId, DeviceTokens, Proof, StoredToken, TokenUse, device_name};

/// What is wanted once the login succeeded.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) device: Option<DeviceId>,
    name: Option<String>,
    resume: Option<Element>,
    bind: Option<BindRequest>,
    request_token: bool,
    fast: Option<Fast>,
    /// The token that the login was made with.
    token: Option<StoredToken>,
    /// Whether that is a link, which must not work again.
    by_link: bool,
}

/// A login that succeeded and whose tokens are being written.
pub(super) struct Recording {
    identity: Identity,
    asked: Asked,
    success: Success,
    /// What the device gets, once it is durable.
    token: Option<Token>,
}

impl Asked {
    /// Takes what a login asks for.
    ///
    /// # Errors
    /// Tokens without a device to bind them to (AU-31), or for a mechanism that is not offered.
    pub(super) fn new(
        authenticate: Authenticate,
        device: Option<DeviceId>,
    ) -> Result<Self, SaslFailure> {
        let Authenticate {
            mechanism,
            request_token,
            ..
        } = &authenticate;
        let is_about_tokens =
            authenticate.fast.is_some() || request_token.is_some() || mechanism == fast::MECHANISM;
        if is_about_tokens && device.is_none() {
            return Err(SaslFailure::MalformedRequest);
        }
        if request_token.as_ref().is_some_and(|m| m != fast::MECHANISM) {
            return Err(SaslFailure::InvalidMechanism);
        }
        Ok(Self {
            device,
            name: authenticate.device.as_deref().and_then(device_name),
            request_token: request_token.is_some(),
            resume: authenticate.resume,
            bind: authenticate.bind,
            fast: authenticate.fast,
            token: None,
            by_link: false,
        })
    }
}

impl Opening {
    /// The tokens of the device came: is the client's proof made with one of them?
    pub(super) fn on_tokens(&mut self, found: Result<Option<DeviceTokens>, ()>) {
        let exchange = std::mem::take(&mut self.login.exchange);
        let Exchange::Tokens { account, proof } = exchange else {
            return;
        };
        let Ok(found) = found else {
            return self.refuse(SaslFailure::TemporaryAuthFailure);
        };
        let found = found.unwrap_or_default();
        let tokens = found.tokens.into_iter().map(|token| (token, false));
        let links = found.links.into_iter().map(|link| (link, true));
        let mut tokens = tokens.chain(links);
        let Some((token, by_link)) = tokens.find(|(token, _)| token.keys.accepts(&proof)) else {
            return self.refuse_guess(account, SaslFailure::NotAuthorized);
        };
        if found.disabled {
            return self.refuse(SaslFailure::AccountDisabled);
        }
        if token.expires.0 <= self.now.wall_ms {
            return self.refuse(SaslFailure::CredentialsExpired); // AU-27
        }
        let proof = match by_link {
            true => Proof::Link(token.keys.verifier),
            false => Proof::Token(token.keys.verifier),
        };
        let data = token.keys.answer.to_vec();
        if let Some(asked) = &mut self.login.asked {
            asked.token = Some(token);
            asked.by_link = by_link;
        }
        let identity = Identity {
            account,
            epoch: found.epoch,
        };
        self.succeed(identity, data, proof);
    }

    /// The login succeeded: first its tokens, then the account does the rest.
    pub(super) fn succeed_inline(
        &mut self,
        identity: Identity,
        data: Vec<u8>,
        proof: Proof,
        asked: Asked,
    ) {
        let success = Success {
            additional_data: Some(data).filter(|data| !data.is_empty()),
            ..Success::default()
        };
        let invalidate = asked.fast.is_some_and(|fast| fast.invalidate);
        let is_old = asked.token.as_ref().is_some_and(|token| {
            let age_ms = self.now.wall_ms.saturating_sub(token.made.0);
            age_ms >= self.config.limits.token_rotate_ms
        });
        let is_first_use = asked.token.as_ref().is_some_and(|token| !token.used);
        let wants_token = asked.request_token || (is_old && !invalidate);
        let (token, issue) = wants_token.then(|| self.make_token()).unzip();
        let recording = Recording {
            identity,
            asked,
            success,
            token,
        };
        let needs_write = wants_token || invalidate || is_first_use;
        let Some(device) = recording.asked.device.filter(|_| needs_write) else {
            return self.hand_over(recording);
        };
        let token_use = TokenUse {
            account: recording.identity.account.clone(),
            device,
            name: recording.asked.name.clone(),
            proof,
            invalidate,
            issue,
        };
        let change = Change::UseToken(Box::new(token_use));
        self.outputs
            .push_back(OpeningOutput::Change(Box::new(change)));
        self.login.exchange = Exchange::Recording(Box::new(recording));
    }

    fn make_token(&mut self) -> (Token, StoredToken) {
        let secret = ids::secret(&mut self.rng);
        let made = Stamp(self.now.wall_ms);
        let expires = Stamp(made.0.saturating_add(self.config.limits.token_ms));
        let stored = StoredToken {
            keys: TokenKeys::of_secret(&secret),
            made,
            expires,
            used: false,
        };
        let expiry = Some(expires);
        (Token { secret, expiry }, stored)
    }

    /// What was to be written of the tokens is, or not.
    pub(super) fn on_recorded(
        &mut self,
        mut recording: Recording,
        result: Result<(), ChangeError>,
    ) {
        let asked = &recording.asked;
        let invalidates = asked.by_link || asked.fast.is_some_and(|fast| fast.invalidate);
        self.login.asked = Some(Box::default());
        match result {
            Ok(()) => {}
            // The password was changed, or the token revoked, while the login was under way.
            Err(ChangeError::Token | ChangeError::NoAccount) => {
                return self.refuse(SaslFailure::NotAuthorized);
            }
            // Better no new token than no login; but a token that was to die must not live on unnoticed.
            Err(
                ChangeError::Storage
                | ChangeError::Exists
                | ChangeError::NoItem
                | ChangeError::Full,
            ) => {
                if invalidates {
                    return self.refuse(SaslFailure::TemporaryAuthFailure);
                }
                recording.token = None;
            }
        }
        self.hand_over(recording);
    }

    fn hand_over(&mut self, recording: Recording) {
        let Recording {
            identity,
            asked,
            success,
            token,
        } = recording;
        let inline = Inline {
            success,
            token,
            device: asked.device,
            resume: asked.resume,
            bind: asked.bind,
        };
        self.step = Step::Done;
        self.outputs.push_back(OpeningOutput::Authenticated {
            identity,
            inline: Some(Box::new(inline)),
        });
    }
}
