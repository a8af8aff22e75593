//! One device: an engine, its history, and at most one connection.

use std::collections::{BTreeSet, VecDeque};

use client_core::history::{Content, MemoryHistory};
use client_core::{Batch, Config, Engine, Input, Intent, Output};
use protocol::scram::Secret;
use protocol::{BareJid, Now, Text};
use server_core::ConnId;

use crate::server::Server;

/// What a device does outside itself.
pub(crate) enum Effect {
    Connect,
    Send(Text),
    Disconnect,
    /// A transaction is under way; it is whole or nothing.
    Commit,
}

pub(crate) struct Device {
    pub(crate) account: BareJid,
    pub(crate) engine: Engine,
    pub(crate) history: MemoryHistory,
    pub(crate) conn: Option<ConnId>,
    /// Counts the lives of the device: what was on its way to an earlier one is lost.
    pub(crate) life: u64,
    commits: VecDeque<Batch>,
}

impl Device {
    pub(crate) fn new(account: BareJid, seed: [u8; 32], now: Now) -> Self {
        let history = MemoryHistory::default();
        let engine = engine(&account, seed, &history, now);
        let (conn, life, commits) = (None, 0, VecDeque::new());
        let mut device = Self {
            account,
            engine,
            history,
            conn,
            life,
            commits,
        };
        device.sign_in(now);
        device
    }

    /// The tab is killed and opened again; what was not written is gone.
    pub(crate) fn reload(&mut self, seed: [u8; 32], now: Now) {
        self.life += 1;
        self.conn = None;
        self.commits.clear();
        self.engine = engine(&self.account, seed, &self.history, now);
        self.sign_in(now);
    }

    fn sign_in(&mut self, now: Now) {
        let secret = Secret::Keys(Server::keys());
        let intent = Intent::SignIn {
            secret: Some(secret),
            register: None,
        };
        self.engine.handle(Input::Intent(intent), now);
    }

    /// Texts of all lines that would survive the death of the tab.
    pub(crate) fn kept_texts(&self) -> BTreeSet<String> {
        let waiting = self
            .history
            .restore()
            .outbox
            .into_iter()
            .map(|item| item.body);
        let rows = self.history.rows().filter_map(|row| match &row.content {
            Content::Text(text) => Some(text.clone()),
            Content::Signal(_) | Content::Other(_) | Content::Gap => None,
        });
        waiting.chain(rows).collect()
    }

    /// The oldest transaction is durable.
    pub(crate) fn finish_commit(&mut self, now: Now) {
        if let Some(batch) = self.commits.pop_front() {
            self.history.apply(batch);
            self.engine.handle(Input::Committed, now);
        }
    }

    pub(crate) fn poll(&mut self, now: Now) -> Option<Effect> {
        while let Some(output) = self.engine.poll() {
            return Some(match output {
                Output::Connect => Effect::Connect,
                Output::Transmit(text) => Effect::Send(text),
                Output::Disconnect => Effect::Disconnect,
                Output::Commit(batch) => {
                    self.commits.push_back(batch);
                    Effect::Commit
                }
                Output::Query(query) => {
                    let (query, rows) = (query.query, self.history.query(&query.wanted));
                    self.engine.handle(Input::Rows { query, rows }, now);
                    continue;
                }
                Output::KeepKeys { .. } | Output::ForgetKeys | Output::Changed(_) => continue,
            });
        }
        None
    }
}

fn engine(account: &BareJid, seed: [u8; 32], history: &MemoryHistory, now: Now) -> Engine {
    let config = Config {
        account: account.clone(),
        seed,
    };
    Engine::new(config, history.restore(), now)
}
