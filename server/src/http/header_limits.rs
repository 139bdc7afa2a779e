use actix_web::{HttpRequest, HttpResponse, http::StatusCode};

use super::HttpConfig;

/// Returns the answer to a request whose head is larger than it may be.
///
/// The HTTP server has its own limits, far above these, which bound what it reads: this bounds what
/// the engine works through, and what hooks get to see.
pub(super) fn refuse(config: &HttpConfig, request: &HttpRequest) -> Option<HttpResponse> {
    let target = request.uri().path_and_query();
    let status = if target.is_some_and(|target| target.as_str().len() > config.max_target) {
        StatusCode::URI_TOO_LONG
    } else if request.headers().len() > config.max_headers
        || header_bytes(request) > config.max_header_bytes
    {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    } else {
        return None;
    };
    Some(HttpResponse::build(status).force_close().finish())
}

/// Counts as they were sent: names and values, and the four bytes around each.
fn header_bytes(request: &HttpRequest) -> usize {
    let headers = request.headers().iter();
    headers
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}
