//! Which form of a file a client takes, and whether it has it already.

use axum::http::HeaderValue;
use sha2::{Digest as _, Sha256};

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Brotli,
    Gzip,
}

impl Packing {
    /// The smallest first.
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// As `Content-Encoding` says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The ending of packed files.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// The packings that an `Accept-Encoding` allows, best first (RFC 9110 §12.5.3).
pub(super) fn packings(accept: Option<&HeaderValue>) -> impl Iterator<Item = Packing> {
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
    let allows = |packing: &Packing| {
        let named = accept.split(',').find_map(|part| {
            let (name, q) = part.split_once(';').unwrap_or((part, ""));
            let is_named = name.trim().eq_ignore_ascii_case(packing.name());
            is_named.then(|| !is_zero(q))
        });
        named.unwrap_or(false)
    };
    let [brotli, gzip] = Packing::ALL.map(|packing| allows(&packing).then_some(packing));
    brotli.into_iter().chain(gzip)
}

fn is_zero(q: &str) -> bool {
    let q = q.trim().strip_prefix("q=").map(str::parse::<f32>);
    matches!(q, Some(Ok(0.0)))
}

/// A strong entity tag of some content; `form` tells packed forms of it apart.
pub(super) fn etag_of(content: &[u8], form: &str) -> HeaderValue {
    let digest = Sha256::digest(content);
    etag(digest.as_slice(), form)
}

/// A strong entity tag of a digest.
pub(super) fn etag(digest: &[u8], form: &str) -> HeaderValue {
    let hex = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
    let tag = format!("\"{}{form}\"", hex.collect::<String>());
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether an `If-None-Match` names this tag.
pub(super) fn is_known(if_none_match: Option<&HeaderValue>, etag: &HeaderValue) -> bool {
    let Some((known, etag)) = if_none_match
        .and_then(|known| known.to_str().ok())
        .zip(etag.to_str().ok())
    else {
        return false;
    };
    let mut tags = known.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_forms_are_sent_to_those_who_take_them() {
        for (accept, taken) in [
            (
                "gzip, deflate, br, zstd",
                vec![Packing::Brotli, Packing::Gzip],
            ),
            ("GZIP", vec![Packing::Gzip]),
            ("br;q=0, gzip;q=0.5", vec![Packing::Gzip]),
            ("br; q=0.000", vec![]),
            ("identity", vec![]),
            ("", vec![]),
        ] {
            let accept = HeaderValue::from_static(accept);
            assert_eq!(packings(Some(&accept)).collect::<Vec<_>>(), taken);
        }
        assert_eq!(packings(None).count(), 0);
    }

    #[test]
    fn a_tag_is_known_in_every_spelling() {
        let tag = etag_of(b"x", "-br");
        let text = tag.to_str().unwrap();
        for (known, is) in [
            (text.to_owned(), true),
            (format!("\"a\", W/{text}"), true),
            ("*".to_owned(), true),
            ("\"a\"".to_owned(), false),
        ] {
            let known = HeaderValue::try_from(known).unwrap();
            assert_eq!(is_known(Some(&known), &tag), is);
        }
    }
}
