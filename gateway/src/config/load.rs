//! Gathers the settings from all the places where they may be written.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::UncasedStr;
use figment::{Figment, Provider as _};
use serde::Serialize;
use tracing::warn;

use super::{Config, ConfigError};

/// What the command line says; goes before everything else.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) demo: Option<bool>,
}

/// Reads defaults, file, variables and flags, each going before the former.
pub(crate) fn load(file: Option<&Path>, flags: &Flags) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = file {
        if !file.is_file() {
            return Err(ConfigError::NoFile(file.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    // BALCONY_CONFIG names the file, BALCONY_LIMITS__PING_MS is limits.ping_ms.
    let variables = Env::prefixed("BALCONY_").filter(is_setting).split("__");
    let config: Config = figment
        .merge(variables)
        .merge(Serialized::defaults(flags))
        .extract()?;
    config.check()?;
    Ok(config)
}

/// Variables may be there for other programs, so an unknown one is no error.
fn is_setting(name: &UncasedStr) -> bool {
    let first = name.as_str().split("__").next().unwrap_or_default();
    let known = Serialized::defaults(Config::default()).data();
    let known = known.is_ok_and(|all| {
        let mut names = all.values().flat_map(|settings| settings.keys());
        names.any(|key| key.eq_ignore_ascii_case(first))
    });
    if !known && !name.as_str().eq_ignore_ascii_case("config") {
        warn!(
            "the variable BALCONY_{} is no setting",
            name.as_str().to_uppercase()
        );
    }
    known
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn in_file(text: &str, flags: &Flags) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("balcony.toml");
        fs::write(&file, text).unwrap();
        load(Some(&file), flags)
    }

    #[test]
    fn flags_go_before_the_file_and_the_file_before_defaults() {
        let flags = Flags {
            domain: Some("verona.example".into()),
            ..Flags::default()
        };
        let text = "domain = 'mantua.example'\nallowed_origins = 'https://a.example, https://b.example'\n\
                    [limits]\nping_ms = 5";
        let config = in_file(text, &flags).unwrap();
        assert_eq!(config.domain, "verona.example");
        assert_eq!(
            config.allowed_origins,
            ["https://a.example", "https://b.example"]
        );
        assert_eq!(config.limits.ping_ms, 5);
        assert_eq!(config.limits.idle_ms, 60_000);
        assert_eq!(config.listen.port(), 5280);
    }

    #[test]
    fn misspelt_and_missing_settings_are_told() {
        let told = in_file("domian = 'x'", &Flags::default()).unwrap_err();
        assert!(told.to_string().contains("domian"), "{told}");
        let told = load(Some(Path::new("no-such.toml")), &Flags::default()).unwrap_err();
        assert!(told.to_string().contains("no-such.toml"), "{told}");
    }
}
