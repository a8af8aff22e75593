//! One WebSocket: the upgrade, then `Opening`, then the session in the core.

mod closing;
mod hear;
mod meter;
mod opening;
mod pace;
mod session;
mod upgrade;

use std::net::IpAddr;
use std::sync::Arc;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use server_core::ConnId;
use store::Store;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::{Instrument as _, debug, info_span};

use self::closing::Ending;
use self::pace::Pace;
use crate::app::App;
use crate::config::Limits;

pub(crate) use self::meter::{Meter, Metered};
pub(crate) use self::upgrade::upgrade;

/// A WebSocket over an upgraded HTTP connection.
type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What is known of a connection beside its bytes.
struct Link<S> {
    app: Arc<App<S>>,
    conn: ConnId,
    /// Who is at the other end; behind a proxy, whom the proxy names.
    ip: IpAddr,
    meter: Arc<Meter>,
}

/// LIM-07, LIM-23: an idle connection costs little, and one that never reads costs no more.
fn buffers(limits: &Limits) -> WebSocketConfig {
    let frame_bytes = limits.frame_bytes();
    WebSocketConfig::default()
        .read_buffer_size(4_096)
        .write_buffer_size(0)
        .max_write_buffer_size((512 << 10).max(2 * frame_bytes))
        .max_message_size(Some(frame_bytes))
        .max_frame_size(Some(frame_bytes))
}

/// Runs a connection from its first frame to its end.
async fn serve<S: Store>(link: Link<S>, io: Upgraded) {
    let (app, conn) = (Arc::clone(&link.app), link.conn);
    app.metrics.connections_total.inc();
    app.metrics.connections.inc();
    let run = async {
        let config = buffers(app.limits());
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, Some(config));
        let mut socket = socket.await;
        let mut pace = Pace::new(app.limits());
        link.meter.arm(app.limits());
        match opening::run(&link, &mut socket, &mut pace).await {
            Ok(account) => session::run(&link, socket, pace, account).await,
            Err(ending) => closing::finish(&link, socket, ending).await,
        }
        debug!("connection ended");
    };
    run.instrument(info_span!("connection", conn = conn.0))
        .await;
    app.metrics.connections.dec();
}
