//! The tokens with which devices log in.

use protocol::time::Stamp;
use server_core::records::ChangeError;
use server_core::tokens::{DeviceId, DeviceRecord, LINKS_MAX, Proof, StoredToken, TokenUse};

use super::state::Account;
use crate::limits::{LINK_MEMORY_MS, TOKEN_MEMORY_MS, TOKENS_PER_ACCOUNT};

/// What is known of a device.
pub(super) struct Known {
    pub(super) name: Option<String>,
    pub(super) first: Stamp,
    pub(super) last: Stamp,
}

impl Account {
    /// The tokens of a device, the unused one first.
    pub(super) fn tokens_of(&self, device: DeviceId) -> Vec<StoredToken> {
        let tokens = self.tokens.iter().filter(|(of, _)| *of == device);
        let mut tokens: Vec<_> = tokens.map(|(_, token)| token.clone()).collect();
        tokens.sort_by_key(|token| token.used);
        tokens
    }

    /// What is known of its devices.
    pub(super) fn device_records(&self) -> Vec<DeviceRecord> {
        let record = |(device, known): (&DeviceId, &Known)| {
            let tokens = self.tokens_of(*device).into_iter();
            Some(DeviceRecord {
                device: *device,
                name: known.name.clone(),
                first: known.first,
                last: known.last,
                expires: tokens.map(|token| token.expires).max()?,
            })
        };
        self.devices.iter().filter_map(record).collect()
    }

    /// Keeps a link; forgets those that expired, and the oldest of too many.
    pub(super) fn link(&mut self, now: Stamp, link: StoredToken) {
        let long_ago = now.0.saturating_sub(LINK_MEMORY_MS);
        self.links.retain(|link| link.expires.0 >= long_ago);
        self.links.push(link);
        self.links
            .sort_by_key(|link| (std::cmp::Reverse(link.made), link.keys.verifier));
        self.links.truncate(LINKS_MAX);
    }

    /// Calls a device something else.
    pub(super) fn name_device(
        &mut self,
        device: DeviceId,
        name: String,
    ) -> Result<(), ChangeError> {
        let known = self.devices.get_mut(&device).ok_or(ChangeError::NoItem)?;
        known.name = Some(name);
        Ok(())
    }

    /// Does what a login means for the tokens of its device.
    pub(super) fn use_token(&mut self, now: Stamp, token_use: TokenUse) -> Result<(), ChangeError> {
        let device = token_use.device;
        match &token_use.proof {
            Proof::Password(stored_key) => {
                let mut keys = self.keys.iter();
                if !keys.any(|keys| keys.stored_key == *stored_key) {
                    return Err(ChangeError::Token);
                }
            }
            Proof::Token(verifier) => {
                let tokens = self.tokens_of(device);
                let mut tokens = tokens.iter();
                let token = tokens.find(|token| token.keys.verifier == *verifier);
                if !token.ok_or(ChangeError::Token)?.used {
                    self.forget_slot(device, true);
                    let own = self.tokens.iter_mut().filter(|(of, _)| *of == device);
                    own.for_each(|(_, token)| token.used = true);
                }
            }
            Proof::Link(verifier) => {
                let links = self.links.len();
                self.links.retain(|link| link.keys.verifier != *verifier);
                if self.links.len() == links {
                    return Err(ChangeError::Token);
                }
            }
        }
        if let Some(known) = self.devices.get_mut(&device) {
            known.last = now;
        }
        if token_use.invalidate {
            self.revoke(Some(device));
        }
        if let Some(token) = token_use.issue {
            self.forget_slot(device, token.used);
            self.tokens.push((device, token));
            self.devices.entry(device).or_insert(Known {
                name: token_use.name,
                first: now,
                last: now,
            });
            self.prune(now);
        }
        Ok(())
    }

    /// Makes the tokens of a device, or of all devices, worthless, and all links.
    pub(super) fn revoke(&mut self, device: Option<DeviceId>) {
        self.tokens
            .retain(|(of, _)| device.is_some_and(|device| device != *of));
        self.devices
            .retain(|of, _| device.is_some_and(|device| device != *of));
        self.links.clear();
    }

    fn forget_slot(&mut self, device: DeviceId, used: bool) {
        self.tokens
            .retain(|(of, token)| *of != device || token.used != used);
    }

    /// Forgets what expired long ago, and the oldest tokens of somebody who has too many.
    fn prune(&mut self, now: Stamp) {
        let long_ago = now.0.saturating_sub(TOKEN_MEMORY_MS);
        self.tokens.retain(|(_, token)| token.expires.0 >= long_ago);
        self.tokens
            .sort_by_key(|(_, token)| std::cmp::Reverse(token.made));
        self.tokens.truncate(TOKENS_PER_ACCOUNT);
        let tokens = &self.tokens;
        self.devices
            .retain(|device, _| tokens.iter().any(|(of, _)| of == device));
    }
}
