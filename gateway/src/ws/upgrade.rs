//! `/xmpp-websocket`: who may open a WebSocket here.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::OnUpgrade;
use store::Store;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tracing::{debug, warn};

use super::{Link, serve};
use crate::app::App;
use crate::config::{Origin, Settings};
use crate::http::{Peer, Visitor};
use crate::peers::Guest;

const PROTOCOL: &str = "xmpp";

/// Upgrades a request to a WebSocket, or says why not.
pub(crate) async fn upgrade<S: Store>(
    State(app): State<Arc<App<S>>>,
    Extension(peer): Extension<Peer>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    match prepare(&app, &peer, &visitor, request) {
        Ok((response, upgraded, guest)) => {
            let link = Link {
                conn: app.new_conn(),
                ip: visitor.ip,
                meter: Arc::clone(&peer.meter),
                app: Arc::clone(&app),
            };
            app.tasks.spawn(async move {
                let _counted = (peer.guest, guest);
                match upgraded.await {
                    Ok(io) => serve(link, io).await,
                    Err(cause) => debug!(error = %cause, "upgrade failed"),
                }
            });
            response
        }
        Err((StatusCode::UPGRADE_REQUIRED, text)) => {
            let upgrade = [(UPGRADE, "websocket")];
            (StatusCode::UPGRADE_REQUIRED, upgrade, text).into_response()
        }
        Err((status, text)) => (status, text).into_response(),
    }
}

type Accepted = (Response, OnUpgrade, Option<Guest>);

fn prepare<S>(
    app: &App<S>,
    peer: &Peer,
    visitor: &Visitor,
    mut request: Request,
) -> Result<Accepted, (StatusCode, &'static str)> {
    if app.stopping.is_cancelled() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "the server stops\n"));
    }
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "GET only\n"));
    }
    if !may_connect(&app.settings, visitor, headers) {
        warn!(
            "a web page of another origin was refused; if it is this server's own page, name its \
             origin in public_url or allowed_origins"
        );
        return Err((StatusCode::FORBIDDEN, "this origin may not connect\n"));
    }
    if !headers.contains_key(UPGRADE) {
        let told = "this address speaks XMPP over WebSocket\n";
        return Err((StatusCode::UPGRADE_REQUIRED, told));
    }
    if !offers_xmpp(headers) {
        let told = "the WebSocket subprotocol `xmpp` is required\n";
        return Err((StatusCode::BAD_REQUEST, told));
    }
    let mut response =
        switch(&request).ok_or((StatusCode::BAD_REQUEST, "malformed WebSocket handshake\n"))?;
    let guest = if visitor.is_proxied && app.is_bounded(visitor.ip) {
        let guest = app.census.enter_behind_proxy(visitor.ip).map_err(|_| {
            app.metrics.turned_away.inc();
            (StatusCode::TOO_MANY_REQUESTS, "too many connections\n")
        })?;
        Some(guest)
    } else {
        None
    };
    debug!(ip = %peer.addr.ip(), "upgrade");
    let protocol = HeaderValue::from_static(PROTOCOL);
    response
        .headers_mut()
        .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok((response, hyper::upgrade::on(&mut request), guest))
}

/// The 101 for a well-formed handshake (RFC 6455 §4.2).
fn switch(request: &Request) -> Option<Response> {
    let mut bare = axum::http::Request::new(());
    *bare.method_mut() = request.method().clone();
    *bare.version_mut() = request.version();
    *bare.headers_mut() = request.headers().clone();
    create_response(&bare)
        .ok()
        .map(|response| response.map(|()| Body::empty()))
}

/// WS-02: whether the exact token `xmpp` is among the offered subprotocols.
fn offers_xmpp(headers: &HeaderMap) -> bool {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let mut lists = values.filter_map(|value| value.to_str().ok());
    lists.any(|list| list.split(',').any(|token| token.trim() == PROTOCOL))
}

/// WS-29: no browser page of a foreign origin; programs that are no browsers name none.
fn may_connect(settings: &Settings, visitor: &Visitor, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    if settings.any_origin {
        return true;
    }
    let origin = origin.to_str().ok().and_then(Origin::parse);
    let Some(origin) = origin.filter(|_| origins.next().is_none()) else {
        return false;
    };
    visitor.origin() == &origin
        || settings.public.as_ref() == Some(&origin)
        || settings.origins.contains(&origin)
}
