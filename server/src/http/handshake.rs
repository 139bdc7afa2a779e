use std::time::SystemTime;

use actix_web::HttpRequest;
use sockeye_protocol::engine::Query;
use sockeye_router::Handshake;

use super::{HttpConfig, admit::client_address};

/// Copies what the handshake needs: the request's own headers are slices of its read buffer, which
/// they would keep for as long as the session lives.
pub(super) fn handshake(config: &HttpConfig, request: &HttpRequest, query: &Query) -> Handshake {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let mut handshake = Handshake::new(SystemTime::now())
        .with_headers(headers)
        .with_query(query.pairs())
        .with_url(request.uri().to_string())
        .with_secure(request.app_config().secure());
    if let Some(address) = client_address(config, request) {
        handshake = handshake.with_address(address.to_string());
    }
    let handshake = config.hooks.complete(request, handshake);
    match &config.kept_headers {
        Some(names) => handshake.with_only_headers(names),
        None => handshake,
    }
}
