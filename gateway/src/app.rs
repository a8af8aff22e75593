//! What all tasks of a server share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use server_core::{ConnId, ServerConfig};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::{Limits, Net, Settings, is_loopback};
use crate::hasher::Hasher;
use crate::lab::Lab;
use crate::metrics::Metrics;
use crate::peers::{Census, Guesses};
use crate::shard::Call;

/// A running server, as its connections see it.
pub(crate) struct App<S> {
    pub(crate) store: S,
    pub(crate) settings: Settings,
    pub(crate) server: ServerConfig,
    pub(crate) clock: Clock,
    pub(crate) hasher: Hasher,
    pub(crate) census: Arc<Census>,
    pub(crate) guesses: Guesses,
    pub(crate) metrics: Arc<Metrics>,
    /// The way to the one who owns the core.
    pub(crate) shard: mpsc::Sender<Call>,
    /// All connections; whoever stops the server waits for them.
    pub(crate) tasks: TaskTracker,
    /// Fires when the server stops.
    pub(crate) stopping: CancellationToken,
    pub(crate) next_conn: AtomicU64,
    /// There only where the lab is on.
    pub(crate) lab: Option<Arc<Lab>>,
}

impl<S> App<S> {
    pub(crate) fn limits(&self) -> &Limits {
        &self.settings.config.limits
    }

    pub(crate) fn new_conn(&self) -> ConnId {
        ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether an address is a proxy whose word about its clients counts.
    pub(crate) fn trusts(&self, ip: IpAddr) -> bool {
        let holds = |net: &Net| net.contains(ip);
        self.settings.proxies.iter().any(holds)
    }

    /// Whether LIM-08 and LIM-15 hold for an address.
    pub(crate) fn is_bounded(&self, ip: IpAddr) -> bool {
        !(self.limits().loopback_exempt && is_loopback(ip))
    }
}
