use std::{net::Ipv6Addr, str::FromStr};

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
                    && label.is_some_and(|label| label.split('.').all(|label| !label.is_empty()))
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
    /// Parses an origin; one with a path, a user or a wildcard is none, nor is one with anything
    /// behind its host that is no port.
    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ORIGIN {
            return None;
        }
        let (scheme, authority) = text.split_once("://")?;
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_letter)
        {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (format!("[{address}]"), port)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                let (host, port) = authority.split_at(end);
                if host.is_empty() || !host.bytes().all(is_of_host) {
                    return None;
                }
                (host.to_ascii_lowercase(), port)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            None if port.is_empty() => match scheme.as_str() {
                "http" => Some(80),
                "https" => Some(443),
                _ => None,
            },
            _ => return None,
        };
        Some(Self { scheme, host, port })
    }
}

/// Whether browsers let the host of a URL have this byte; and it is no wildcard.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"#%*/:<>?@[\\]^|".contains(&byte)
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
            "https://app.example.com:",
            "https://app.example.com:+443",
            "https://app.example.com:evil",
            "https://app.example.com:65979",
            "https://app.example.com\\evil",
            "null",
            "",
        ] {
            assert!(!matches(pattern, origin), "{origin}");
        }
    }

    #[test]
    fn an_address_is_all_of_the_host() {
        let pattern = "http://[::1]:3000";

        assert!(matches(pattern, "http://[::1]:3000"));
        assert!(matches(pattern, "http://[0:0:0:0:0:0:0:1]:3000"));
        for origin in [
            "http://[::1].evil.test:3000",
            "http://[::1]",
            "http://[::1",
            "http://::1:3000",
        ] {
            assert!(!matches(pattern, origin), "{origin}");
        }
        assert!(!matches("http://[::1]", "http://[::1].evil.test"));
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
            "https://..example.com",
            "https://a..example.com",
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
