use std::str::FromStr;

use actix_web::http::Uri;

/// Which origins may connect: `*`, an origin such as `https://app.example.com`, or every
/// subdomain, as in `https://*.example.com`.
///
/// Scheme, host and port are compared exactly after parsing, so no prefix or suffix slips by.
/// `https://*.example.com` doesn't include `https://example.com`. The origin `null` matches only
/// `*` and `null`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginPattern(Pattern);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Pattern {
    Any,
    Null,
    Exact(Origin),
    Subdomains(Origin),
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl OriginPattern {
    /// Returns whether an `Origin` header's value matches.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        match &self.0 {
            Pattern::Any => true,
            Pattern::Null => origin == "null",
            Pattern::Exact(expected) => Origin::parse(origin).as_ref() == Some(expected),
            Pattern::Subdomains(parent) => Origin::parse(origin).is_some_and(|origin| {
                let label = origin.host.strip_suffix(&parent.host);
                let label = label.and_then(|label| label.strip_suffix('.'));
                origin.scheme == parent.scheme
                    && origin.port == parent.port
                    && label.is_some_and(|label| !label.is_empty())
            }),
        }
    }

    /// Returns whether every origin matches.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == Pattern::Any
    }
}

impl FromStr for OriginPattern {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let pattern = match text {
            "*" => Pattern::Any,
            "null" => Pattern::Null,
            _ => match text.split_once("://*.") {
                Some((scheme, rest)) => {
                    let parent = Origin::parse(&format!("{scheme}://{rest}"));
                    Pattern::Subdomains(parent.ok_or_else(invalid)?)
                }
                None => Pattern::Exact(Origin::parse(text).ok_or_else(invalid)?),
            },
        };
        Ok(Self(pattern))
    }
}

impl Origin {
    /// Parses an origin; one with a path, a user or a wildcard is none.
    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ORIGIN || text.contains(['*', '@']) {
            return None;
        }
        let (scheme, authority) = text.split_once("://")?;
        if authority.is_empty() || authority.contains(['/', '?', '#']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Self {
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().or(default_port),
            scheme,
        })
    }
}

/// A text is not an origin.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not an origin, such as https://app.example.com, https://*.example.com or *")]
pub struct InvalidOrigin(String);

/// Longer values are no origins.
const MAX_ORIGIN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        pattern.parse::<OriginPattern>().unwrap().matches(origin)
    }

    #[test]
    fn origins_are_compared_whole() {
        let pattern = "https://app.example.com";

        assert!(matches(pattern, "https://app.example.com"));
        assert!(matches(pattern, "https://app.example.com:443"));
        assert!(matches(pattern, "HTTPS://APP.EXAMPLE.COM"));
        for origin in [
            "https://app.example.com.evil.test",
            "https://evil-app.example.com",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.",
            "https://app.example.com/",
            "https://user@app.example.com",
            "null",
            "",
        ] {
            assert!(!matches(pattern, origin), "{origin}");
        }
    }

    #[test]
    fn wildcard_is_a_whole_label_or_more() {
        let pattern = "https://*.example.com";

        assert!(matches(pattern, "https://a.example.com"));
        assert!(matches(pattern, "https://a.b.example.com"));
        for origin in [
            "https://example.com",
            "https://evilexample.com",
            "null",
            "https://.example.com",
        ] {
            assert!(!matches(pattern, origin), "{origin}");
        }
    }

    #[test]
    fn other_patterns_are_refused() {
        for pattern in [
            "",
            "example.com",
            "https://",
            "https://a.test/path",
            "https://a*.test",
        ] {
            assert!(pattern.parse::<OriginPattern>().is_err(), "{pattern}");
        }
        assert!(matches("*", "anything"));
        assert!(matches("null", "null"));
    }
}
