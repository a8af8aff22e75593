//! A network that fails on demand: a TCP proxy on loopback between a client and the server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    select,
    sync::watch,
    task::JoinHandle,
    try_join,
};

/// Most bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// A proxy in front of one address; dropped, it closes everything.
///
/// A page that is loaded through it has the proxy's address as its origin, and so its own storage.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// A direction through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

#[derive(Debug)]
struct Shared {
    gate: watch::Sender<Gate>,
    live: watch::Sender<usize>,
    allowances: Mutex<Allowances>,
}

/// What is let through.
#[derive(Clone, Copy, Debug)]
struct Gate {
    open: bool,
    /// Which ways pass nothing on for now.
    stalled: Ways<bool>,
    /// How often each way was ended; a connection of an earlier count passes nothing that way any more.
    ends: Ways<u64>,
    /// How often everything was cut; a connection of an earlier count is dead.
    cuts: u64,
}

/// One value for each way.
#[derive(Clone, Copy, Debug, Default)]
struct Ways<T> {
    up: T,
    down: T,
}

impl<T> Ways<T> {
    fn of(&self, way: Way) -> &T {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn of_mut(&mut self, way: Way) -> &mut T {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// How many bytes may still pass each way before everything is cut.
type Allowances = Ways<Option<u64>>;

impl Proxy {
    /// Listens on a free port of loopback and carries every connection on to `target`.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("opening a port for the proxy")?;
        let addr = listener.local_addr()?;
        let gate = Gate {
            open: true,
            stalled: Ways::default(),
            ends: Ways::default(),
            cuts: 0,
        };
        let shared = Arc::new(Shared {
            gate: watch::Sender::new(gate),
            live: watch::Sender::new(0),
            allowances: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, target, Arc::clone(&shared)));
        Ok(Self {
            addr,
            shared,
            accepting,
        })
    }

    /// Returns the address that clients connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address as a browser writes it: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns how many connections are carried.
    #[must_use]
    pub fn connections(&self) -> usize {
        *self.shared.live.borrow()
    }

    /// Closes every connection on both sides and lets none in until [`Proxy::heal`]; returns when all are closed.
    pub async fn cut(&self) {
        self.shared.cut();
        self.until_cut().await;
    }

    /// Cuts everything as soon as `bytes` more bytes have passed that way; the last of them still arrives.
    pub fn cut_after(&self, way: Way, bytes: u64) {
        *self.shared.allowances().of_mut(way) = Some(bytes);
    }

    /// Waits for a cut, and until every connection is closed.
    pub async fn until_cut(&self) {
        // The senders live as long as the proxy, so the waits cannot fail.
        let _ = self
            .shared
            .gate
            .subscribe()
            .wait_for(|gate| !gate.open)
            .await;
        let _ = self
            .shared
            .live
            .subscribe()
            .wait_for(|live| *live == 0)
            .await;
    }

    /// Lets connections in again, forgets what [`Proxy::cut_after`] allowed, and ends a stall.
    pub fn heal(&self) {
        *self.shared.allowances() = Allowances::default();
        self.shared.gate.send_modify(|gate| {
            gate.open = true;
            gate.stalled = Ways::default();
        });
    }

    /// Passes nothing on any more, not even the end of a connection, while both sides stay connected.
    pub fn stall(&self) {
        self.stall_way(Way::Up);
        self.stall_way(Way::Down);
    }

    /// As [`Proxy::stall`], but one way only.
    pub fn stall_way(&self, way: Way) {
        self.shared
            .gate
            .send_modify(|gate| *gate.stalled.of_mut(way) = true);
    }

    /// Passes on what a stall held back, and everything after it.
    pub fn resume(&self) {
        self.shared
            .gate
            .send_modify(|gate| gate.stalled = Ways::default());
    }

    /// Ends one way of all connections, while the other goes on: who listens there sees the end of the stream.
    pub fn half_close(&self, way: Way) {
        self.shared
            .gate
            .send_modify(|gate| *gate.ends.of_mut(way) += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.cut();
    }
}

impl Shared {
    fn cut(&self) {
        self.gate.send_modify(|gate| {
            gate.open = false;
            gate.cuts += 1;
        });
    }

    fn allowances(&self) -> std::sync::MutexGuard<'_, Allowances> {
        self.allowances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `len` bytes from the allowance; returns how many may pass, and whether that was the end of it.
    fn spend(&self, way: Way, len: usize) -> (usize, bool) {
        let mut allowances = self.allowances();
        let Some(left) = allowances.of_mut(way) else {
            return (len, false);
        };
        let passed = len.min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= passed as u64;
        (passed, *left == 0)
    }
}

/// Counts a connection for as long as it is carried.
struct Live(Arc<Shared>);

impl Live {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.live.send_modify(|live| *live += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.send_modify(|live| *live -= 1);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let gate = *shared.gate.borrow();
        if gate.open {
            tokio::spawn(connection(client, target, gate.cuts, Live::new(&shared)));
        }
    }
}

async fn connection(client: TcpStream, target: SocketAddr, cuts: u64, live: Live) {
    let mut gate = live.0.gate.subscribe();
    select! {
        _ = gate.wait_for(|gate| gate.cuts != cuts) => {}
        // How a connection fails is for its two ends to notice.
        _ = carry(client, target, &live.0) => {}
    }
}

async fn carry(client: TcpStream, target: SocketAddr, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    try_join!(
        pass(from_client, to_server, Way::Up, shared),
        pass(from_server, to_client, Way::Down, shared),
    )?;
    Ok(())
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    shared: &Shared,
) -> io::Result<()> {
    let mut gate = shared.gate.subscribe();
    let mut ended = shared.gate.subscribe();
    let ends = *ended.borrow().ends.of(way);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = select! {
            read = from.read(&mut chunk) => Some(read?),
            _ = ended.wait_for(|gate| *gate.ends.of(way) != ends) => None,
        };
        let Some(len) = read else {
            return to.shutdown().await;
        };
        let _ = gate.wait_for(|gate| !*gate.stalled.of(way)).await;
        let (passed, is_last) = shared.spend(way, len);
        to.write_all(chunk.get(..passed).unwrap_or_default())
            .await?;
        if is_last {
            to.shutdown().await?;
            shared.cut();
            return Ok(());
        }
        if len == 0 {
            return to.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Starts a server that sends back what it gets, and a proxy in front of it.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = peer.split();
                    let _ = io::copy(&mut from, &mut to).await;
                });
            }
        });
        Proxy::start(addr).await.unwrap()
    }

    async fn ask(peer: &mut TcpStream, text: &str) -> io::Result<String> {
        peer.write_all(text.as_bytes()).await?;
        let mut answer = vec![0; text.len()];
        peer.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer).unwrap())
    }

    #[tokio::test]
    async fn a_cut_closes_everything_until_it_heals() {
        let proxy = echo().await;
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(ask(&mut peer, "ay me").await.unwrap(), "ay me");
        assert_eq!(proxy.connections(), 1);
        proxy.cut().await;
        assert_eq!(proxy.connections(), 0);
        assert!(ask(&mut peer, "gone").await.is_err());
        let mut refused = TcpStream::connect(proxy.addr()).await.unwrap();
        assert!(ask(&mut refused, "gone").await.is_err());
        proxy.heal();
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(ask(&mut peer, "back").await.unwrap(), "back");
    }

    #[tokio::test]
    async fn a_stall_holds_back_and_loses_nothing() {
        let proxy = echo().await;
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(ask(&mut peer, "one").await.unwrap(), "one");
        proxy.stall();
        peer.write_all(b"two").await.unwrap();
        let mut answer = [0; 3];
        let early = timeout(Duration::from_millis(50), peer.read_exact(&mut answer)).await;
        assert!(early.is_err(), "passed a stall");
        proxy.resume();
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"two");
    }

    #[tokio::test]
    async fn one_way_is_stalled_or_ended_while_the_other_goes_on() {
        let proxy = echo().await;
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(ask(&mut peer, "one").await.unwrap(), "one");
        proxy.stall_way(Way::Down);
        peer.write_all(b"two").await.unwrap();
        let mut answer = [0; 3];
        let early = timeout(Duration::from_millis(50), peer.read_exact(&mut answer)).await;
        assert!(early.is_err(), "passed a stall");
        proxy.resume();
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"two");
        // The server sees the end and answers it with its own, which still comes down.
        proxy.half_close(Way::Up);
        assert_eq!(peer.read(&mut answer).await.unwrap(), 0);
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(ask(&mut peer, "new").await.unwrap(), "new");
    }

    #[tokio::test]
    async fn a_connection_is_cut_at_the_byte() {
        let proxy = echo().await;
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        proxy.cut_after(Way::Down, 5);
        peer.write_all(b"speak again").await.unwrap();
        let mut answer = Vec::new();
        // Whether the end is orderly or a reset is the system's choice.
        let _ = peer.read_to_end(&mut answer).await;
        assert_eq!(answer, b"speak");
        proxy.until_cut().await;
    }
}
