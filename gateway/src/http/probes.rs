//! Health and metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use store::Store;
use tokio::time::timeout;

use super::Visitor;
use crate::app::App;

const STORE_ANSWERS: Duration = Duration::from_secs(2);

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the server takes connections and its store answers. A full disk keeps it from saving
/// messages, not from delivering them, so it is ready and says what is missing.
pub(super) async fn ready<S: Store>(State(app): State<Arc<App<S>>>) -> Response {
    let not = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if app.stopping.is_cancelled() {
        return not("the server stops\n");
    }
    match timeout(STORE_ANSWERS, app.store.is_empty()).await {
        Ok(Ok(_)) if app.metrics.is_failing() => {
            "ready, but messages are delivered and not saved\n".into_response()
        }
        Ok(Ok(_)) => "ready\n".into_response(),
        Ok(Err(_)) | Err(_) => not("the store does not answer\n"),
    }
}

/// `/metrics`, for programs on this machine only (SEC-69).
pub(super) async fn metrics<S: Store>(
    State(app): State<Arc<App<S>>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    if !visitor.is_local() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], app.metrics.write()).into_response()
}
