//! The end of a connection: close code, closing handshake, and no waiting for ever.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Link, Socket};

/// Milliseconds for which bytes are swallowed behind a broken rule, so that the peer still gets to
/// read the close code before its own bytes make the system cut the connection.
const SWALLOW_MS: u64 = 500;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The stream was closed.
    Normal,
    /// The peer is gone already, or said that it goes.
    Gone,
    /// The server cannot go on with this connection.
    Away,
    /// A frame was too long to be read (SEC-11).
    TooLong,
    /// The peer broke the rules of WebSockets (SEC-14, SEC-15).
    Broken(CloseCode),
}

impl Ending {
    fn code(self) -> Option<CloseCode> {
        match self {
            Self::Normal => Some(CloseCode::Normal),
            Self::Gone => None,
            Self::Away => Some(CloseCode::Error),
            Self::TooLong => Some(CloseCode::Size),
            Self::Broken(code) => Some(code),
        }
    }

    /// Whether the peer's frames can still be told apart.
    fn is_readable(self) -> bool {
        match self {
            Self::Normal | Self::Gone | Self::Away => true,
            Self::TooLong | Self::Broken(_) => false,
        }
    }
}

/// Closes the WebSocket and waits for the peer to do the same, but not for long (WS-16).
pub(super) async fn finish<S>(link: &Link<S>, mut socket: Socket, ending: Ending) {
    // What comes from here on is thrown away, so it may be as long as it likes.
    link.meter.disarm();
    let close_ms = link.app.limits().close_ms;
    let close = async {
        if let Some(code) = ending.code() {
            let reason = "".into();
            let frame = Message::Close(Some(CloseFrame { code, reason }));
            if socket.send(frame).await.is_err() {
                return;
            }
        }
        if ending.is_readable() {
            while let Some(Ok(_)) = socket.next().await {}
        } else {
            swallow(&mut socket).await;
        }
    };
    // A peer that does not answer loses nothing that it did not have.
    let _ = timeout(Duration::from_millis(close_ms), close).await;
}

async fn swallow(socket: &mut Socket) {
    let mut bytes = [0; 4_096];
    let all = async { while matches!(socket.get_mut().read(&mut bytes).await, Ok(1..)) {} };
    let _ = timeout(Duration::from_millis(SWALLOW_MS), all).await;
}
