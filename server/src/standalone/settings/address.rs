//! Addresses to listen on.

use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SocketAddr, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(|_| {
        D::Error::custom(
            "expected an IP address and a port, such as \"127.0.0.1:3000\" or \"[::]:3000\"",
        )
    })
}
