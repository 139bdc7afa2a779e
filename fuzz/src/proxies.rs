use std::{net::IpAddr, sync::LazyLock};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderValue, X_FORWARDED_FOR};
use sockeye::{ForwardedHeader, TrustedProxies, fuzzing::client_address};

use crate::{
    memory::{FACTOR, bounded},
    script::Script,
};

/// Checks that a client's address is what the proxies say and never what it says itself.
///
/// The first byte says how the proxies write; the others are what the client sends, line by line.
pub fn proxies(data: &[u8]) {
    let mut script = Script::new(data);
    let how = script.byte().unwrap_or_default();
    let sent: Vec<_> = script.rest().split(|byte| *byte == b'\n').collect();
    let (proxies, header) = match how & 1 {
        0 => (&*X_FORWARDED, X_FORWARDED_FOR),
        _ => (&*STANDARD, FORWARDED),
    };
    let headers = |lines: &[Vec<u8>]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            if let Ok(line) = HeaderValue::from_bytes(line) {
                headers.append(header.clone(), line);
            }
        }
        headers
    };
    let ask = |peer: IpAddr, headers: &HeaderMap| {
        bounded(data.len(), FACTOR, || {
            client_address(proxies, peer, headers)
        })
    };
    let mut lines: Vec<_> = sent
        .iter()
        .map(|line| line.to_vec())
        .filter(|line| HeaderValue::from_bytes(line).is_ok())
        .collect();
    let said = headers(&lines);

    // Of a stranger nothing is believed.
    assert_eq!(ask(STRANGER, &said), STRANGER);
    // Nor is it of a client of nobody's proxy, however it is read.
    let unknown = ask(PROXY, &said);
    assert_eq!(unknown, unknown.to_canonical());

    // A proxy adds the client's address, and the next one the first one's.
    let client = CLIENTS[usize::from(how >> 1) % CLIENTS.len()];
    let hops = 1 + usize::from(how >> 5) % 3;
    let is_own_line = how & 16 != 0;
    for hop in 0..hops {
        let address = if hop == 0 { client } else { INNER };
        let element = match how & 1 {
            0 => address.to_owned(),
            _ if address.contains(':') => {
                format!("by=\"a;for=6.6.6.6\";For=\"{address}\";proto=http")
            }
            _ => format!("for={address};host=\"a\\\",for=6.6.6.6\""),
        };
        match lines.last_mut() {
            Some(line) if !is_own_line => {
                line.extend_from_slice(b", ");
                line.extend_from_slice(element.as_bytes());
            }
            _ => lines.push(element.into_bytes()),
        }
    }
    let expected: IpAddr = client
        .trim_start_matches('[')
        .split("]:")
        .next()
        .and_then(|address| address.trim_end_matches(']').parse().ok())
        .expect("an address");
    assert_eq!(ask(PROXY, &headers(&lines)), expected, "{lines:?}");
}

static X_FORWARDED: LazyLock<TrustedProxies> =
    LazyLock::new(|| TrustedProxies::parse(["10.0.0.0/8", "fd00::/8"]).expect("networks"));
static STANDARD: LazyLock<TrustedProxies> =
    LazyLock::new(|| X_FORWARDED.clone().header(ForwardedHeader::Forwarded));
const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
const INNER: &str = "10.0.0.2";
const CLIENTS: [&str; 3] = ["192.0.2.1", "[2001:db8::1]", "[2001:db8::1]:4711"];
