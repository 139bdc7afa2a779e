use serde::Deserialize;

use super::problems::Problems;

/// The table `[origins]`: the pages that may connect at all.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OriginSettings {
    /// The origins whose pages may connect; any by default, as the tokens protect.
    ///
    /// Each is `*`, an exact scheme, host and port, or `https://*.example.com` for every name
    /// below a domain. Requests without an `Origin` header, which are not a browser's, always may;
    /// an empty list admits these alone.
    pub allow: Vec<String>,
}

impl OriginSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        for origin in self.allow.iter().filter(|origin| *origin != "*") {
            problems.require(
                is_origin(origin),
                "origins.allow",
                format!(
                    "{origin:?} is not an origin such as \"https://app.example.com\", \
                     \"https://*.example.com\" or \"*\""
                ),
            );
        }
    }
}

impl Default for OriginSettings {
    fn default() -> Self {
        Self {
            allow: vec!["*".to_owned()],
        }
    }
}

/// Reports whether `text` is scheme, host and perhaps port as a browser sends them, where a `*.`
/// may begin the host.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let scheme_ok = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of `[::1]` is the address's own.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port_ok = port.is_none_or(|port| {
        port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    scheme_ok && port_ok && is_host(host.strip_prefix("*.").unwrap_or(host))
}

fn is_host(text: &str) -> bool {
    if let Some(address) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
            })
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for origin in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://[::1]",
            "https://*.example.com",
            "https://*.example.com:8443",
            "capacitor://localhost",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
    }

    #[test]
    fn anything_else_is_not_an_origin() {
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://app.example.com/page",
            "https://App.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com:",
            "https://app.example.com:+80",
            "https://app.example.com:99999",
            "https://user@app.example.com",
            "https://app.*.com",
            "https://*",
            "https://a..b",
            "https://a b",
            "http://[::1",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
