//! `balcony user …`.

use std::io::{BufRead as _, IsTerminal as _, stdin};

use protocol::{BareJid, password};
use server_core::records::{Change, ChangeError};
use store::{Accounts as _, Sqlite};

use super::{CliError, UserAction, say};
use crate::config::{Config, Retention, in_words};
use crate::gateway::open_store;
use crate::hasher::keys_of;
use crate::revoked;

/// Does what was asked with the accounts of a data folder.
pub(super) async fn run(config: Config, action: UserAction) -> Result<(), CliError> {
    let domain = config.settings()?.domain;
    match action {
        UserAction::Add { jid } => {
            let account = account(&jid, &domain)?;
            let (store, keys) = (open(&config)?, keys()?);
            let token = None;
            let register = Change::Register {
                account: account.clone(),
                keys,
                token,
            };
            change(&store, register, &account).await?;
            say::line(format_args!("{account} can sign in"));
        }
        UserAction::Passwd { jid } => {
            let account = account(&jid, &domain)?;
            let store = open(&config)?;
            let is_there = store.credentials(&account).await;
            if is_there
                .map_err(|cause| CliError::failed(&cause))?
                .is_none()
            {
                return Err(told(ChangeError::NoAccount, &account));
            }
            let set_keys = Change::SetKeys {
                account: account.clone(),
                keys: keys()?,
            };
            change(&store, set_keys, &account).await?;
            revoke(&config, &account)?;
            say::line(format_args!("{account} has a new password"));
        }
        UserAction::SignOut { jid } => {
            let account = account(&jid, &domain)?;
            let revoke_tokens = Change::RevokeTokens {
                account: account.clone(),
                device: None,
            };
            change(&open(&config)?, revoke_tokens, &account).await?;
            revoke(&config, &account)?;
            say::line(format_args!("{account} is signed out everywhere"));
        }
        UserAction::Delete { jid } => {
            let account = account(&jid, &domain)?;
            let delete = Change::Delete {
                account: account.clone(),
            };
            change(&open(&config)?, delete, &account).await?;
            revoke(&config, &account)?;
            say::line(format_args!("{account} is removed"));
        }
        UserAction::Show { jid } => show(&config, &account(&jid, &domain)?).await?,
        UserAction::Keep {
            jid,
            days,
            messages,
            bytes,
            for_ever,
            as_usual,
        } => {
            let account = account(&jid, &domain)?;
            let own = Retention {
                days,
                messages,
                bytes,
            };
            let own = own.kept();
            if own.is_for_ever() && !for_ever && !as_usual {
                let told = "say --days, --messages, --bytes, --for-ever or --as-usual";
                return Err(CliError::Usage(told.to_owned()));
            }
            let own = (!as_usual).then_some(own);
            let set = open(&config)?.set_retention(&account, own).await;
            set.map_err(|error| told(error, &account))?;
            show(&config, &account).await?;
        }
        UserAction::List => {
            let accounts = open(&config)?.list().await;
            for account in accounts.map_err(|cause| CliError::failed(&cause))? {
                say::line(account);
            }
        }
    }
    Ok(())
}

/// Prints what an archive holds and keeps.
async fn show(config: &Config, account: &BareJid) -> Result<(), CliError> {
    let usage = open(config)?.usage(account).await;
    let usage = usage.map_err(|cause| CliError::failed(&cause))?;
    let usage = usage.ok_or_else(|| told(ChangeError::NoAccount, account))?;
    let (entries, bytes, quota) = (usage.entries, usage.bytes, config.limits.archive_bytes);
    say::line(format_args!(
        "{account} has {entries} messages in {bytes} of {quota} bytes, {} of them from strangers",
        usage.strangers_bytes
    ));
    match &usage.retention {
        Some(own) => say::line(format_args!("kept: {}", in_words(own))),
        None => say::line(format_args!(
            "kept: as usual, which is {}",
            in_words(&config.retention.kept())
        )),
    }
    Ok(())
}

fn open(config: &Config) -> Result<Sqlite, CliError> {
    open_store(config).map_err(|cause| CliError::failed(&cause))
}

/// Reads an address; a name alone belongs to the domain that is served.
fn account(jid: &str, domain: &str) -> Result<BareJid, CliError> {
    let wrong = || CliError::Usage(format!("`{jid}` is no address such as juliet@{domain}"));
    let full = if jid.contains('@') {
        jid.to_owned()
    } else {
        format!("{jid}@{domain}")
    };
    let account = BareJid::new(&full).map_err(|_| wrong())?;
    if account.node().is_none() {
        return Err(wrong());
    }
    if account.domain().as_str() != domain {
        let told = format!("this server has accounts at {domain} only; --domain says another");
        return Err(CliError::Usage(told));
    }
    Ok(account)
}

async fn change(store: &Sqlite, change: Change, account: &BareJid) -> Result<(), CliError> {
    let made = store.change(change).await;
    made.map_err(|error| told(error, account))
}

fn told(error: ChangeError, account: &BareJid) -> CliError {
    CliError::Failed(match error {
        ChangeError::Exists => format!("{account} exists already"),
        ChangeError::NoAccount => format!("there is no account {account}"),
        ChangeError::Token | ChangeError::NoItem | ChangeError::Full | ChangeError::Storage => {
            error.to_string()
        }
    })
}

fn revoke(config: &Config, account: &BareJid) -> Result<(), CliError> {
    revoked::tell(&config.data, account).map_err(|cause| {
        let told = "done, but a running server cannot be told to end open connections";
        CliError::Failed(format!("{told}: {cause}"))
    })
}

/// Reads a password and hashes it.
fn keys() -> Result<Vec<protocol::scram::StoredKeys>, CliError> {
    let text = read_password()?;
    let prepared = password::prepare(&text).ok_or_else(|| {
        let told = "a password has 1 to 1023 bytes and no control characters";
        CliError::Usage(told.to_owned())
    })?;
    keys_of(&prepared).map_err(|cause| CliError::failed(&cause))
}

fn read_password() -> Result<String, CliError> {
    let failed = |cause: std::io::Error| CliError::Failed(format!("no password read: {cause}"));
    if stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(failed)?;
        let second = rpassword::prompt_password("Once more: ").map_err(failed)?;
        if first != second {
            return Err(CliError::Usage("the passwords differ".to_owned()));
        }
        return Ok(first);
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
