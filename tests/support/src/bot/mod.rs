//! A device without a screen: the shipped engine on a real socket, with a history in memory that becomes durable late.

mod device;
mod socket;

use std::{net::SocketAddr, ops::Range};

use anyhow::{Context as _, Result};
use client_core::{Batch, Connection, MemoryHistory};
use protocol::{BareJid, scram::Secret};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use self::device::{Device, Order};

/// Orders that wait to be obeyed; whoever gives more waits.
const ORDERS_MAX: usize = 64;

/// What a bot is made of.
#[derive(Clone)]
pub struct Settings {
    /// Whose device it is.
    pub account: BareJid,
    /// With what it logs in first; then with the keys of that login.
    pub secret: Secret,
    /// Where it connects to: a server, or a proxy before it.
    pub addr: SocketAddr,
    /// From which its ids and delays are drawn.
    pub seed: [u8; 32],
    /// How it behaves.
    pub habits: Habits,
}

/// How a bot behaves.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Milliseconds until a transaction of its history is durable.
    pub commit_ms: Range<u64>,
    /// Milliseconds after which it tries again when a connection was lost, as a browser does that is told of a network;
    /// without them it waits as long as the engine wants to.
    pub retry_ms: Option<Range<u64>>,
}

/// What an onlooker sees of a bot, in the order in which it happens.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// A connection is asked for.
    Connecting,
    /// The socket is open; this is its own end.
    Open(SocketAddr),
    /// The engine has this frame sent; whether it gets anywhere is another matter.
    Said(&'a str),
    /// This frame came.
    Heard(&'a str),
    /// The connection is lost, or could not be had.
    Lost(&'a str),
    /// Somebody wants this text sent.
    Asked(&'a str),
    /// This is durable now.
    Durable(&'a Batch),
    /// The bot was killed and started again from what was durable.
    Reloaded,
}

/// Sees all that a bot does.
pub trait Onlooker: Send + 'static {
    /// Takes notice.
    fn see(&mut self, sight: Sight<'_>);
}

/// Looks away.
impl Onlooker for () {
    fn see(&mut self, _: Sight<'_>) {}
}

/// Where a bot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How the link to the server stands.
    pub connection: Connection,
    /// Own lines that wait to be sent or archived, those included that are not durable yet.
    pub waiting: usize,
    /// Rows of its history that are durable.
    pub rows: usize,
}

impl Standing {
    /// Whether everything is known and nothing waits (INV-27).
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.connection == Connection::Live && self.waiting == 0
    }
}

/// A running bot; dropped, it vanishes without a word.
#[derive(Debug)]
pub struct Bot {
    account: BareJid,
    orders: mpsc::Sender<Order>,
    standing: watch::Receiver<Standing>,
    task: JoinHandle<()>,
}

impl Bot {
    /// Starts a bot, which connects at once.
    #[must_use]
    pub fn start(settings: Settings, onlooker: impl Onlooker) -> Self {
        let account = settings.account.clone();
        let (orders, to_obey) = mpsc::channel(ORDERS_MAX);
        let (tell, standing) = watch::channel(Standing {
            connection: Connection::Idle,
            waiting: 0,
            rows: 0,
        });
        let device = Device::new(settings, Box::new(onlooker), tell);
        Self {
            account,
            orders,
            standing,
            task: tokio::spawn(device.run(to_obey)),
        }
    }

    /// Returns whose device it is.
    #[must_use]
    pub fn account(&self) -> &BareJid {
        &self.account
    }

    /// Returns where it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Waits until it stands as wished.
    ///
    /// # Errors
    /// When the bot has ended.
    pub async fn until(&self, wished: impl FnMut(&Standing) -> bool) -> Result<()> {
        let mut standing = self.standing.clone();
        standing
            .wait_for(wished)
            .await
            .context("the bot has ended")?;
        Ok(())
    }

    /// Has a line sent.
    ///
    /// # Errors
    /// When the bot has ended.
    pub async fn send(&self, to: &BareJid, body: String) -> Result<()> {
        let to = to.clone();
        self.order(|done| Order::Send { to, body, done }).await
    }

    /// Kills the device and starts it again from what was durable.
    ///
    /// # Errors
    /// When the bot has ended.
    pub async fn reload(&self) -> Result<()> {
        self.order(Order::Reload).await
    }

    /// Tells it that the network is there: it checks its link, or makes one, at once.
    ///
    /// # Errors
    /// When the bot has ended.
    pub async fn go_online(&self) -> Result<()> {
        self.order(Order::Online).await
    }

    /// Tells it whether somebody looks at it.
    ///
    /// # Errors
    /// When the bot has ended.
    pub async fn show(&self, is_visible: bool) -> Result<()> {
        self.order(|done| Order::Show { is_visible, done }).await
    }

    /// Returns what is durable.
    ///
    /// # Errors
    /// When the bot has ended.
    pub async fn history(&self) -> Result<MemoryHistory> {
        self.order(Order::History).await
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T> {
        let (done, answer) = oneshot::channel();
        let sent = self.orders.send(order(done)).await;
        sent.ok().context("the bot has ended")?;
        answer.await.context("the bot has ended")
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}
