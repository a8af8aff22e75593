//! The web client: files that are part of the program, packed when it was built.
//!
//! Builds for development read them from `target/site` instead, so that a changed client needs no
//! new server.

use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use store::Store;

use super::negotiate::{Packing, etag, etag_of, is_known, packings};
use super::{Visitor, lab};
use crate::app::App;

#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Files;

/// Reads a file of the client: from the folder, if there is one, or from the program.
fn file(folder: Option<&Path>, path: &str) -> Option<File> {
    match folder {
        // Only whoever works on the client has a folder, so that nobody minds the wait.
        Some(folder) => {
            let content = fs::read(folder.join(path)).ok()?;
            let digest = Sha256::digest(&content).into();
            let content = Cow::Owned(content);
            Some(File { content, digest })
        }
        None => Files::get(path).map(|file| File {
            content: file.data,
            digest: file.metadata.sha256_hash(),
        }),
    }
}

struct File {
    content: Cow<'static, [u8]>,
    digest: [u8; 32],
}

const INDEX: &str = "index.html";
const LAB: &str = "lab/index.html";
/// What stands in the page before the domain that is served, and before whether the lab is on.
const DOMAIN: &str = "<meta name=\"balcony-domain\" content=\"";
const HAS_LAB: &str = "<meta name=\"balcony-lab\" content=\"";
const NO_CLIENT: &str = "<!doctype html><meta charset=utf-8><title>Balcony</title>\
    <h1>The server runs, but its web client is not built</h1>\
    <p>Run <code>cargo xtask serve</code>, which builds both, or <code>cargo xtask web</code> \
    and reload this page.</p>";

/// Serves a file of the client, or its page for every path that names no file.
pub(super) async fn serve<S: Store>(State(app): State<Arc<App<S>>>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let headers = request.headers();
    let folder = app.settings.config.site.as_deref();
    let facts = Facts {
        domain: &app.settings.domain,
        has_lab: app.lab.is_some(),
    };
    if path.is_empty() || path == INDEX {
        return page(folder, facts, headers);
    }
    let path = if is_of_lab(path) {
        let visitor = request.extensions().get::<Visitor>();
        if !facts.has_lab || !visitor.is_some_and(lab::is_open_to) {
            return (StatusCode::NOT_FOUND, "not found\n").into_response();
        }
        if path == "lab" { LAB } else { path }
    } else {
        path
    };
    match find(folder, path, headers) {
        Some(found) => found.into_response(headers, path),
        None if is_view(path) => page(folder, facts, headers),
        None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

/// The lab's page, its files, and what it asks.
fn is_of_lab(path: &str) -> bool {
    path == "lab" || path.starts_with("lab/")
}

/// What the page is told of its server.
#[derive(Clone, Copy)]
struct Facts<'a> {
    domain: &'a str,
    has_lab: bool,
}

/// A file in the form that the client takes.
struct Found {
    content: Cow<'static, [u8]>,
    etag: HeaderValue,
    packing: Option<Packing>,
}

fn find(folder: Option<&Path>, path: &str, headers: &HeaderMap) -> Option<Found> {
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    if !path.split('/').all(is_plain) || path.contains(['\\', '%', ':']) {
        return None;
    }
    let packed = packings(headers.get(ACCEPT_ENCODING)).find_map(|packing| {
        let file = file(folder, &format!("{path}.{}", packing.ending()))?;
        Some((file, Some(packing)))
    });
    let (file, packing) = packed.or_else(|| Some((file(folder, path)?, None)))?;
    Some(Found {
        etag: etag(&file.digest, ""),
        content: file.content,
        packing,
    })
}

/// Whether a path may belong to a view of the client, whose last part has no dot.
fn is_view(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    let is_elsewhere = ["pkg/", ".well-known/"].iter().any(|p| path.starts_with(p));
    !last.contains('.') && !is_elsewhere && !is_of_lab(path)
}

/// The page itself, with what it is told filled in.
fn page(folder: Option<&Path>, facts: Facts<'_>, headers: &HeaderMap) -> Response {
    let Some(file) = file(folder, INDEX) else {
        return (StatusCode::SERVICE_UNAVAILABLE, Html(NO_CLIENT)).into_response();
    };
    let text = String::from_utf8_lossy(&file.content);
    let text = fill_in(&text, DOMAIN, facts.domain);
    let text = fill_in(&text, HAS_LAB, if facts.has_lab { "on" } else { "off" });
    let found = Found {
        etag: etag_of(text.as_bytes(), ""),
        content: Cow::Owned(text.into_bytes()),
        packing: None,
    };
    found.into_response(headers, INDEX)
}

/// Puts a value in its place; a prepared domain has nothing that HTML would need to escape.
fn fill_in(page: &str, before: &str, value: &str) -> String {
    let split = page.split_once(before).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once('"')?;
        Some(format!("{head}{before}{value}\"{tail}"))
    });
    split.unwrap_or_else(|| page.to_owned())
}

impl Found {
    fn into_response(self, asked: &HeaderMap, path: &str) -> Response {
        let mut response = if is_known(asked.get(IF_NONE_MATCH), &self.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let content = match self.content {
                Cow::Borrowed(content) => Bytes::from_static(content),
                Cow::Owned(content) => Bytes::from(content),
            };
            let mut response = Body::from(content).into_response();
            response.headers_mut().insert(CONTENT_TYPE, kind(path));
            if let Some(packing) = self.packing {
                let name = HeaderValue::from_static(packing.name());
                response.headers_mut().insert(CONTENT_ENCODING, name);
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag);
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // What lies below `pkg/` is named by its content.
        let cache = if path.starts_with("pkg/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        response
    }
}

fn kind(path: &str) -> HeaderValue {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let text = match kind.type_() {
        mime_guess::mime::TEXT => format!("{}; charset=utf-8", kind.essence_str()),
        _ => kind.essence_str().to_owned(),
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_has_its_type() {
        for (path, expected) in [
            ("pkg/x/web_bg.wasm", "application/wasm"),
            ("boot.js", "text/javascript; charset=utf-8"),
            ("app.css", "text/css; charset=utf-8"),
            ("index.html", "text/html; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
            ("app.webmanifest", "application/manifest+json"),
            ("x.unknown-ending", "application/octet-stream"),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }

    #[test]
    fn the_page_says_which_domain_is_served() {
        let page = "<meta name=\"balcony-domain\" content=\"localhost\"><title>";
        let named = "<meta name=\"balcony-domain\" content=\"verona.example\"><title>";
        assert_eq!(fill_in(page, DOMAIN, "verona.example"), named);
        assert_eq!(fill_in("<title>", DOMAIN, "verona.example"), "<title>");
        let page = "<meta name=\"balcony-lab\" content=\"off\">";
        assert!(fill_in(page, HAS_LAB, "on").contains("content=\"on\""));
    }

    #[test]
    fn views_have_no_dot_and_files_do() {
        for (path, is) in [
            ("chat/juliet", true),
            ("invite/", true),
            ("chat/a.b/c", true),
            ("app.js", false),
            ("chat/a.b", false),
            ("pkg/x", false),
            ("lab", false),
            ("lab/x", false),
            (".well-known/x", false),
        ] {
            assert_eq!(is_view(path), is, "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_client() {
        for path in [
            "../Cargo.toml",
            "a/../../x",
            "%2e%2e/x",
            "c:/x",
            "a//b",
            ".git/x",
        ] {
            assert!(find(None, path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
