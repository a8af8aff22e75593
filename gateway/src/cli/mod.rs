//! The program `balcony`: commands, messages and exit codes.
//!
//! 0 says that all went well, 1 that something failed, 2 that the command or the settings are wrong.

mod backup;
mod check;
mod invite;
mod say;
mod serve;
mod user;

use std::io::{IsTerminal as _, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError, Flags, load};
use crate::gateway::{StartError, chain};

/// A chat server for two at a time, whose devices all show the same conversation.
#[derive(Debug, Parser)]
#[command(name = "balcony", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(ServeArgs),
    /// Makes, lists and removes accounts; works beside a running server.
    User {
        #[command(subcommand)]
        action: UserAction,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Prints a link with which one person can make an account.
    Invite(CommonArgs),
    /// Copies the database as it is at this moment; works beside a running server.
    Backup {
        /// The new file. To restore, put it in an empty data folder under the name balcony.db.
        file: PathBuf,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Checks the settings and prints them as the server would use them.
    CheckConfig(ServeArgs),
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// TOML file with settings.
    #[arg(long, env = "BALCONY_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The domain that is served [default: localhost].
    #[arg(long, global = true)]
    domain: Option<String>,
    /// Folder that holds the database [default: balcony-data].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Address and port to listen on [default: 127.0.0.1:5280].
    #[arg(long, value_name = "ADDRESS:PORT", overrides_with = "listen")]
    listen: Option<SocketAddr>,
    /// Make romeo and juliet, print their passwords, and let anybody make an account; on loopback
    /// only.
    #[arg(long)]
    demo: bool,
}

#[derive(Debug, Subcommand)]
enum UserAction {
    /// Makes an account; reads its password from the terminal or from standard input.
    Add {
        /// Its address, such as juliet@example.org.
        jid: String,
    },
    /// Gives an account a new password and ends its connections.
    Passwd {
        /// Its address.
        jid: String,
    },
    /// Makes the tokens of all devices of an account worthless and ends its connections; each needs the
    /// password once more.
    SignOut {
        /// Its address.
        jid: String,
    },
    /// Prints the addresses of all accounts.
    List,
    /// Prints what an account's archive holds and how long it is kept.
    Show {
        /// Its address.
        jid: String,
    },
    /// Says how long an account's archive is kept; the oldest messages go within a minute.
    Keep {
        /// Its address.
        jid: String,
        /// Keep messages for so many days.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        days: Option<u64>,
        /// Keep so many of the newest messages.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        messages: Option<u64>,
        /// Keep so many bytes of messages.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        bytes: Option<u64>,
        /// Keep everything, whatever the settings say.
        #[arg(long, conflicts_with_all = ["days", "messages", "bytes"])]
        for_ever: bool,
        /// Keep what the settings say.
        #[arg(long, conflicts_with_all = ["days", "messages", "bytes", "for_ever"])]
        as_usual: bool,
    },
    /// Removes an account with all its messages and ends its connections.
    Delete {
        /// Its address.
        jid: String,
    },
}

/// Why a command did not do what it should.
#[derive(Debug, Error)]
enum CliError {
    /// The command or the settings are wrong.
    #[error("{0}")]
    Usage(String),
    /// Something failed.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    fn failed(error: &dyn std::error::Error) -> Self {
        Self::Failed(chain(error))
    }

    fn code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(error) => error.into(),
            StartError::DataDir(_)
            | StartError::Store(_)
            | StartError::Listen { .. }
            | StartError::Demo(_)
            | StartError::SetUp(_)
            | StartError::Randomness(_) => Self::Failed(error.to_string()),
        }
    }
}

/// Runs the command that the program was started with.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(cli.command)),
        Err(cause) => Err(CliError::failed(&cause)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::complain(&error);
            error.code()
        }
    }
}

async fn dispatch(command: Command) -> Result<(), CliError> {
    start_log();
    match command {
        Command::Serve(args) => serve::run(args.config()?).await,
        Command::User { action, common } => user::run(common.config()?, action).await,
        Command::Invite(common) => invite::run(common.config()?).await,
        Command::Backup { file, common } => backup::run(&common.config()?, &file),
        Command::CheckConfig(args) => check::run(&args.config()?),
    }
}

/// Crates whose finer logs hold whole frames and headers, which nobody may see (SEC-71).
const TALKATIVE: [&str; 4] = ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util"];

/// What the server tells its operator goes to standard error; `RUST_LOG` chooses how much.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let quiet = TALKATIVE.map(|name| format!("{name}=info").parse());
    let filter = quiet
        .into_iter()
        .flatten()
        .fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

impl CommonArgs {
    fn config(&self) -> Result<Config, ConfigError> {
        load(self.config.as_deref(), &self.flags())
    }

    fn flags(&self) -> Flags {
        Flags {
            domain: self.domain.clone(),
            data: self.data.clone(),
            ..Flags::default()
        }
    }
}

impl ServeArgs {
    fn config(&self) -> Result<Config, ConfigError> {
        let flags = Flags {
            listen: self.listen,
            demo: self.demo.then_some(true),
            ..self.common.flags()
        };
        load(self.common.config.as_deref(), &flags)
    }
}
