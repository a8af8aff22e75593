//! Everything that is served over HTTP.

mod guard;
mod headers;
mod host_meta;
mod lab;
mod negotiate;
mod probes;
mod site;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use store::Store;

use crate::app::App;
use crate::peers::Guest;
use crate::ws::{self, Meter};

pub(crate) use self::visitor::Visitor;

/// The TCP connection that a request came on.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
    pub(crate) meter: Arc<Meter>,
    pub(crate) guest: Arc<Guest>,
}

/// All routes.
pub(crate) fn router<S: Store>(app: Arc<App<S>>) -> Router {
    let routes = Router::new()
        .route("/xmpp-websocket", any(ws::upgrade::<S>))
        .route("/.well-known/host-meta", any(host_meta::xrd::<S>))
        .route("/.well-known/host-meta.json", any(host_meta::jrd::<S>))
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready::<S>))
        .route("/metrics", get(probes::metrics::<S>));
    let routes = match &app.lab {
        Some(lab) => routes.merge(lab::routes(lab)),
        None => routes,
    };
    routes
        .fallback(site::serve::<S>)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard::<S>))
        .with_state(app)
}
