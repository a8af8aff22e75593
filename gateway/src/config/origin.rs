//! Origins of web pages: scheme, host and port.

use std::fmt;
use std::net::IpAddr;

use axum::http::Uri;

use super::is_loopback;

/// Where a page comes from; two are the same only if all three parts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) is_https: bool,
    /// In lower case; IPv6 addresses in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Reads `https://host` or `https://host:port`; nothing may follow.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Self::of(scheme, authority)
    }

    /// Joins a scheme with what stands in a `Host` header.
    pub(crate) fn of(scheme: &str, authority: &str) -> Option<Self> {
        let is_https = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if !authority.chars().all(is_plain) {
            return None;
        }
        let uri = Uri::builder().scheme(scheme).authority(authority);
        let uri = uri.path_and_query("/").build().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?.to_lowercase();
        let port = match uri.authority()?.as_str().get(host.len()..)? {
            "" => default_port(is_https),
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self {
            is_https,
            host,
            port,
        })
    }

    /// Its WebSockets: `wss://host`, or `ws://` where the origin is no https.
    pub(crate) fn socket(&self) -> String {
        let scheme = if self.is_https { "wss" } else { "ws" };
        format!("{scheme}://{}", self.authority())
    }

    /// Whether only programs on this machine can mean it.
    pub(crate) fn is_local(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let ip = bare.parse::<IpAddr>();
        self.host == "localhost" || ip.is_ok_and(is_loopback)
    }

    /// `host`, or `host:port` where the port is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        if self.port == default_port(self.is_https) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_exactly() {
        for (text, read) in [
            ("https://chat.example", Some("https://chat.example")),
            ("https://chat.example:443", Some("https://chat.example")),
            ("https://Chat.Example", Some("https://chat.example")),
            ("http://chat.example:443", Some("http://chat.example:443")),
            ("http://[::1]:5280", Some("http://[::1]:5280")),
            ("null", None),
            ("", None),
            ("https://", None),
            ("https://a/b", None),
            ("https://a@b", None),
            ("https://a:b", None),
            ("https://a:", None),
            ("wss://a", None),
            ("https://a https://b", None),
        ] {
            let origin = Origin::parse(text).map(|origin| origin.to_string());
            assert_eq!(origin.as_deref(), read, "{text}");
        }
    }
}
