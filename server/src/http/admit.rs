//! The gate, asked on behalf of an HTTP request.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::LazyLock,
    time::Duration,
};

use actix_web::HttpRequest;

use super::{ConnectionError, HttpConfig};
use crate::{Limit, admission::Permit, engine::Engine, seldom::Seldom};

/// Lets a request open a session, or says which limit doesn't.
pub(super) fn admit(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
) -> Result<Option<Box<Permit>>, ConnectionError> {
    let address = client_address(config, request).unwrap_or(NOBODYS);
    engine.0.gate.admit(Some(address)).map_err(|limit| {
        engine.0.limits.count(limit);
        if is_of_address(limit) {
            warn_of_proxy(config, request);
        }
        tracing::debug!(%address, %limit, "handshake refused");
        ConnectionError::Limit(limit)
    })
}

/// Returns the address of the client that a request comes from, as far as it can be trusted.
pub(super) fn client_address(config: &HttpConfig, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    Some(config.proxies.client(peer, request.headers()))
}

/// Whether the client's own address has reached it, and not all clients together.
pub(super) fn is_of_address(limit: Limit) -> bool {
    matches!(
        limit,
        Limit::SessionsPerAddress | Limit::UnauthenticatedPerAddress | Limit::HandshakeRate
    )
}

/// Says what is most likely wrong when all clients seem to have one address.
fn warn_of_proxy(config: &HttpConfig, request: &HttpRequest) {
    let Some(peer) = request.peer_addr() else {
        return;
    };
    if config.proxies.misses(peer.ip(), request.headers()) && WARNED.is_due().is_some() {
        tracing::warn!(
            peer = %peer.ip(),
            "a client was refused as one of too many of its address, and seems to come through a \
             proxy: if it is yours, list it among the trusted proxies"
        );
    }
}

/// Stands for the address of those who have none, so that they count as one: a client that resets its
/// connection before anybody has asked for its address would not be counted at all otherwise.
const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

static WARNED: LazyLock<Seldom> = LazyLock::new(|| Seldom::every(Duration::from_secs(60)));
