use std::{iter, net::IpAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use ipnet::{IpNet, Ipv4Net};

/// The proxies whose word about their clients' addresses is taken, and which header it is in.
///
/// Anyone can send such a header, so it counts only when it comes from an address that is listed,
/// and the client is the rightmost one in it that is not: whatever is left of it, the client has
/// said itself. Only the header that is chosen is looked at, as proxies pass the other on.
///
/// ```
/// use sockeye::{ForwardedHeader, TrustedProxies};
///
/// let proxies = TrustedProxies::parse(["10.0.0.0/8", "::1"])?;
/// let proxies = proxies.header(ForwardedHeader::Forwarded);
/// # Ok::<(), sockeye::InvalidProxy>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
}

/// The header in which proxies say for whom they ask.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, the nearest last.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239), of which `for` is looked at.
    Forwarded,
}

impl ForwardedHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        }
    }

    /// Splits a list, the last element first, where quotes don't forbid it.
    ///
    /// The end is a proxy's and well made, the beginning is the client's: a quote that it has opened
    /// must not reach behind it.
    fn split(self, list: &str, separator: u8) -> impl Iterator<Item = &str> {
        let mut rest = Some(list);
        iter::from_fn(move || {
            let list = rest?;
            let (before, last) = match self.last_separator(list.as_bytes(), separator) {
                Some(at) => (Some(&list[..at]), &list[at + 1..]),
                None => (None, list),
            };
            rest = before;
            Some(last)
        })
    }

    fn last_separator(self, list: &[u8], separator: u8) -> Option<usize> {
        let mut quoted = false;
        list.iter().enumerate().rposition(|(at, byte)| {
            if *byte == b'"' && self == Self::Forwarded {
                let before = list[..at].iter().rev();
                let is_escaped = before.take_while(|byte| **byte == b'\\').count() % 2 == 1;
                quoted ^= !is_escaped;
            }
            *byte == separator && !quoted
        })
    }

    /// Reads whom an element is about.
    fn address(self, hop: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => address(hop),
            Self::Forwarded => {
                let mut named = self.split(hop, b';').filter_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    name.trim().eq_ignore_ascii_case("for").then_some(value)
                });
                match (named.next(), named.next()) {
                    (Some(value), None) => address(value.trim().trim_matches('"')),
                    // RFC 7239 §4: a parameter is there once at most.
                    _ => None,
                }
            }
        }
    }
}

/// A text that is neither an address nor a network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
pub struct InvalidProxy(String);

impl TrustedProxies {
    /// Trusts these addresses and networks, such as `10.0.0.0/8` and `::1`.
    ///
    /// # Errors
    ///
    /// Names the first that is neither.
    pub fn parse<T: AsRef<str>>(
        networks: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidProxy> {
        let parse = |text: T| {
            let text = text.as_ref();
            let network = text
                .parse()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let network = network.map_err(|_| InvalidProxy(text.to_owned()))?;
            Ok(canonical(network))
        };
        let networks: Result<_, _> = networks.into_iter().map(parse).collect();
        Ok(Self {
            networks: networks?,
            header: ForwardedHeader::default(),
        })
    }

    /// Sets the header; `X-Forwarded-For` by default. The proxies must set it or add to it, and
    /// never pass a client's on as it is.
    pub fn header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// Returns whether this is a proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let networks = self.networks.iter();
        networks
            .into_iter()
            .any(|network| network.contains(&address))
    }

    /// Returns the address of the client that a request comes from.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.contains(client) {
            return client;
        }
        let lines: Vec<_> = headers.get_all(self.header.name()).collect();
        for line in lines.into_iter().rev() {
            // What the client has said may be no text; what a proxy has added is.
            let line = String::from_utf8_lossy(line.as_bytes());
            for hop in self.header.split(&line, b',') {
                // What can't be read may be anyone's: the proxy that says so is the last known.
                let Some(address) = self.header.address(hop) else {
                    return client;
                };
                client = address;
                if !self.contains(client) {
                    return client;
                }
            }
        }
        client
    }

    /// Returns whether a request seems to come through a proxy that is not listed.
    pub(crate) fn misses(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        !self.contains(peer)
            && (headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED))
    }
}

/// Returns IPv4 networks as such, where they are written as IPv6 ones: so are addresses compared.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let prefix = mapped.prefix_len().checked_sub(96);
    match address.zip(prefix) {
        Some((address, prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        None => network,
    }
}

/// Reads an address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address: IpAddr = if let Some(rest) = text.strip_prefix('[') {
        rest.split_once(']')?.0.parse().ok()?
    } else {
        text.parse().ok().or_else(|| {
            // Only an IPv4 address can have a port without brackets.
            let (address, _) = text.split_once(':')?;
            address.parse().ok()
        })?
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(proxies: &TrustedProxies, peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(proxies.header.name(), HeaderValue::from_static(line));
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::parse(["10.0.0.0/8", "::1", "2001:db8::/32"]).unwrap()
    }

    #[test]
    fn the_client_is_the_rightmost_that_is_no_proxy() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            (&["6.6.6.6,192.0.2.1 , 10.0.0.9"], "192.0.2.1"),
            (&["6.6.6.6", "192.0.2.1", "10.0.0.9, 10.0.0.8"], "192.0.2.1"),
            (&["192.0.2.1:4711, 10.0.0.9:80"], "192.0.2.1"),
            (&["[2001:ff::1]:4711"], "2001:ff::1"),
            (&["2001:ff::1, [2001:db8::1]"], "2001:ff::1"),
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            // Proxies all the way: the first of them asked.
            (&["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
            // What can't be read is not skipped.
            (&["192.0.2.1, nonsense"], "10.0.0.1"),
            (&["192.0.2.1, nonsense, 10.0.0.9"], "10.0.0.9"),
            (&["192.0.2.1,"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client(&proxies(), "10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_its_specification_says() {
        let proxies = proxies().header(ForwardedHeader::Forwarded);
        for (lines, expected) in [
            (&["for=192.0.2.1"][..], "192.0.2.1"),
            (&["for=6.6.6.6, FOR=192.0.2.1;proto=https"], "192.0.2.1"),
            (&["proto=http; for=\"[2001:ff::1]:4711\""], "2001:ff::1"),
            (
                &["for=6.6.6.6", "for=192.0.2.1;host=\"a,b\", for=10.1.1.1"],
                "192.0.2.1",
            ),
            (&["for=192.0.2.1, for=unknown"], "10.0.0.1"),
            (&["for=192.0.2.1, by=10.0.0.7"], "10.0.0.1"),
            (&["192.0.2.1"], "10.0.0.1"),
        ] {
            assert_eq!(client(&proxies, "10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_a_client_begins_does_not_reach_into_what_a_proxy_adds() {
        let forwarded = proxies().header(ForwardedHeader::Forwarded);
        for line in [
            "for=6.6.6.6;x=\", for=192.0.2.1",
            "for=6.6.6.6;x=\"\\\", for=192.0.2.1",
            "for=\"6.6.6.6, for=\"192.0.2.1:4711\", for=10.0.0.9",
            "\", by=\"a;for=6.6.6.6\";for=192.0.2.1",
            "by=\"a\\\";for=6.6.6.6\";for=192.0.2.1",
        ] {
            assert_eq!(
                client(&forwarded, "10.0.0.1", &[line]),
                "192.0.2.1",
                "{line}"
            );
        }
        for line in ["for=unknown;for=6.6.6.6", "for=6.6.6.6;for=7.7.7.7"] {
            assert_eq!(
                client(&forwarded, "10.0.0.1", &[line]),
                "10.0.0.1",
                "{line}"
            );
        }
        for line in ["\", 192.0.2.1", "6.6.6.6\", 192.0.2.1, 10.0.0.9"] {
            assert_eq!(
                client(&proxies(), "10.0.0.1", &[line]),
                "192.0.2.1",
                "{line}"
            );
        }
    }

    #[test]
    fn a_client_that_sends_no_text_is_known_all_the_same() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"\xff, 192.0.2.1").unwrap();
        headers.append(X_FORWARDED_FOR, line);

        let client = proxies().client("10.0.0.1".parse().unwrap(), &headers);

        assert_eq!(client.to_string(), "192.0.2.1");
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(client(&proxies(), "192.0.2.9", &["6.6.6.6"]), "192.0.2.9");
        let nobody = TrustedProxies::default();
        assert_eq!(client(&nobody, "127.0.0.1", &["6.6.6.6"]), "127.0.0.1");
    }

    #[test]
    fn the_other_header_is_not_looked_at() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED, HeaderValue::from_static("for=6.6.6.6"));

        let client = proxies().client("::1".parse().unwrap(), &headers);

        assert_eq!(client.to_string(), "::1");
    }

    #[test]
    fn a_proxy_that_is_not_listed_is_noticed() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.1"));
        let misses = |peer: &str, headers| proxies().misses(peer.parse().unwrap(), headers);

        assert!(misses("172.16.0.1", &headers));
        assert!(!misses("10.0.0.1", &headers));
        assert!(!misses("172.16.0.1", &HeaderMap::new()));
    }

    #[test]
    fn networks_of_ipv4_count_however_they_are_written() {
        for text in ["::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "::ffff:0:0/96"] {
            let proxies = TrustedProxies::parse([text]).unwrap();
            assert!(proxies.contains("10.0.0.1".parse().unwrap()), "{text}");
            assert!(
                proxies.contains("::ffff:10.0.0.1".parse().unwrap()),
                "{text}"
            );
        }
        let one = TrustedProxies::parse(["::ffff:10.0.0.0/104"]).unwrap();
        assert!(!one.contains("11.0.0.1".parse().unwrap()));
        assert!(!one.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["", "10.0.0.0/33", "localhost", "10.0.0"] {
            let error = TrustedProxies::parse(["::1", text]).unwrap_err();
            assert_eq!(error, InvalidProxy(text.to_owned()));
        }
    }
}
