//! Counters for whoever operates the server; no addresses, no labels that a peer can choose (SEC-71).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use server_core::archive::{AppendError, Outcome, RecipientSide};

/// All counters of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) connections: Gauge,
    pub(crate) connections_total: Counter,
    pub(crate) turned_away: Counter,
    pub(crate) sessions: Gauge,
    pub(crate) logins_failed: Counter,
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) appended: Counter,
    pub(crate) append_failed: Counter,
    not_saved: Family<[(&'static str, &'static str); 1], Counter>,
    /// Whether the store failed the last time that it was to write messages.
    is_failing: AtomicBool,
    pub(crate) append_batch: Histogram,
    pub(crate) append_seconds: Histogram,
    pub(crate) in_flight: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("balcony");
        let batch = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
        let seconds = [
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
        ];
        let metrics = Self {
            registry: Registry::default(),
            connections: gauge(&mut registry, "connections", "WebSockets that are open"),
            connections_total: counter(
                &mut registry,
                "connections_opened",
                "WebSockets ever opened",
            ),
            turned_away: counter(
                &mut registry,
                "connections_turned_away",
                "Connections refused because there were too many",
            ),
            sessions: gauge(
                &mut registry,
                "sessions",
                "Bound sessions, detached ones too",
            ),
            logins_failed: counter(&mut registry, "logins_failed", "Logins that failed"),
            frames_in: counter(&mut registry, "frames_in", "Frames received"),
            frames_out: counter(&mut registry, "frames_out", "Frames sent"),
            bytes_in: counter(&mut registry, "frame_bytes_in", "Bytes of frames received"),
            bytes_out: counter(&mut registry, "frame_bytes_out", "Bytes of frames sent"),
            appended: counter(&mut registry, "messages_appended", "Messages made durable"),
            append_failed: counter(
                &mut registry,
                "messages_append_failed",
                "Messages that the store did not take",
            ),
            not_saved: Family::default(),
            is_failing: AtomicBool::new(false),
            append_batch: Histogram::new(batch),
            append_seconds: Histogram::new(seconds),
            in_flight: gauge(
                &mut registry,
                "store_in_flight",
                "Answers of the store that are awaited",
            ),
        };
        registry.register(
            "entries_not_saved",
            "Archive entries of messages that were delivered and not saved",
            metrics.not_saved.clone(),
        );
        registry.register(
            "append_batch_messages",
            "Messages in one transaction",
            metrics.append_batch.clone(),
        );
        registry.register(
            "append_seconds",
            "Time that one transaction took",
            metrics.append_seconds.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    /// Counts what one transaction brought: for each message what became of it, and how many entries
    /// it was to have.
    pub(crate) fn count_appends<'r>(
        &self,
        results: impl Iterator<Item = (usize, &'r Result<Outcome, AppendError>)>,
    ) {
        let mut is_failing = false;
        for (entries, result) in results {
            match result {
                Ok(Outcome::Stored(receipt)) => {
                    self.appended.inc();
                    let sender = receipt.sender.as_ref().and_then(|side| side.as_ref().err());
                    let recipient = match &receipt.recipient {
                        RecipientSide::Failed(error) => Some(error),
                        RecipientSide::Stored(_)
                        | RecipientSide::None
                        | RecipientSide::NoAccount => None,
                    };
                    for error in sender.into_iter().chain(recipient) {
                        self.count_missing(error, 1);
                    }
                }
                Ok(Outcome::Repeated(_) | Outcome::Conflict | Outcome::Refused(_)) => {
                    self.appended.inc();
                }
                Err(error) => {
                    self.append_failed.inc();
                    self.count_missing(error, entries);
                    is_failing |= *error == AppendError::Storage;
                }
            }
        }
        self.is_failing.store(is_failing, Ordering::Relaxed);
    }

    /// Whether messages are delivered and not saved at present.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    fn count_missing(&self, error: &AppendError, entries: usize) {
        let label = [("reason", error.reason().name())];
        let counter = self.not_saved.get_or_create(&label);
        counter.inc_by(entries as u64);
    }

    /// Writes all of them as OpenMetrics text.
    pub(crate) fn write(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::<u64, AtomicU64>::default();
    registry.register(name, help, counter.clone());
    counter
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}
