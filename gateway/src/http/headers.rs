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

/// How pages of this server may stand inside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Not at all.
    None,
    /// The lab is on: the server's own pages may frame this one.
    Framed,
    /// The lab itself, which frames the server's own pages.
    Frames,
}

/// Adds what no answer goes without.
pub(super) fn secure(headers: &mut HeaderMap, visitor: Option<&Visitor>, framing: Framing) {
    let frame_options = match framing {
        Framing::None => "DENY",
        Framing::Framed | Framing::Frames => "SAMEORIGIN",
    };
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, frame_options),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(CONTENT_SECURITY_POLICY, policy(visitor, framing));
    if visitor.is_some_and(Visitor::is_https) {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}

/// Names the own WebSocket too, which older browsers do not count as `'self'`.
fn policy(visitor: Option<&Visitor>, framing: Framing) -> HeaderValue {
    let fixed = HeaderValue::from_static(POLICY);
    let Some(visitor) = visitor else {
        return fixed;
    };
    let policy = match framing {
        Framing::None => POLICY.to_owned(),
        Framing::Framed => POLICY.replace(NO_FRAMING, "frame-ancestors 'self'"),
        Framing::Frames => POLICY.replace(NO_FRAMING, "frame-ancestors 'self'; frame-src 'self'"),
    };
    HeaderValue::try_from(format!("{policy} {}", visitor.origin().socket())).unwrap_or(fixed)
}

/// What [`POLICY`] says of framing.
const NO_FRAMING: &str = "frame-ancestors 'none'";
