//! What reads the bytes of strangers and is no part of the interface, for the fuzz targets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderMap, HeaderValue, ORIGIN},
};

use crate::{AllowedOrigins, Cors, OriginPattern, TrustedProxies, front, http};
pub use sockeye_router::fuzzing::wish_to_return;

#[cfg(feature = "standalone")]
use crate::{
    RawArgs,
    standalone::{Audience, Emit},
};

/// Whose address a request comes from.
#[must_use]
pub fn client_address(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    proxies.client(peer, headers)
}

/// Reads a header of the PROXY protocol from a stream that has `ahead` bytes at a time; returns
/// the client it tells of, and how many bytes it has read.
///
/// # Errors
///
/// When there is none.
pub fn proxy_header(bytes: &[u8], ahead: usize) -> io::Result<(Option<SocketAddr>, usize)> {
    front::read_header_of(bytes, ahead)
}

/// Answers a request for a WebSocket, if it is one and nothing is wrong with it.
#[must_use]
pub fn open_websocket(request: &HttpRequest) -> Option<HttpResponse> {
    let asks = http::asks_for_websocket(request.headers());
    let response = asks.then(|| http::shake_hands(request).ok())?;
    response.map(|mut response| response.finish())
}

/// Whether a request from this origin may connect, and the headers for its page.
#[must_use]
pub fn cross_origin(allowed: &[OriginPattern], origin: &HeaderValue) -> (bool, HeaderMap) {
    let mut request = HeaderMap::new();
    request.insert(ORIGIN, origin.clone());
    let mut response = HeaderMap::new();
    let cors = Cors::new(AllowedOrigins::List(allowed.to_vec()));
    cors.decorate(&request, &mut response);
    (http::is_of(allowed, &request), response)
}

/// A call of the API.
#[cfg(feature = "standalone")]
#[derive(Debug)]
pub struct Call {
    /// Where it emits.
    pub namespace: String,
    /// To which rooms.
    pub rooms: Vec<String>,
    /// To which rooms not.
    pub except: Vec<String>,
    /// What it emits.
    pub event: String,
    /// With which arguments.
    pub args: RawArgs,
    /// Whether to those, too, who have not authenticated.
    pub is_for_everyone: bool,
}

/// Reads the body of a call, or says why it can't be done.
///
/// # Errors
///
/// When it is none.
#[cfg(feature = "standalone")]
pub fn api_call(body: &[u8], max_rooms: usize) -> Result<Call, String> {
    let emit = Emit::parse(body, max_rooms).map_err(|refused| format!("{refused:?}"))?;
    Ok(Call {
        namespace: emit.namespace,
        rooms: emit.rooms,
        except: emit.except,
        event: emit.event,
        args: emit.args,
        is_for_everyone: emit.audience == Audience::Everyone,
    })
}
