//! One server with its database, and the devices that live on it for some rounds.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use client_core::MemoryHistory;
use futures::future::{join_all, try_join_all};
use protocol::{BareJid, scram::Secret};
use rand::Rng as _;
use support::{
    bot::{Bot, Habits, Settings},
    plain::Plain,
    proxy::Proxy,
};
use tokio::{sync::watch, time::timeout};

use crate::{
    check::{self, Finding, Kind, Line, Pages, Witness},
    ledger::{Counts, Ledger},
    ordinary::Ordinary,
    plan::choices,
    victim::Victim,
};

/// Who talks with whom, and on how many devices.
const PAIRS: [[(&str, usize); 2]; 3] = [
    [("romeo", 4), ("juliet", 4)],
    [("benvolio", 3), ("rosaline", 3)],
    [("mercutio", 3), ("nurse", 3)],
];

/// All passwords: what is tested is not a secret.
pub(crate) const PASSWORD: &str = "by yonder blessed moon";

/// How long everything may take to come to rest once nothing disturbs it (INV-27).
const REST_MAX: Duration = Duration::from_secs(60);

/// How long the last copies may take after that.
const COPIES_MAX: Duration = Duration::from_secs(20);

/// A device with its own line to the server.
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) account: BareJid,
    pub(crate) peer: BareJid,
    pub(crate) proxy: Proxy,
    pub(crate) bot: Bot,
    pub(crate) ledger: Ledger,
}

/// A server, its devices, and what is known of both.
pub(crate) struct World {
    pub(crate) victim: Victim,
    pub(crate) devices: Vec<Device>,
    pub(crate) ordinary: Vec<Ordinary>,
    /// Lines acked since the start.
    pub(crate) acked: watch::Sender<u64>,
    /// The archives as far as they were read.
    pages: Pages,
}

impl World {
    /// Starts a server with an empty database, makes the accounts and lets all devices log in.
    ///
    /// # Errors
    /// When the server does not start, or a device does not get in.
    pub(crate) async fn start(program: Option<&Path>, seed: u64) -> Result<Self> {
        let victim = Victim::start(program).await?;
        let server = &victim.server;
        let acked = watch::Sender::new(0);
        let mut devices = Vec::new();
        let mut ordinary = Vec::new();
        let mut rng = choices(seed, u64::MAX);
        for pair in PAIRS {
            let [one, other] = pair.map(|(name, _)| format!("{name}@localhost"));
            for (account, peer, many) in [(&one, &other, pair[0].1), (&other, &one, pair[1].1)] {
                server.add_user(account, PASSWORD).await?;
                ordinary.push(Ordinary::new(
                    BareJid::new(account)?,
                    BareJid::new(peer)?,
                    Proxy::start(server.addr()).await?,
                ));
                for number in 1..=many {
                    let (account, peer) = (BareJid::new(account)?, BareJid::new(peer)?);
                    let proxy = Proxy::start(server.addr()).await?;
                    let ledger = Ledger::new(&account, victim.started, acked.clone());
                    let mut seed = [0; 32];
                    rng.fill_bytes(&mut seed);
                    let settings = Settings {
                        account: account.clone(),
                        secret: Secret::Password(PASSWORD.to_owned()),
                        addr: proxy.addr(),
                        seed,
                        habits: Habits {
                            commit_ms: 0..12,
                            retry_ms: Some(5..150),
                        },
                    };
                    devices.push(Device {
                        name: format!("{}/{number}", account),
                        account,
                        peer,
                        proxy,
                        bot: Bot::start(settings, ledger.clone()),
                        ledger,
                    });
                }
            }
        }
        let world = Self {
            victim,
            devices,
            ordinary,
            acked,
            pages: Pages::new(),
        };
        let findings = world.rest().await?;
        anyhow::ensure!(findings.is_empty(), "the first login: {findings:?}");
        Ok(world)
    }

    /// Waits until every device knows everything; tells who does not.
    ///
    /// # Errors
    /// When a bot has ended.
    pub(crate) async fn rest(&self) -> Result<Vec<Finding>> {
        for device in &self.devices {
            device.proxy.heal();
        }
        for ordinary in &self.ordinary {
            ordinary.proxy.heal();
        }
        try_join_all(self.devices.iter().map(|device| device.bot.go_online())).await?;
        let waits = self.devices.iter().map(|device| {
            let rests = device.bot.until(|standing| standing.is_at_rest());
            async move { (device, timeout(REST_MAX, rests).await) }
        });
        let mut found = Vec::new();
        for (device, outcome) in join_all(waits).await {
            if let Ok(rests) = outcome {
                rests?;
                continue;
            }
            let what = format!("INV-27: {} is {:?}", device.name, device.bot.standing());
            found.push(Finding::new(Kind::Other, None, what));
        }
        Ok(found)
    }

    /// Holds all readers against each other.
    ///
    /// # Errors
    /// When a reader cannot read.
    pub(crate) async fn check(&mut self, whole: bool) -> Result<Vec<Finding>> {
        let mut logs = self.victim.read()?;
        let lens = self.devices.iter().map(|device| {
            let len = logs.get(device.account.as_str()).map_or(0, Vec::len);
            timeout(COPIES_MAX, device.bot.until(move |s| s.rows >= len))
        });
        // Who does not get there is found below, with what it misses.
        join_all(lens).await;
        if whole {
            self.pages.clear();
        }
        self.read_pages(logs.keys()).await?;
        // What an ordinary client said last before it was gone may still be on its way.
        loop {
            let later = self.victim.read()?;
            if later == logs {
                break;
            }
            logs = later;
            self.read_pages(logs.keys()).await?;
        }
        let histories = self.devices.iter().map(|device| device.bot.history());
        let histories: Vec<MemoryHistory> = try_join_all(histories).await?;
        let books: Vec<_> = self.devices.iter().map(|d| d.ledger.book()).collect();
        let witnesses = self.devices.iter().zip(&books).zip(&histories);
        let witnesses = witnesses.map(|((device, book), history)| Witness {
            name: &device.name,
            account: device.account.as_str(),
            peer: device.peer.as_str(),
            book,
            history,
        });
        let witnesses: Vec<_> = witnesses.collect();
        let mut found = check::all(&logs, &self.pages, &witnesses, &self.ordinary);
        found.extend(check::extends(&self.victim.former, &logs));
        Ok(found)
    }

    async fn read_pages(&mut self, accounts: impl Iterator<Item = &String>) -> Result<()> {
        for account in accounts {
            let jid = BareJid::new(account)?;
            let mut plain = Plain::log_in(self.victim.server.addr(), &jid, PASSWORD).await?;
            let page = self.pages.entry(account.clone()).or_default();
            let after = page.last().map(|line| line.id.clone());
            let new = plain.archive(after.as_deref()).await;
            let new = new.with_context(|| format!("the archive of {account}"))?;
            page.extend(new.iter().map(Line::of));
        }
        Ok(())
    }

    /// Adds up what all devices counted.
    pub(crate) fn counts(&self) -> Counts {
        let books = self
            .devices
            .iter()
            .map(|device| device.ledger.book().counts);
        books.fold(Counts::default(), Counts::plus)
    }

    /// How many lines were written, and how many of them acked.
    pub(crate) fn lines(&self) -> (u64, u64) {
        let sum = |sum: (u64, u64), device: &Device| {
            let book = device.ledger.book();
            let acked = book.lines.values().filter(|line| line.is_acked).count();
            (sum.0 + book.lines.len() as u64, sum.1 + acked as u64)
        };
        let bots = self.devices.iter().fold((0, 0), sum);
        self.ordinary.iter().fold(bots, |(all, acked), ordinary| {
            let said = ordinary.said();
            let acks = said.iter().filter(|said| said.is_acked).count();
            (all + said.len() as u64, acked + acks as u64)
        })
    }

    /// Tells all that is known of a message, among what befell the server and its writer.
    pub(crate) fn story(&self, message_id: &str) -> String {
        let server = self.victim.events.iter();
        let mut all: Vec<(u128, String)> = server
            .map(|(at, what)| (*at, format!("server: {what}")))
            .collect();
        for device in &self.devices {
            let book = device.ledger.book();
            let is_writer = book.lines.contains_key(message_id);
            let events = book.events.iter().filter(|event| {
                event.message_id.as_deref() == Some(message_id)
                    || is_writer && event.message_id.is_none()
            });
            all.extend(events.map(|e| (e.at_ms, format!("{}: {}", device.name, e.what))));
        }
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().fold(String::new(), |mut text, (at, what)| {
            let _ = writeln!(text, "{at:>9} ms  {what}");
            text
        })
    }

    /// Leaves the database where it is, with everything that was seen beside it and what the server printed.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn keep(&mut self) -> Result<PathBuf> {
        let folder = self.victim.server.keep_folder().to_owned();
        let mut events: BTreeMap<(u128, usize), String> = BTreeMap::new();
        for (at, what) in &self.victim.events {
            events.insert((*at, events.len()), format!("server: {what}"));
        }
        for device in &self.devices {
            for event in &device.ledger.book().events {
                let about = event.message_id.as_deref().unwrap_or("-");
                let line = format!("{}: {about}: {}", device.name, event.what);
                events.insert((event.at_ms, events.len()), line);
            }
        }
        let lines = events
            .iter()
            .map(|((at, _), what)| format!("{at} {what}\n"));
        std::fs::write(folder.join("events.txt"), lines.collect::<String>())?;
        std::fs::write(folder.join("server.log"), self.victim.server.log())?;
        Ok(folder)
    }
}
