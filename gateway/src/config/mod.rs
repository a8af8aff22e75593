//! What an operator may set: defaults, then a TOML file, then `BALCONY_…` variables, then flags.

mod limits;
mod list;
mod load;
mod net;
mod origin;
mod retention;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use protocol::BareJid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::limits::Limits;
pub(crate) use self::load::{Flags, load};
pub(crate) use self::net::{Net, is_loopback, unmapped};
pub(crate) use self::origin::Origin;
pub use self::retention::Retention;
pub(crate) use self::retention::in_words;

/// Everything that can be set of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// The domain that is served: the part of all addresses behind the `@`.
    pub domain: String,
    /// The folder that holds the database.
    pub data: PathBuf,
    /// A folder to serve the web client from, instead of the one that is part of the program.
    pub site: Option<PathBuf>,
    /// Where people reach the server, such as `https://chat.example.org`, if a proxy stands before it.
    pub public_url: Option<String>,
    /// Origins of web pages that may connect beside the server's own; `*` for all.
    #[serde(deserialize_with = "list::one_or_many")]
    pub allowed_origins: Vec<String>,
    /// Host names under which the server answers beside its domain, its public URL and `localhost`.
    #[serde(deserialize_with = "list::one_or_many")]
    pub allowed_hosts: Vec<String>,
    /// Whether anybody may make an account.
    pub open_registration: bool,
    /// Whether passwords may be sent in plain (inside TLS) beside SCRAM.
    pub allow_plain: bool,
    /// Addresses or networks of proxies whose `X-Forwarded-…` headers are believed.
    #[serde(deserialize_with = "list::one_or_many")]
    pub trusted_proxies: Vec<String>,
    /// Whether romeo and juliet have accounts, and everybody may make one; only on loopback.
    pub demo: bool,
    /// Whether the lab is at `/lab`, with romeo and juliet; only on loopback. A demo has it anyway.
    pub lab: bool,
    /// The bounds.
    pub limits: Limits,
    /// How long archives keep messages.
    pub retention: Retention,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5280),
            domain: "localhost".to_owned(),
            data: PathBuf::from("balcony-data"),
            site: None,
            public_url: None,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            open_registration: false,
            allow_plain: false,
            trusted_proxies: Vec::new(),
            demo: false,
            lab: false,
            limits: Limits::default(),
            retention: Retention::default(),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file or variable cannot be read or says something unknown.
    #[error("the settings cannot be read: {0}")]
    Read(Box<figment::Error>),
    /// The file that was named is not there.
    #[error("there is no configuration file {}", .0.display())]
    NoFile(PathBuf),
    /// The domain is no domain.
    #[error("domain: `{0}` is not a domain name")]
    Domain(String),
    /// An origin or URL is malformed.
    #[error("{key}: `{value}` is not of the form https://host or https://host:port")]
    Origin {
        /// Which setting.
        key: &'static str,
        /// What it says.
        value: String,
    },
    /// The public address is one that others could listen to.
    #[error("public_url: `{0}` must begin with https://, since it is not on this machine")]
    PlainPublicUrl(String),
    /// A proxy is neither address nor network.
    #[error("trusted_proxies: `{0}` is neither an address nor a network such as 10.0.0.0/8")]
    Proxy(String),
    /// A plain listener that others can reach (WS-32).
    #[error(
        "listen: {0} can be reached from other machines, and this server speaks no TLS itself. \
         Listen on 127.0.0.1, or put a TLS proxy before it and name the proxy's address in \
         trusted_proxies"
    )]
    PlainListener(SocketAddr),
    /// A demo that others can reach.
    #[error("demo: only on a loopback address such as 127.0.0.1, not on {0}")]
    PublicDemo(SocketAddr),
    /// A lab that others can reach (SEC-70).
    #[error(
        "lab: only where nobody else can reach it: on a loopback address such as 127.0.0.1, with \
         neither trusted_proxies nor a public_url that leads elsewhere"
    )]
    PublicLab,
    /// A limit with which nothing works.
    #[error("limits.{0} must be more than 0")]
    ZeroLimit(&'static str),
    /// A retention that keeps nothing.
    #[error("retention.{0} must be more than 0; without it, messages are kept for ever")]
    ZeroRetention(&'static str),
}

impl From<figment::Error> for ConfigError {
    fn from(cause: figment::Error) -> Self {
        Self::Read(Box::new(cause))
    }
}

/// The settings as the server uses them: checked, and parsed once.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// The domain, prepared.
    pub(crate) domain: String,
    pub(crate) public: Option<Origin>,
    pub(crate) any_origin: bool,
    pub(crate) origins: Vec<Origin>,
    pub(crate) hosts: Vec<String>,
    pub(crate) proxies: Vec<Net>,
    /// Whether the lab is on: wanted, and out of everybody else's reach (SEC-70).
    pub(crate) has_lab: bool,
}

impl Config {
    /// Checks that a server can run with these settings.
    ///
    /// # Errors
    /// [`ConfigError`], in words for whoever wrote the settings.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.settings().map(|_| ())
    }

    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let domain = prepare_domain(&self.domain)?;
        let public = self
            .public_url
            .as_ref()
            .map(|url| origin("public_url", url));
        let public = public.transpose()?;
        if let Some(plain) = public.as_ref().filter(|p| !p.is_https && !p.is_local()) {
            return Err(ConfigError::PlainPublicUrl(plain.to_string()));
        }
        let named = self.allowed_origins.iter().filter(|o| *o != "*");
        let origins = named.map(|o| origin("allowed_origins", o));
        let proxies = self
            .trusted_proxies
            .iter()
            .map(|proxy| Net::parse(proxy).ok_or_else(|| ConfigError::Proxy(proxy.clone())));
        let proxies = proxies.collect::<Result<Vec<_>, _>>()?;
        let is_local = is_loopback(self.listen.ip());
        if !is_local && proxies.is_empty() {
            return Err(ConfigError::PlainListener(self.listen));
        }
        if !is_local && self.demo {
            return Err(ConfigError::PublicDemo(self.listen));
        }
        let is_own = public.as_ref().is_none_or(Origin::is_local);
        let is_out_of_reach = is_local && proxies.is_empty() && is_own;
        if self.lab && !is_out_of_reach {
            return Err(ConfigError::PublicLab);
        }
        self.limits.check()?;
        self.retention.check()?;
        let names = self.allowed_hosts.iter().map(|host| host.to_lowercase());
        let mut hosts: Vec<String> = names.collect();
        hosts.push(domain.clone());
        hosts.extend(public.as_ref().map(|origin| origin.host.clone()));
        Ok(Settings {
            config: self.clone(),
            domain,
            public,
            any_origin: self.allowed_origins.iter().any(|o| o == "*"),
            origins: origins.collect::<Result<Vec<_>, _>>()?,
            hosts,
            proxies,
            has_lab: (self.lab || self.demo) && is_out_of_reach,
        })
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.data.join("balcony.db")
    }
}

fn origin(key: &'static str, value: &str) -> Result<Origin, ConfigError> {
    let value = value.trim();
    let parsed = Origin::parse(value.strip_suffix('/').unwrap_or(value));
    parsed.ok_or_else(|| ConfigError::Origin {
        key,
        value: value.to_owned(),
    })
}

fn prepare_domain(domain: &str) -> Result<String, ConfigError> {
    let wrong = || ConfigError::Domain(domain.to_owned());
    let jid = BareJid::new(domain).map_err(|_| wrong())?;
    match jid.node() {
        None => Ok(jid.domain().as_str().to_owned()),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: WS-32 SEC-04 SEC-70
    #[test]
    fn a_server_that_others_reach_needs_a_proxy_for_tls_and_is_no_demo() {
        let config = |listen: &str, proxies: &[&str], demo| Config {
            listen: listen.parse().unwrap(),
            trusted_proxies: proxies.iter().map(|&proxy| proxy.to_owned()).collect(),
            demo,
            ..Config::default()
        };
        assert!(config("127.0.0.1:0", &[], true).check().is_ok());
        assert!(config("[::1]:0", &[], false).check().is_ok());
        assert!(config("0.0.0.0:0", &["10.0.0.1"], false).check().is_ok());
        let refused = config("0.0.0.0:0", &[], false).check();
        assert!(matches!(refused, Err(ConfigError::PlainListener(_))));
        let refused = config("[::]:0", &["10.0.0.1"], true).check();
        assert!(matches!(refused, Err(ConfigError::PublicDemo(_))));
    }

    // proves: SEC-70
    #[test]
    fn a_lab_is_out_of_everybody_elses_reach_or_the_server_does_not_start() {
        let at_home = Config {
            lab: true,
            ..Config::default()
        };
        assert!(at_home.settings().unwrap().has_lab);
        assert!(!Config::default().settings().unwrap().has_lab);
        let listening = Config {
            listen: "0.0.0.0:0".parse().unwrap(),
            trusted_proxies: vec!["10.0.0.1".into()],
            ..at_home.clone()
        };
        let proxied = Config {
            trusted_proxies: vec!["127.0.0.1".into()],
            ..at_home.clone()
        };
        let public = Config {
            public_url: Some("https://chat.example".into()),
            ..at_home
        };
        for config in [listening, proxied, public] {
            let told = config.check().unwrap_err().to_string();
            assert!(told.starts_with("lab: only where nobody else"), "{told}");
        }
        // A demo behind a proxy is one without a lab.
        let demo = Config {
            demo: true,
            trusted_proxies: vec!["127.0.0.1".into()],
            ..Config::default()
        };
        assert!(!demo.settings().unwrap().has_lab);
    }

    #[test]
    fn settings_that_mean_nothing_are_named() {
        for (config, named) in [
            (
                Config {
                    domain: "a@b".into(),
                    ..Config::default()
                },
                "domain: `a@b`",
            ),
            (
                Config {
                    public_url: Some("chat.example".into()),
                    ..Config::default()
                },
                "public_url: `chat.example`",
            ),
            (
                Config {
                    public_url: Some("http://chat.example".into()),
                    ..Config::default()
                },
                "public_url: `http://chat.example` must begin with https",
            ),
            (
                Config {
                    allowed_origins: vec!["https://a/b".into()],
                    ..Config::default()
                },
                "allowed_origins: `https://a/b`",
            ),
            (
                Config {
                    trusted_proxies: vec!["nginx".into()],
                    ..Config::default()
                },
                "trusted_proxies: `nginx`",
            ),
        ] {
            let told = config.check().unwrap_err().to_string();
            assert!(told.contains(named), "{told}");
        }
    }
}
