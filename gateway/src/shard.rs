//! The one task that owns the core: feeds it what happened, carries out what it wants.
//!
//! There is one shard. A core handles a message in some microseconds, so that one task serves what
//! the disk of a small machine can make durable; to spread accounts over several shards by hash is a
//! change of this module and of `App::shard`.
//!
//! The task never waits for anybody while it carries out outputs. What it hands to the workers is
//! bounded by what it takes in: as long as [`Limits::in_flight`](crate::Limits) answers are due, it
//! listens to answers only, so connections wait in its bounded inbox, and peers wait for their
//! credit. Workers may wait for the shard, the shard never for a worker.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::Text;
use server_core::{ConnId, Core, Identity, Inline, Input, Output};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::appender::ToAppend;
use crate::changer::ToChange;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::reader::ToRead;

/// What connections tell the shard.
#[derive(Debug)]
pub(crate) enum Call {
    /// Somebody logged in on a connection.
    Attach {
        conn: ConnId,
        identity: Identity,
        inline: Option<Box<Inline>>,
        line: Line,
    },
    /// Something happened on a connection, or to an account.
    Input(Input),
    /// A connection is gone; may be said more than once.
    Lost(ConnId),
}

/// How the shard reaches a connection.
#[derive(Debug)]
pub(crate) struct Line {
    /// Frames on their way out; let go of when the connection is to close behind them.
    pub(crate) outbox: Option<mpsc::Sender<Text>>,
    /// LIM-14: frames that the connection may still bring.
    pub(crate) credit: Arc<Semaphore>,
    /// Fires when the outbox is let go of.
    pub(crate) closed: CancellationToken,
}

/// The queues of those who wait for the store on the shard's behalf. Unbounded, since the shard never
/// asks for more than [`Limits::in_flight`](crate::Limits) and what one input brings.
pub(crate) struct Workers {
    pub(crate) appends: mpsc::UnboundedSender<ToAppend>,
    pub(crate) reads: mpsc::UnboundedSender<ToRead>,
    pub(crate) changes: mpsc::UnboundedSender<ToChange>,
}

/// What a worker answers; `None` if there is nothing to tell the core.
pub(crate) type Answer = Option<Input>;

/// The owner of the core.
pub(crate) struct Shard {
    pub(crate) core: Core,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) inbox: mpsc::Receiver<Call>,
    pub(crate) answers: mpsc::Receiver<Answer>,
    pub(crate) workers: Workers,
    pub(crate) stopping: CancellationToken,
    pub(crate) in_flight_max: usize,
}

impl Shard {
    /// Runs until the server stops and every connection and answer is settled.
    pub(crate) async fn run(self) {
        let Self {
            mut core,
            clock,
            metrics,
            mut inbox,
            mut answers,
            workers,
            stopping,
            in_flight_max,
        } = self;
        let mut hands = Hands {
            workers,
            lines: HashMap::new(),
            in_flight: 0,
        };
        let mut has_stopped = false;
        loop {
            let deadline = core.deadline().map(|mono_ms| clock.instant(mono_ms));
            let input = tokio::select! {
                biased;
                () = until(deadline) => Some(Input::Tick),
                () = stopping.cancelled(), if !has_stopped => {
                    has_stopped = true;
                    Some(Input::Shutdown)
                }
                Some(answer) = answers.recv() => {
                    hands.in_flight = hands.in_flight.saturating_sub(1);
                    answer
                }
                call = inbox.recv(), if hands.in_flight < in_flight_max => match call {
                    Some(call) => hands.take(call),
                    None => break,
                }
            };
            if let Some(input) = input {
                core.handle(input, clock.now());
            }
            while let Some(output) = core.poll() {
                hands.perform(output);
            }
            metrics.in_flight.set(as_gauge(hands.in_flight));
            metrics.sessions.set(as_gauge(core.sessions()));
            if has_stopped && hands.lines.is_empty() && hands.in_flight == 0 {
                break;
            }
        }
        info!("all connections are closed");
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn as_gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Carries out outputs.
struct Hands {
    workers: Workers,
    lines: HashMap<ConnId, Line>,
    in_flight: usize,
}

impl Hands {
    /// Turns a call into an input, unless it is old news.
    fn take(&mut self, call: Call) -> Option<Input> {
        match call {
            Call::Attach {
                conn,
                identity,
                inline,
                line,
            } => {
                self.lines.insert(conn, line);
                Some(Input::Attached {
                    conn,
                    identity,
                    inline,
                })
            }
            Call::Input(input) => Some(input),
            Call::Lost(conn) => {
                let line = self.lines.remove(&conn)?;
                line.closed.cancel();
                Some(Input::Lost { conn })
            }
        }
    }

    /// Never waits.
    fn perform(&mut self, output: Output) {
        match output {
            Output::Send { conn, frame } => self.send(conn, frame),
            Output::Close { conn } => self.close(conn),
            Output::Credit { conn } => {
                if let Some(line) = self.lines.get(&conn) {
                    line.credit.add_permits(1);
                }
            }
            Output::Append { ticket, append } => {
                let append = ToAppend {
                    ticket,
                    append: *append,
                };
                let sent = self.workers.appends.send(append).is_ok();
                self.ask(sent);
            }
            Output::ReadCredentials { ticket, account } => {
                self.read(ToRead::Credentials { ticket, account });
            }
            Output::Load { account } => self.read(ToRead::Load { account }),
            Output::ReadPage { ticket, query } => self.read(ToRead::Page { ticket, query }),
            Output::ReadEnds { ticket, account } => self.read(ToRead::Ends { ticket, account }),
            Output::Locate {
                ticket,
                account,
                id,
            } => self.read(ToRead::Locate {
                ticket,
                account,
                id,
            }),
            Output::ReadEntries {
                account,
                after,
                max,
            } => self.read(ToRead::Entries {
                account,
                after,
                max,
            }),
            Output::ReadSpool {
                account,
                after,
                max,
            } => self.read(ToRead::Spool {
                account,
                after,
                max,
            }),
            Output::ReadItems { ticket, query } => self.read(ToRead::Items { ticket, query }),
            Output::ReadDevices { ticket, account } => {
                self.read(ToRead::Devices { ticket, account });
            }
            Output::Hash { ticket, password } => self.read(ToRead::Hash { ticket, password }),
            Output::Change { ticket, change } => {
                let sent = self
                    .workers
                    .changes
                    .send(ToChange { ticket, change })
                    .is_ok();
                self.ask(sent);
            }
        }
    }

    fn read(&mut self, read: ToRead) {
        let sent = self.workers.reads.send(read).is_ok();
        self.ask(sent);
    }

    fn ask(&mut self, sent: bool) {
        // A worker that is gone answers nothing; the gateway notices its end and stops.
        self.in_flight += usize::from(sent);
    }

    fn send(&mut self, conn: ConnId, frame: Text) {
        let Some(line) = self.lines.get(&conn) else {
            return;
        };
        let Some(outbox) = &line.outbox else {
            debug!(conn = conn.0, "frame behind the last one");
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = outbox.try_send(frame) {
            // The core stops sending at LIM-07 long before; without a gap in what was sent, the
            // session can be resumed.
            warn!(conn = conn.0, "connection takes too little; cut off");
            self.close(conn);
        }
    }

    fn close(&mut self, conn: ConnId) {
        if let Some(line) = self.lines.get_mut(&conn) {
            line.outbox = None;
            line.closed.cancel();
        }
    }
}
