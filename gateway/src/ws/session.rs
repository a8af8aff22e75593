//! Drives a connection whose account is known: frames to the core, frames from the core.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{StreamError, Text};
use server_core::Input;
use store::Store;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use super::hear::{Heard, hear};
use super::opening::{LoggedIn, binary_frame, long_frame};
use super::{Ending, Link, Pace, Socket, closing};
use crate::shard::{Call, Line};

/// Frames that are put on the wire before the core hears of it.
const WRITE_BATCH: usize = 32;

/// Runs until the core closes the connection or the peer is gone; tells the core of its end once.
pub(super) async fn run<S: Store>(
    link: &Link<S>,
    socket: Socket,
    pace: Pace,
    (identity, inline): LoggedIn,
) {
    let (outbox, frames) = mpsc::channel(link.app.limits().unsent_frames);
    let credit = Arc::new(Semaphore::new(link.app.limits().unsettled_stanzas));
    let closed = CancellationToken::new();
    let line = Line {
        outbox: Some(outbox),
        credit: Arc::clone(&credit),
        closed: closed.clone(),
    };
    let conn = link.conn;
    let shard = &link.app.shard;
    let attach = Call::Attach {
        conn,
        identity,
        inline,
        line,
    };
    if shard.send(attach).await.is_err() {
        return closing::finish(link, socket, Ending::Away).await;
    }
    let (mut sink, mut stream) = socket.split();
    let ending = {
        let mut writing = pin!(write(link, &mut sink, frames));
        let mut has_written = false;
        let ending = tokio::select! {
            () = &mut writing => {
                has_written = true;
                Ending::Normal
            }
            () = closed.cancelled() => Ending::Normal,
            end = read(link, &mut stream, pace, &credit) => match end {
                End::Refuse(error, ending) => {
                    let refused = Call::Input(Input::Refused { conn, error });
                    // A shard that is gone has closed this connection already.
                    let _ = shard.send(refused).await;
                    ending
                }
                End::Ended(ending) => {
                    let _ = shard.send(Call::Lost(conn)).await;
                    ending
                }
            },
        };
        // The core lets go of the outbox; what it had put there still goes out, if it can.
        let rest = Duration::from_millis(link.app.limits().close_ms);
        if !has_written && ending != Ending::Gone {
            let _ = timeout(rest, writing).await;
        }
        ending
    };
    if let Ok(socket) = sink.reunite(stream) {
        closing::finish(link, socket, ending).await;
    }
    // The shard takes the first of these only.
    let _ = shard.send(Call::Lost(conn)).await;
}

/// Why nothing more is read.
enum End {
    /// The stream is to end with an error.
    Refuse(StreamError, Ending),
    /// The connection is as good as gone.
    Ended(Ending),
}

/// Brings frames to the core, as many at once as LIM-14 says.
async fn read<S: Store>(
    link: &Link<S>,
    stream: &mut SplitStream<Socket>,
    mut pace: Pace,
    credit: &Semaphore,
) -> End {
    loop {
        let text = match hear(link, &mut pace, stream).await {
            Heard::Text(text) => text,
            Heard::Binary => return End::Refuse(binary_frame(), Ending::Normal),
            Heard::TooLong => return End::Refuse(long_frame(), Ending::TooLong),
            Heard::Gone | Heard::Silent => return End::Ended(Ending::Gone),
            Heard::Broken(code) => return End::Ended(Ending::Broken(code)),
        };
        let Ok(permit) = credit.acquire().await else {
            return pending().await;
        };
        // `Output::Credit` gives it back.
        permit.forget();
        let conn = link.conn;
        let frame = Call::Input(Input::Frame { conn, text });
        if link.app.shard.send(frame).await.is_err() {
            return End::Ended(Ending::Away);
        }
    }
}

/// Puts the core's frames on the wire until there are no more or the wire is gone; pings meanwhile.
async fn write<S: Store>(
    link: &Link<S>,
    sink: &mut SplitSink<Socket, Message>,
    mut frames: mpsc::Receiver<Text>,
) {
    let period = Duration::from_millis(link.app.limits().ping_ms);
    let mut pings = interval_at(Instant::now() + period, period);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = frames.recv_many(&mut batch, WRITE_BATCH) => {
                if count == 0 || put(link, sink, &mut batch).await.is_none() {
                    return;
                }
            }
            _ = pings.tick() => {
                if sink.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn put<S: Store>(
    link: &Link<S>,
    sink: &mut SplitSink<Socket, Message>,
    batch: &mut Vec<Text>,
) -> Option<()> {
    let frames = batch.len();
    let mut bytes = 0;
    for text in batch.drain(..) {
        bytes += text.len();
        let text = Utf8Bytes::try_from(text.into_bytes()).ok()?;
        sink.feed(Message::Text(text)).await.ok()?;
    }
    sink.flush().await.ok()?;
    link.app.metrics.frames_out.inc_by(frames as u64);
    link.app.metrics.bytes_out.inc_by(bytes as u64);
    let conn = link.conn;
    let written = Call::Input(Input::Written {
        conn,
        frames,
        bytes,
    });
    link.app.shard.send(written).await.ok()
}
