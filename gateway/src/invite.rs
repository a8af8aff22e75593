//! Links that let somebody make an account.

use protocol::time::Stamp;
use server_core::records::Invite;
use sha2::{Digest as _, Sha256};
use store::Accounts;
use thiserror::Error;

use crate::clock::Clock;
use crate::random::{self, NoRandomness};

/// RG-07: how long an invitation may be used.
const LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// What an invitation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The first account (SEC-52).
    SetUp,
    /// One more account.
    Join,
}

/// Why there is no link.
#[derive(Debug, Error)]
pub enum InviteError {
    /// The system gave no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The store failed.
    #[error("the invitation was not stored")]
    Store(#[from] store::StoreError),
}

/// Makes a single-use invitation and the link that carries its token behind `#`, where no server log
/// and no referrer sees it (SEC-53).
pub(crate) async fn make(
    store: &impl Accounts,
    base_url: &str,
    purpose: Purpose,
) -> Result<String, InviteError> {
    let token = random::token()?;
    let now_ms = Clock::start().now().wall_ms;
    let invite = Invite {
        token: Sha256::digest(token.as_bytes()).into(),
        expires: Stamp(now_ms.saturating_add(LIFE_MS)),
        reserved: None,
        inviter: None,
        setup: purpose == Purpose::SetUp,
    };
    store.save_invite(invite).await?;
    Ok(match purpose {
        Purpose::SetUp => format!("{base_url}/#setup={token}"),
        Purpose::Join => format!("{base_url}/#invite={token}"),
    })
}
