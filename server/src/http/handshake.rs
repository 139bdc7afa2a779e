use std::time::SystemTime;

use actix_web::HttpRequest;
use sockeye_protocol::engine::Query;
use sockeye_router::Handshake;

use super::HttpConfig;

/// Copies what the handshake needs: the request's own headers are slices of its read buffer, which
/// they would keep for as long as the session lives.
pub(super) fn handshake(config: &HttpConfig, request: &HttpRequest, query: &Query) -> Handshake {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let pairs = query
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut handshake = Handshake::new(SystemTime::now())
        .with_headers(headers)
        .with_query(pairs)
        .with_url(request.uri().to_string())
        .with_secure(request.app_config().secure());
    if let Some(address) = request.peer_addr() {
        handshake = handshake.with_address(address.ip().to_string());
    }
    config.hooks.complete(request, handshake)
}
