//! Where the WebSocket is, for clients that know the domain only (XEP-0156, RFC 6415).

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use store::Store;

use super::Visitor;
use super::negotiate::{etag_of, is_known};
use crate::app::App;

const RELATION: &str = "urn:xmpp:alt-connections:websocket";
const METHODS: &str = "GET, HEAD, OPTIONS";

/// `/.well-known/host-meta` (HM-01).
pub(super) async fn xrd<S: Store>(
    State(app): State<Arc<App<S>>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    // The host of an origin has no character that XML or JSON would need to escape.
    let href = href(&app, &visitor);
    let text = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n\
         <XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\
         <Link rel='{RELATION}' href='{href}'/></XRD>\n"
    );
    answer(&request, "application/xrd+xml", text)
}

/// `/.well-known/host-meta.json`.
pub(super) async fn jrd<S: Store>(
    State(app): State<Arc<App<S>>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Response {
    let href = href(&app, &visitor);
    let json = serde_json::json!({ "links": [{ "rel": RELATION, "href": href }] });
    answer(&request, "application/json", format!("{json}\n"))
}

/// HM-07: never a weaker way than the one that the client came by.
fn href<S>(app: &App<S>, visitor: &Visitor) -> String {
    let public = app.settings.public.as_ref();
    let origin = public.unwrap_or_else(|| visitor.origin());
    format!("{}/xmpp-websocket", origin.socket())
}

fn answer(request: &Request, kind: &'static str, text: String) -> Response {
    let etag = etag_of(text.as_bytes(), "");
    let mut response = match *request.method() {
        Method::OPTIONS => (StatusCode::NO_CONTENT, [(ALLOW, METHODS)]).into_response(),
        Method::GET | Method::HEAD if is_known(request.headers().get(IF_NONE_MATCH), &etag) => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        Method::GET | Method::HEAD => text.into_response(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, METHODS)]).into_response(),
    };
    describe(response.headers_mut(), kind, etag);
    response
}

/// HM-02, HM-03.
fn describe(headers: &mut HeaderMap, kind: &'static str, etag: HeaderValue) {
    headers.insert(ETAG, etag);
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=300"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
