//! The headers that guard every answer (SEC-63).

use axum::http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::Visitor;

/// `frame-ancestors` and `base-uri` do not fall back to `default-src`, so they are said as well.
/// The client makes no markup out of text, and `require-trusted-types-for` holds it to that.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; font-src 'self'; \
    worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; connect-src 'self'";

/// Adds what no answer goes without.
pub(super) fn secure(headers: &mut HeaderMap, visitor: Option<&Visitor>) {
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, policy(visitor));
    if visitor.is_some_and(Visitor::is_https) {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}

/// Names the own WebSocket too, which older browsers do not count as `'self'`.
fn policy(visitor: Option<&Visitor>) -> HeaderValue {
    let socket = visitor.map(|visitor| format!("{POLICY} {}", visitor.origin().socket()));
    let policy = socket.and_then(|policy| HeaderValue::try_from(policy).ok());
    policy.unwrap_or(HeaderValue::from_static(POLICY))
}
