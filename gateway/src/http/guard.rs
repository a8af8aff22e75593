//! What every request passes: is this server meant, is the way to it private, and which headers guard
//! the answer.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use store::Store;

use super::headers::{self, Framing};
use super::{Peer, Visitor};
use crate::app::App;
use crate::config::Origin;

/// Lets a request through, redirects it to https, or refuses it.
pub(super) async fn guard<S: Store>(
    State(app): State<Arc<App<S>>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = match Visitor::of(&app, &peer, request.headers()) {
        Ok(visitor) => visitor,
        Err(refusal) => {
            let mut response = refusal.into_response();
            headers::secure(response.headers_mut(), None, Framing::None);
            return response;
        }
    };
    let framing = match &app.lab {
        Some(_) if request.uri().path() == "/lab" => Framing::Frames,
        Some(_) => Framing::Framed,
        None => Framing::None,
    };
    let mut response = if visitor.is_private {
        request.extensions_mut().insert(visitor.clone());
        next.run(request).await
    } else {
        to_https(&app, &visitor, &request)
    };
    headers::secure(response.headers_mut(), Some(&visitor), framing);
    response
}

/// SEC-04: nothing is served where others can read it.
fn to_https<S>(app: &App<S>, visitor: &Visitor, request: &Request) -> Response {
    let is_plain_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let public = app.settings.public.as_ref();
    let public = public.filter(|public| public.is_https);
    // The port of the plain listener is not the one where TLS is spoken.
    let authority = public.map_or_else(|| visitor.origin().host.clone(), Origin::authority);
    if !is_plain_read || is_upgrade(request) {
        return (StatusCode::FORBIDDEN, "https only\n").into_response();
    }
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    let target = format!("https://{authority}{path}");
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, target)]).into_response()
}

fn is_upgrade(request: &Request) -> bool {
    request.headers().contains_key(axum::http::header::UPGRADE)
}
