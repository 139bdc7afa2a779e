//! The gate, asked on behalf of an HTTP request.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::HttpRequest;

use super::{ConnectionError, HttpConfig};
use crate::{Limit, admission::Permit, engine::Engine};

/// Lets a request open a session, or says which limit doesn't.
pub(super) fn admit(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
) -> Result<Option<Box<Permit>>, ConnectionError> {
    let address = client_address(config, request);
    engine.0.gate.admit(address).map_err(|limit| {
        engine.0.limits.count(limit);
        if is_of_address(limit) {
            warn_of_proxy(config, request);
        }
        tracing::debug!(?address, %limit, "handshake refused");
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
    if config.proxies.misses(peer.ip(), request.headers()) && is_time_to_warn() {
        tracing::warn!(
            peer = %peer.ip(),
            "a client was refused as one of too many of its address, and seems to come through a \
             proxy: if it is yours, list it among the trusted proxies"
        );
    }
}

/// Whether nothing has been said for a minute.
fn is_time_to_warn() -> bool {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let last = LAST.load(Ordering::Relaxed);
    now >= last.saturating_add(60)
        && LAST
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}
