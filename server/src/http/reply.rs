//! What is answered: statuses, bodies and headers as the reference server's, byte for byte.

use actix_web::{
    HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    },
};
use bytes::Bytes;

use super::{ConnectionError, compression::Encoding};

/// The payload of a poll, in this encoding.
pub(super) fn payload(body: Bytes, encoding: Option<Encoding>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=UTF-8"),
        ))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if let Some(encoding) = encoding {
        let name = HeaderValue::from_static(encoding.name());
        response.insert_header((CONTENT_ENCODING, name));
    }
    response.body(body)
}

/// The answer to a POST whose packets were taken.
pub(super) fn ok() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/html")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .body(Bytes::from_static(b"ok"))
}

/// A refusal with its code, over HTTP.
pub(super) fn error(error: &ConnectionError) -> HttpResponse {
    let status = StatusCode::from_u16(error.code().status());
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::BAD_REQUEST));
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if let ConnectionError::Limit(_) = error {
        // Who is refused for want of room keeps none of it.
        response.force_close();
    }
    response.body(error.code().json_with_message(error.message()))
}

/// A refusal of a WebSocket before its handshake: 400 and plain text, but for limits, which are the
/// same over both transports.
pub(super) fn web_socket_error(refused: &ConnectionError) -> HttpResponse {
    if let ConnectionError::Limit(_) = refused {
        return error(refused);
    }
    HttpResponse::BadRequest()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/html")))
        .force_close()
        .body(refused.message().to_owned())
}

/// A request that broke a rule of polling: no body, as its session is gone.
pub(super) fn bad_request() -> HttpResponse {
    HttpResponse::BadRequest().finish()
}

/// A body over the limit. The session stays, the HTTP connection doesn't: the rest of the body
/// is not worth reading.
///
/// The unread `payload` goes along with the answer: if it were dropped before, actix would read on
/// for as long as chunks come.
pub(super) fn payload_too_large(payload: Payload) -> HttpResponse {
    let mut response = HttpResponse::PayloadTooLarge().force_close().finish();
    response.extensions_mut().insert(payload);
    response
}

/// A body in an encoding, which would have to be inflated to know its size.
pub(super) fn unsupported_encoding() -> HttpResponse {
    HttpResponse::UnsupportedMediaType().force_close().finish()
}

/// A body that didn't arrive in time.
pub(super) fn timeout() -> HttpResponse {
    HttpResponse::RequestTimeout().force_close().finish()
}

/// A method that no session answers to.
pub(super) fn method_not_allowed() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, HeaderValue::from_static("GET, POST")))
        .finish()
}

/// A new session while the server is shutting down.
pub(super) fn shutting_down() -> HttpResponse {
    HttpResponse::ServiceUnavailable().finish()
}
