//! The own accept loop: header timeouts, connections per peer, no delay (SEC-07, SEC-09).

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use store::Store;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::app::App;
use crate::config::Limits;
use crate::http::{self, Peer};
use crate::peers::TurnedAway;
use crate::ws::{Meter, Metered};

/// Connections that are told at the same time why they are turned away; others are cut.
const FAREWELLS: usize = 64;

/// Accepts connections until the server stops.
pub(crate) async fn run<S: Store>(app: Arc<App<S>>, listener: TcpListener) {
    let router = http::router(Arc::clone(&app));
    let builder = builder(app.limits());
    let farewells = Arc::new(Semaphore::new(FAREWELLS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.stopping.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                pause_after(&cause).await;
                continue;
            }
        };
        let ip = address.ip();
        // Connections of a proxy are counted by whom it speaks for, at the upgrade.
        let is_counted = app.is_bounded(ip) && !app.trusts(ip);
        match app.census.enter(is_counted.then_some(ip)) {
            Ok(guest) => {
                let peer = Peer {
                    addr: address,
                    meter: Arc::new(Meter::new()),
                    guest: Arc::new(guest),
                };
                let serving = serve(builder.clone(), router.clone(), stream, peer);
                let stopping = app.stopping.clone();
                app.tasks.spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        () = stopping.cancelled() => {}
                    }
                });
            }
            Err(why) => {
                app.metrics.turned_away.inc();
                if let Ok(permit) = Arc::clone(&farewells).try_acquire_owned() {
                    app.tasks.spawn(async move {
                        let _permit = permit;
                        turn_away(stream, why).await;
                    });
                }
            }
        }
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_ms))
        .max_buf_size(limits.header_bytes.max(8_192))
        .max_headers(limits.headers);
    builder
}

async fn serve(builder: http1::Builder, router: Router, stream: TcpStream, peer: Peer) {
    // Without this, small frames wait for the peer's acknowledgements.
    if let Err(cause) = stream.set_nodelay(true) {
        debug!(error = %cause, "no TCP_NODELAY");
    }
    let io = TokioIo::new(Metered::new(stream, Arc::clone(&peer.meter)));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let router = router.clone();
        async move {
            let response = router.oneshot(request).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let connection = builder.serve_connection(io, service).with_upgrades();
    if let Err(cause) = connection.await {
        debug!(error = %cause, "HTTP connection ended");
    }
}

/// LIM-08: says why before any request is read, and waits for nothing.
async fn turn_away(mut stream: TcpStream, why: TurnedAway) {
    let status = match why {
        TurnedAway::Peer => "429 Too Many Requests",
        TurnedAway::Full => "503 Service Unavailable",
    };
    let text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"
    );
    let farewell = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await?;
        let mut bytes = [0; 1_024];
        while stream.read(&mut bytes).await? > 0 {}
        io::Result::Ok(())
    };
    // Whoever does not want to hear it is cut all the same.
    let _ = timeout(Duration::from_secs(1), farewell).await;
}

/// Errors of single connections pass at once; lack of descriptors needs some time to pass.
async fn pause_after(cause: &io::Error) {
    let is_of_one_connection = matches!(
        cause.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !is_of_one_connection {
        warn!(error = %cause, "cannot accept connections");
        sleep(Duration::from_millis(200)).await;
    }
}

/// LIM-08: 90 % of the file descriptors that the process may have.
pub(crate) fn connections_max() -> usize {
    let descriptors = descriptors_max().unwrap_or(1_024);
    usize::try_from(descriptors.saturating_mul(9) / 10).unwrap_or(usize::MAX)
}

#[cfg(unix)]
fn descriptors_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn descriptors_max() -> Option<u64> {
    None
}

/// Lets the process have as many file descriptors as it may ask for.
#[cfg(unix)]
pub(crate) fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(cause) = setrlimit(Resource::Nofile, raised) {
        debug!(error = %cause, "file descriptors stay as they are");
    }
}

/// Lets the process have as many file descriptors as it may ask for.
#[cfg(not(unix))]
pub(crate) fn raise_descriptors() {}
