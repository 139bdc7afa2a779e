use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue, VARY,
};
use sockeye::{OriginPattern, fuzzing};

use crate::memory::{FACTOR, bounded};

/// Checks that an origin matches a pattern only when scheme, host and port are the pattern's.
///
/// The bytes are a pattern and, after a line's end, an origin.
pub fn origins(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (pattern, origin) = data.split_at(end.unwrap_or(data.len()));
    let origin = origin.get(1..).unwrap_or_default();
    let (Ok(text), Ok(origin)) = (str::from_utf8(pattern), HeaderValue::from_bytes(origin)) else {
        return;
    };
    let Ok(pattern) = bounded(data.len(), FACTOR, || text.parse::<OriginPattern>()) else {
        return;
    };

    let allowed = [pattern.clone()];
    let (may_connect, headers) = bounded(data.len(), FACTOR, || {
        fuzzing::cross_origin(&allowed, &origin)
    });

    let told = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN);
    assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    if pattern.is_any() {
        assert_eq!(told.map(HeaderValue::as_bytes), Some(&b"*"[..]));
        return;
    }
    assert_eq!(headers.get(VARY), Some(&HeaderValue::from_static("Origin")));
    assert_eq!(told, may_connect.then_some(&origin));
    assert!(
        may_connect || text != origin || is_loose(text),
        "{text} is not itself"
    );
    let origin = origin.to_str().unwrap_or_default();
    assert_eq!(may_connect, pattern.matches(origin) && !origin.is_empty());
    if may_connect {
        assert!(is_of(text, origin), "{origin} is not of {text}");
    }
}

/// Whether the two are the same but for case, default ports and the ways to write an address; or the
/// pattern is for subdomains, and the origin is one.
fn is_of(pattern: &str, origin: &str) -> bool {
    if pattern == "null" || origin == "null" {
        return pattern == origin;
    }
    let ([scheme, host, port], theirs) = (parts(pattern), parts(origin));
    let host_is_of = match host.strip_prefix("*.") {
        None => host == theirs[1],
        Some(parent) => {
            let labels: Vec<_> = theirs[1].split('.').collect();
            let parents: Vec<_> = parent.split('.').collect();
            let begins = labels.len().saturating_sub(parents.len());
            // An empty label is the pattern's own mistake, if it has one.
            let may_be = |label: &&str| !label.is_empty() || parents.contains(&"");
            begins > 0 && labels[begins..] == parents && labels.iter().all(may_be)
        }
    };
    host_is_of && scheme == theirs[0] && port == theirs[2]
}

/// Scheme, host and port, all in small letters.
fn parts(origin: &str) -> [String; 3] {
    let origin = origin.to_ascii_lowercase();
    let (scheme, authority) = origin.split_once("://").expect("a scheme");
    let digits = authority.trim_end_matches(|c: char| c.is_ascii_digit());
    let (host, port) = match digits.strip_suffix(':') {
        // In brackets, a colon is the address's.
        Some(host) if !host.starts_with('[') || host.ends_with(']') => {
            (host, authority[digits.len()..].trim_start_matches('0'))
        }
        _ => match scheme {
            "http" => (authority, "80"),
            "https" => (authority, "443"),
            _ => (authority, "none"),
        },
    };
    let address = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host = match address {
        Some(address) => {
            let address: std::net::Ipv6Addr = address.parse().expect("an address in brackets");
            address.to_string()
        }
        None => host.to_owned(),
    };
    [scheme.to_owned(), host, port.to_owned()]
}

/// Whether a pattern is for others than itself.
fn is_loose(pattern: &str) -> bool {
    pattern.contains('*')
}
