//! Who asks, by which name of the server, and over what: directly, or through a trusted proxy.

use std::net::IpAddr;

use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderName, StatusCode};

use super::Peer;
use crate::app::App;
use crate::config::{Origin, is_loopback, unmapped};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Where a request comes from and what it takes the server for.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// The address of the client; behind a trusted proxy, the one that the proxy names.
    pub(crate) ip: IpAddr,
    /// Whether a trusted proxy speaks for the client.
    pub(crate) is_proxied: bool,
    /// Whether nothing between client and server can be read by others.
    pub(crate) is_private: bool,
    own: Origin,
}

impl Visitor {
    /// Looks at a request; believes `X-Forwarded-…` from configured proxies only (SEC-06).
    ///
    /// # Errors
    /// What to answer where the request names no host that is served here.
    pub(super) fn of<S>(
        app: &App<S>,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Self, (StatusCode, &'static str)> {
        let peer_ip = unmapped(peer.addr.ip());
        let proto = last(headers, &FORWARDED_PROTO);
        // A proxy always says by what scheme it was reached; its own requests do not.
        let proto = proto.filter(|_| app.trusts(peer_ip));
        let is_proxied = proto.is_some();
        let host = is_proxied.then(|| last(headers, &FORWARDED_HOST)).flatten();
        let host = host.or_else(|| only(headers, &HOST));
        let scheme = proto.unwrap_or("http");
        let own = host.and_then(|host| Origin::of(scheme, host));
        let own = own.ok_or((StatusCode::BAD_REQUEST, "malformed Host\n"))?;
        if !is_served(app, &own.host) {
            let told = "this host name is not served here; allowed_hosts lists more names\n";
            return Err((StatusCode::MISDIRECTED_REQUEST, told));
        }
        let ip = if is_proxied {
            client_of(app, headers).unwrap_or(peer_ip)
        } else {
            peer_ip
        };
        let is_private = own.is_https || (!is_proxied && is_loopback(peer_ip));
        Ok(Self {
            ip,
            is_proxied,
            is_private,
            own,
        })
    }

    /// The server's own origin, as the client sees it.
    pub(crate) fn origin(&self) -> &Origin {
        &self.own
    }

    /// Whether a program on this very machine asks.
    pub(super) fn is_local(&self) -> bool {
        !self.is_proxied && is_loopback(self.ip)
    }

    /// Whether the client uses TLS.
    pub(super) fn is_https(&self) -> bool {
        self.own.is_https
    }
}

/// The last value of a list header: the one that the nearest proxy wrote.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The nearest address in `X-Forwarded-For` that is no proxy of ours.
fn client_of<S>(app: &App<S>, headers: &HeaderMap) -> Option<IpAddr> {
    let values = headers.get_all(&FORWARDED_FOR).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    let ips = hops.iter().rev().map_while(|hop| hop.trim().parse().ok());
    let mut ips = ips.map(unmapped).peekable();
    let mut nearest = *ips.peek()?;
    for ip in ips {
        nearest = ip;
        if !app.trusts(ip) {
            break;
        }
    }
    Some(nearest)
}

/// Addresses cannot be rebound by a hostile name server, so any address will do (SEC-06).
fn is_served<S>(app: &App<S>, host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.trim_end_matches('.');
    bare.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || host.ends_with(".localhost")
        || app.settings.hosts.iter().any(|served| served == host)
}
