//! Where a server listens that is started more than once.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process,
};

use sockeye_guard::{
    kit::{Checked, Failure},
    settings::Settings,
};

/// Finds a free port that the system gives to no client while the server is away.
///
/// Among those which it may give, a client that tries to come back could even get the very port that
/// it connects to, and be connected with itself.
///
/// # Errors
///
/// When there is none.
pub fn free() -> Checked<SocketAddr> {
    let start = FIRST + u16::try_from(process::id() % 1000).unwrap_or(0) * 10;
    let ports = (start..LAST).chain(FIRST..start);
    ports
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| Failure::new("no free port"))
}

/// Adds where to listen to settings.
#[must_use]
pub fn at(address: SocketAddr, settings: Settings) -> Settings {
    settings.set("listen", format!("\"{address}\""))
}

/// Linux gives clients ports from 32,768 on.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
