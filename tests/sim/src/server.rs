//! One server process: the core, its connections before login, and the store behind it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Result, bail};
use protocol::roster::{Item, Subscription};
use protocol::scram::{ClientKeys, ScramHash, StoredKeys};
use protocol::time::Stamp;
use protocol::{BareJid, Now, Text};
use server_core::archive::ReadError;
use server_core::records::{Change, Contact};
use server_core::{
    ConnId, Core, Input, Limits, Opening, OpeningInput, OpeningOutput, Output, ServerConfig,
};
use store::memory::Memory;

use crate::plan::Plan;

const SALT: [u8; 16] = [9; 16];
const ITERATIONS: u32 = 4_096;

/// Every account has the same password: its keys take longer to derive than a seed to play.
static SALTED: LazyLock<Vec<u8>> =
    LazyLock::new(|| ScramHash::Sha256.salted_password("secret", &SALT, ITERATIONS));
static STORED: LazyLock<StoredKeys> = LazyLock::new(|| {
    StoredKeys::of_password(ScramHash::Sha256, "secret", SALT.to_vec(), ITERATIONS)
});

/// What every device signs in with.
pub(crate) fn keys() -> ClientKeys {
    ClientKeys::of_salted(ScramHash::Sha256, &SALTED, SALT.to_vec(), ITERATIONS)
}

/// What a server does outside itself.
pub(crate) enum Effect {
    /// A frame for the other end of a connection.
    Send(ConnId, Text),
    /// The connection is to be closed.
    Close(ConnId),
    /// The store is asked; carried out later, if the server lives that long.
    Ask(Box<Output>),
}

pub(crate) struct Server {
    config: ServerConfig,
    core: Core,
    openings: BTreeMap<ConnId, Opening>,
    attached: Vec<ConnId>,
    pub(crate) store: Memory,
    clock: Arc<AtomicI64>,
    effects: VecDeque<Effect>,
}

impl Server {
    /// A server with these accounts.
    pub(crate) fn new(seed: [u8; 32], accounts: &[BareJid], plan: &Plan) -> Result<Self> {
        let small = plan.limits;
        let usual = Limits::default();
        let config = ServerConfig {
            domain: "localhost".into(),
            open_registration: false,
            allow_plain: false,
            secret: [7; 32],
            web: None,
            limits: Limits {
                tail_entries: small.tail_entries,
                read_entries: small.read_entries,
                unacked_stanzas: small.unacked_stanzas,
                held_copies: small.held_copies,
                resume_s: small.resume_s,
                page: (usual.page.0.min(small.page_max), small.page_max),
                ..usual
            },
        };
        let clock = Arc::new(AtomicI64::new(0));
        let ticking = clock.clone();
        let limits = store::Limits {
            quota_bytes: small.quota_bytes,
            stranger_bytes: small.stranger_bytes,
            ..store::Limits::default()
        };
        let store = Memory::new(seed, limits, move || Stamp(ticking.load(Ordering::Relaxed)));
        let core = Core::new(config.clone(), seed);
        for account in accounts {
            let change = Change::Register {
                account: account.clone(),
                keys: vec![STORED.clone()],
                token: None,
            };
            store.change_now(change)?;
        }
        if plan.are_contacts {
            befriend(&store, accounts)?;
        }
        let (openings, attached, effects) = (BTreeMap::new(), Vec::new(), VecDeque::new());
        Ok(Self {
            config,
            core,
            openings,
            attached,
            store,
            clock,
            effects,
        })
    }

    /// The bounds it runs with.
    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.core.sessions()
    }

    /// The process ends and another one starts on the same store; only what was written is left.
    pub(crate) fn crash(&mut self, seed: [u8; 32]) {
        while self.store.detach_sessions_now().is_err() {} // a server that cannot begin is begun again
        self.core = Core::new(self.config.clone(), seed);
        self.openings.clear();
        self.attached.clear();
        self.effects.clear();
    }

    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        let openings = self.openings.values().map(Opening::deadline);
        openings.chain(self.core.deadline()).min()
    }

    pub(crate) fn accept(&mut self, conn: ConnId, seed: [u8; 32], now: Now) {
        self.openings
            .insert(conn, Opening::new(self.config.clone(), seed, now));
    }

    pub(crate) fn frame(&mut self, conn: ConnId, text: Text, now: Now) -> Result<()> {
        if let Some(mut opening) = self.openings.remove(&conn) {
            opening.handle(OpeningInput::Frame(text), now);
            return self.drive(conn, opening, now);
        }
        self.input(Input::Frame { conn, text }, now);
        Ok(())
    }

    /// So much is on the wire at last.
    pub(crate) fn written(&mut self, conn: ConnId, bytes: usize, now: Now) {
        let frames = 1;
        self.input(
            Input::Written {
                conn,
                frames,
                bytes,
            },
            now,
        );
    }

    pub(crate) fn lost(&mut self, conn: ConnId, now: Now) {
        self.openings.remove(&conn);
        if self.attached.contains(&conn) {
            self.attached.retain(|attached| *attached != conn);
            self.input(Input::Lost { conn }, now);
        }
    }

    pub(crate) fn tick(&mut self, now: Now) -> Result<()> {
        let due = self
            .openings
            .iter()
            .filter(|(_, opening)| opening.deadline() <= now.mono_ms);
        let due: Vec<_> = due.map(|(conn, _)| *conn).collect();
        for conn in due {
            if let Some(mut opening) = self.openings.remove(&conn) {
                opening.handle(OpeningInput::Tick, now);
                self.drive(conn, opening, now)?;
            }
        }
        self.input(Input::Tick, now);
        Ok(())
    }

    /// Reads what the core asked for; gives the answer.
    pub(crate) fn read(&self, question: Output) -> Option<Input> {
        Some(match question {
            Output::ReadCredentials { ticket, account } => {
                let found = self.store.credentials_now(&account);
                Input::Credentials {
                    ticket,
                    result: found.map_err(|_| ReadError::Storage),
                }
            }
            Output::Load { account } => {
                let result = self
                    .store
                    .load_now(&account)
                    .map_err(|_| ReadError::Storage);
                Input::Loaded { account, result }
            }
            Output::ReadPage { ticket, query } => Input::Page {
                ticket,
                result: self.store.page_now(&query),
            },
            Output::ReadEnds { ticket, account } => Input::Ends {
                ticket,
                result: self.store.ends_now(&account),
            },
            Output::Locate {
                ticket,
                account,
                id,
            } => Input::Located {
                ticket,
                result: self.store.locate_now(&account, &id),
            },
            Output::ReadEntries {
                account,
                after,
                max,
            } => {
                let result = self.store.entries_after_now(&account, after, max);
                Input::Entries { account, result }
            }
            Output::ReadSpool {
                account,
                after,
                max,
            } => {
                let result = self.store.spooled_now(&account, after, max);
                Input::Spool { account, result }
            }
            Output::ReadItems { ticket, query } => Input::Items {
                ticket,
                result: self.store.items_now(&query),
            },
            Output::ReadDevices { ticket, account } => {
                let found = self.store.devices_now(&account);
                Input::Devices {
                    ticket,
                    result: found.map_err(|_| ReadError::Storage),
                }
            }
            Output::Append { .. }
            | Output::Change { .. }
            | Output::Hash { .. }
            | Output::Send { .. }
            | Output::Close { .. }
            | Output::Credit { .. } => return None,
        })
    }

    /// What time the store takes for now.
    pub(crate) fn set_clock(&self, now: Now) {
        self.clock.store(now.wall_ms, Ordering::Relaxed);
    }

    pub(crate) fn input(&mut self, input: Input, now: Now) {
        self.set_clock(now);
        self.core.handle(input, now);
        while let Some(output) = self.core.poll() {
            let effect = match output {
                Output::Send { conn, frame } => Effect::Send(conn, frame),
                Output::Close { conn } => Effect::Close(conn),
                Output::Credit { .. } => continue,
                question @ (Output::ReadCredentials { .. }
                | Output::Load { .. }
                | Output::Append { .. }
                | Output::ReadPage { .. }
                | Output::ReadEnds { .. }
                | Output::Locate { .. }
                | Output::ReadEntries { .. }
                | Output::ReadSpool { .. }
                | Output::ReadItems { .. }
                | Output::ReadDevices { .. }
                | Output::Change { .. }
                | Output::Hash { .. }) => Effect::Ask(Box::new(question)),
            };
            self.effects.push_back(effect);
        }
    }

    fn drive(&mut self, conn: ConnId, mut opening: Opening, now: Now) -> Result<()> {
        while let Some(output) = opening.poll() {
            match output {
                OpeningOutput::Send(frame) => self.effects.push_back(Effect::Send(conn, frame)),
                OpeningOutput::Lookup(account) => {
                    let found = self.store.credentials_now(&account).map_err(|_| ());
                    opening.handle(OpeningInput::Credentials(found), now);
                }
                OpeningOutput::LookupTokens { account, device } => {
                    let found = self.store.tokens_now(&account, device).map_err(|_| ());
                    opening.handle(OpeningInput::Tokens(found), now);
                }
                OpeningOutput::Change(change) => {
                    let changed = self.store.change_now(*change);
                    opening.handle(OpeningInput::Changed(changed), now);
                }
                // A token that a device lost again: it falls back to its keys.
                OpeningOutput::LoginFailed(_) => {}
                OpeningOutput::Close => {
                    self.effects.push_back(Effect::Close(conn));
                    return Ok(());
                }
                OpeningOutput::Authenticated { identity, inline } => {
                    self.attached.push(conn);
                    let attached = Input::Attached {
                        conn,
                        identity,
                        inline,
                    };
                    self.input(attached, now);
                    return Ok(());
                }
                OpeningOutput::CheckInvite(_)
                | OpeningOutput::Hash(_)
                | OpeningOutput::Joined { .. } => {
                    bail!("nobody registers here");
                }
            }
        }
        self.openings.insert(conn, opening);
        Ok(())
    }
}

/// Makes everybody a contact of everybody.
fn befriend(store: &Memory, accounts: &[BareJid]) -> Result<()> {
    for account in accounts {
        let others = accounts.iter().filter(|other| *other != account);
        for (ver, other) in (1..).zip(others) {
            let contact = Contact {
                item: Item {
                    subscription: Subscription::Both,
                    ..Item::new(other.clone())
                },
                listed: true,
                request: None,
                ver,
            };
            let account = account.clone();
            store.change_now(Change::Contact { account, contact })?;
        }
    }
    Ok(())
}
