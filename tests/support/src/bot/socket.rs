//! One WebSocket of a bot, told as events.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use protocol::Text;
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// Frames that came and were not taken yet; beyond them the network has to wait.
const HEARD_MAX: usize = 64;
/// Frames that wait to be sent; a bot that piles up more has lost its connection.
const SAID_MAX: usize = 4_096;

/// What a socket tells.
#[derive(Debug)]
pub(super) enum Event {
    /// It is open; this is its own end.
    Open(SocketAddr),
    Frame(Text),
    /// It is closed, or could not be opened; nothing follows.
    Closed(String),
}

/// An open or opening socket; dropped, it is closed without a further word.
#[derive(Debug)]
pub(super) struct Socket {
    events: mpsc::Receiver<Event>,
    frames: mpsc::Sender<Text>,
    task: JoinHandle<()>,
}

impl Socket {
    /// Starts to connect.
    pub(super) fn open(addr: SocketAddr) -> Self {
        let (tell, events) = mpsc::channel(HEARD_MAX);
        let (frames, to_send) = mpsc::channel(SAID_MAX);
        let task = tokio::spawn(async move {
            let reason = match carry(addr, &tell, to_send).await {
                Ok(()) => "closed by the server".to_owned(),
                Err(error) => format!("{error:#}"),
            };
            // Nobody listens any more once the socket was dropped.
            let _ = tell.send(Event::Closed(reason)).await;
        });
        Self {
            events,
            frames,
            task,
        }
    }

    /// Returns what happens next; `None` after [`Event::Closed`].
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Sends a frame, as soon as the network takes it; returns whether there was room for it.
    pub(super) fn send(&self, frame: Text) -> bool {
        self.frames.try_send(frame).is_ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Ws = WebSocketStream<TcpStream>;

async fn carry(
    addr: SocketAddr,
    tell: &mpsc::Sender<Event>,
    frames: mpsc::Receiver<Text>,
) -> Result<()> {
    let stream = TcpStream::connect(addr).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let own = stream.local_addr()?;
    let mut request = format!("ws://{addr}/xmpp-websocket").into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "xmpp".parse()?);
    let (ws, answer) = client_async(request, stream).await.context("upgrading")?;
    let protocol = answer.headers().get("sec-websocket-protocol");
    // WS-01: a server that does not answer with our subprotocol does not speak it.
    ensure!(
        protocol.is_some_and(|value| value == "xmpp"),
        "the server does not offer the subprotocol xmpp"
    );
    tell.send(Event::Open(own)).await?;
    let (sink, mut stream) = ws.split();
    let hear = async {
        while let Some(message) = stream.next().await {
            match message? {
                Message::Text(text) => {
                    tell.send(Event::Frame(Text::from(text.as_str()))).await?;
                }
                Message::Close(_) => break,
                Message::Binary(_) => anyhow::bail!("a binary frame"),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        Ok(())
    };
    // Hearing goes on while a frame that nobody takes waits to be sent.
    tokio::select! {
        heard = hear => heard,
        said = say(sink, frames) => said,
    }
}

async fn say(mut sink: SplitSink<Ws, Message>, mut frames: mpsc::Receiver<Text>) -> Result<()> {
    while let Some(frame) = frames.recv().await {
        sink.send(Message::text(&*frame)).await?;
    }
    Ok(())
}
