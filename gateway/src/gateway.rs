//! A whole server in one value.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use server_core::{Core, ServerConfig};
use store::{Sqlite, Store, StoreError};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Settings};
use crate::data_dir::{DataDir, DataDirError};
use crate::demo::{self, DemoAccount, DemoError};
use crate::hasher::Hasher;
use crate::invite::{self, InviteError, Purpose};
use crate::lab::Lab;
use crate::metrics::Metrics;
use crate::peers::{Census, Guesses};
use crate::random::{self, NoRandomness};
use crate::shard::{Answer, Shard, Workers};
use crate::{accept, appender, changer, keeper, reader, revoked};

/// Calls that may wait for the shard before those who call wait themselves.
const INBOX: usize = 1_024;

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The settings do not work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error("the database cannot be opened: {}", chain(.0))]
    Store(#[from] StoreError),
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The demo accounts cannot be made.
    #[error("{}", chain(.0))]
    Demo(#[from] DemoError),
    /// The set-up link cannot be made.
    #[error("{}", chain(.0))]
    SetUp(#[from] InviteError),
    /// The system gives no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// An error with all that caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A running server; stops when it is told to, and at once when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    base_url: String,
    setup_link: Option<String>,
    demo_accounts: Vec<DemoAccount>,
    lab: Option<Arc<Lab>>,
    stopping: CancellationToken,
    shutdown: Duration,
    connections: TaskTracker,
    shard: JoinHandle<()>,
    helpers: JoinSet<()>,
    // Last: the folder is free again when all else is gone.
    _data_dir: Option<DataDir>,
}

impl Gateway {
    /// Opens the database in the data folder and serves from it.
    ///
    /// # Errors
    /// [`StartError`], in words for whoever starts the server.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let settings = config.settings()?;
        let mut data_dir = DataDir::take(&config.data)?;
        let lab = settings.has_lab.then(Lab::new).transpose()?;
        let mut options = store_options(&config);
        options.gate = lab.as_ref().map(Lab::gate);
        let store = Sqlite::open(config.database(), options)?;
        let mut gateway = start(settings, store, Some(&config), lab).await?;
        data_dir.announce(&gateway.base_url)?;
        gateway._data_dir = Some(data_dir);
        Ok(gateway)
    }

    /// Serves from a store that somebody else made, such as one in memory; of the data folder, nothing
    /// is used.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_on(config: Config, store: impl Store) -> Result<Self, StartError> {
        start(config.settings()?, store, None, None).await
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people reach it, such as `http://127.0.0.1:5280`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The link for the first account, as long as there was none at the start.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    /// The accounts of a demo.
    pub fn demo_accounts(&self) -> &[DemoAccount] {
        &self.demo_accounts
    }

    /// Where its lab is, if it has one.
    pub fn lab_link(&self) -> Option<String> {
        let lab = self.lab.as_ref();
        lab.map(|_| format!("http://{}/lab", self.address))
    }

    /// Waits until the lab wants the server to end at once and begin anew, which only whoever runs the
    /// process can do.
    pub fn restart_wanted(&self) -> impl Future<Output = ()> + use<> {
        let lab = self.lab.clone();
        async move {
            match lab {
                Some(lab) => lab.restart.cancelled().await,
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until the server fails by itself, which it should not.
    pub async fn failed(&mut self) {
        tokio::select! {
            _ = &mut self.shard => error!("the shard ended"),
            _ = self.helpers.join_next() => error!("a task that everything needs has ended"),
        }
    }

    /// Ends every stream (WS-30), settles what is under way and stops; waits for that only as long as
    /// the settings say.
    pub async fn stop(mut self) {
        info!("stopping");
        self.stopping.cancel();
        let all = async {
            self.connections.close();
            self.connections.wait().await;
            if !self.shard.is_finished() {
                let _ = (&mut self.shard).await;
            }
            while self.helpers.join_next().await.is_some() {}
        };
        if timeout(self.shutdown, all).await.is_err() {
            warn!("some connections did not end in time");
        }
        self.shard.abort();
        self.helpers.shutdown().await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.shard.abort();
    }
}

/// Opens the database of a data folder.
pub(crate) fn open_store(config: &Config) -> Result<Sqlite, StoreError> {
    Sqlite::open(config.database(), store_options(config))
}

fn store_options(config: &Config) -> store::Options {
    let mut options = store::Options::default();
    options.limits.quota_bytes = config.limits.archive_bytes;
    options.limits.strangers_bytes = config.limits.strangers_bytes();
    options.limits.stranger_bytes = config.limits.archive_stranger_bytes;
    options.limits.retention = config.retention.kept();
    options.readers = config.limits.reads;
    options
}

async fn start<S: Store>(
    settings: Settings,
    store: S,
    data: Option<&Config>,
    lab: Option<Lab>,
) -> Result<Gateway, StartError> {
    let demo_accounts = match data.filter(|config| config.demo || lab.is_some()) {
        Some(config) => demo::set_up(&store, &config.data, &settings.domain).await?,
        None => Vec::new(),
    };
    let lab = lab.map(|lab| Arc::new(lab.with(demo_accounts.clone())));
    let listen = settings.config.listen;
    let failed = |cause| StartError::Listen {
        address: listen,
        cause,
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let base_url = match &settings.public {
        Some(origin) => origin.to_string(),
        None => format!("http://{address}"),
    };
    let setup_link = if store.is_empty().await? {
        Some(invite::make(&store, &base_url, Purpose::SetUp).await?)
    } else {
        None
    };
    let follower = data.map(|config| revoked::Follower::start(&config.data));
    let follower = follower.transpose().map_err(|cause| DataDirError::Io {
        path: settings.config.data.clone(),
        cause,
    })?;

    store.detach_sessions().await?;
    let limits = settings.config.limits.clone();
    let server = ServerConfig {
        domain: settings.domain.as_str().into(),
        open_registration: settings.config.open_registration || settings.config.demo,
        allow_plain: settings.config.allow_plain,
        secret: store.secret(),
        web: settings
            .public
            .as_ref()
            .map(|origin| origin.to_string().into()),
        limits: limits.core(),
    };
    let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
    let (hasher, stopping) = (Hasher::new(), CancellationToken::new());
    let (calls, inbox) = mpsc::channel(INBOX);
    let (answering, answers) = mpsc::channel::<Answer>(limits.in_flight);
    let (appends, append_queue) = mpsc::unbounded_channel();
    let (reads, read_queue) = mpsc::unbounded_channel();
    let (changes, change_queue) = mpsc::unbounded_channel();
    let shard = Shard {
        core: Core::new(server.clone(), random::bytes()?),
        clock,
        metrics: Arc::clone(&metrics),
        inbox,
        answers,
        workers: Workers {
            appends,
            reads,
            changes,
        },
        stopping: stopping.clone(),
        in_flight_max: limits.in_flight,
    };
    let mut helpers = JoinSet::new();
    helpers.spawn(appender::run(
        store.clone(),
        append_queue,
        answering.clone(),
        limits.append_batch,
        Arc::clone(&metrics),
    ));
    helpers.spawn(reader::run(
        store.clone(),
        hasher.clone(),
        read_queue,
        answering.clone(),
        limits.reads,
    ));
    helpers.spawn(changer::run(store.clone(), change_queue, answering));
    let every = Duration::from_millis(limits.tend_ms);
    helpers.spawn(keeper::run(store.clone(), every, stopping.clone()));
    if let Some(follower) = follower {
        helpers.spawn(follower.run(calls.clone(), stopping.clone()));
    }
    let connections = TaskTracker::new();
    let total_max = limits.connections.unwrap_or_else(accept::connections_max);
    let app = Arc::new(App {
        store,
        server,
        clock,
        hasher,
        census: Census::new(limits.connections_per_ip, total_max),
        guesses: Guesses::new(limits.login_failures),
        metrics,
        shard: calls,
        tasks: connections.clone(),
        stopping: stopping.clone(),
        next_conn: AtomicU64::new(1),
        lab: lab.clone(),
        settings,
    });
    helpers.spawn(accept::run(app, listener));
    info!(%address, "serving");
    Ok(Gateway {
        address,
        base_url,
        setup_link,
        demo_accounts,
        lab,
        stopping,
        shutdown: Duration::from_millis(limits.shutdown_ms),
        connections,
        shard: tokio::spawn(shard.run()),
        helpers,
        _data_dir: None,
    })
}
