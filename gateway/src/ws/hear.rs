//! What a peer says, one frame after the other, at the pace that it may.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use protocol::Text;
use store::Store;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, error::Error as WsError};

use super::{Link, Pace};

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A text frame.
    Text(Text),
    /// A binary frame.
    Binary,
    /// A frame longer than any stanza may be.
    TooLong,
    /// The peer is gone, or said that it goes.
    Gone,
    /// Nothing was heard for so long that the peer must be gone.
    Silent,
    /// The peer broke the rules of WebSockets.
    Broken(CloseCode),
}

/// Waits for the next frame that is no control frame.
pub(super) async fn hear<S: Store>(
    link: &Link<S>,
    pace: &mut Pace,
    stream: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) -> Heard {
    let limits = link.app.limits();
    let idle = Duration::from_millis(limits.idle_ms);
    // Half of the time that a message may take, so that one which stops in the middle is noticed.
    let look = Duration::from_millis(limits.message_ms / 2 + 1);
    link.meter.excuse();
    let mut silent_at = Instant::now() + idle;
    loop {
        let wake = silent_at.min(Instant::now() + look);
        let Ok(next) = timeout_at(wake, stream.next()).await else {
            if Instant::now() >= silent_at || link.meter.is_overdue() {
                return Heard::Silent;
            }
            continue;
        };
        silent_at = Instant::now() + idle;
        match next {
            Some(Ok(Message::Text(text))) => {
                link.meter.whole_message();
                link.app.metrics.frames_in.inc();
                link.app.metrics.bytes_in.inc_by(text.len() as u64);
                // Copied, so that a short stanza in memory does not keep a whole read buffer.
                let text = Text::from(text.as_str());
                sleep_if_any(pace.message(text.len())).await;
                return Heard::Text(text);
            }
            Some(Ok(Message::Binary(_))) => return Heard::Binary,
            Some(Ok(Message::Ping(payload) | Message::Pong(payload))) => {
                link.meter.control_frame(payload.len());
                match pace.control() {
                    Some(wait) => sleep_if_any(wait).await,
                    None => return Heard::Broken(CloseCode::Policy),
                }
            }
            Some(Ok(Message::Close(_) | Message::Frame(_))) | None => return Heard::Gone,
            Some(Err(error)) => return heard_error(&error),
        }
    }
}

async fn sleep_if_any(wait: Duration) {
    if !wait.is_zero() {
        sleep(wait).await;
    }
}

/// SEC-11, 14, 15: which close code an error earns.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most errors cannot come from reading, and for all others the peer is gone"
)]
fn heard_error(error: &WsError) -> Heard {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => Heard::TooLong,
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Heard::Gone,
        WsError::Protocol(_) => Heard::Broken(CloseCode::Protocol),
        WsError::Utf8(_) => Heard::Broken(CloseCode::Invalid),
        _ => Heard::Gone,
    }
}
