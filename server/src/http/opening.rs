//! The opening handshake of a WebSocket (RFC 6455 §4.2).

use actix_web::{
    HttpRequest, HttpResponseBuilder,
    http::header::{
        HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    },
};
use actix_web_actors::ws;

use super::ConnectionError;

/// Begins the answer that accepts, where there is nothing wrong with the request.
///
/// As the reference server: versions 13 and 8, and the first sub-protocol that is offered.
pub(crate) fn shake_hands(request: &HttpRequest) -> Result<HttpResponseBuilder, ConnectionError> {
    let headers = request.headers();
    let key = only(headers.get_all(SEC_WEBSOCKET_KEY));
    let version = only(headers.get_all(SEC_WEBSOCKET_VERSION));
    if !key.is_some_and(is_key) || !version.is_some_and(|it| it == "13" || it == "8") {
        return Err(ConnectionError::WebSocketHandshake);
    }
    let offered = offered(headers).ok_or(ConnectionError::WebSocketHandshake)?;
    let first = offered.get(..1).unwrap_or_default();
    ws::handshake_with_protocols(request, first).map_err(|_| ConnectionError::WebSocketHandshake)
}

/// Returns a header that is there once.
fn only<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Option<&'a HeaderValue> {
    let value = values.next();
    value.filter(|_| values.next().is_none())
}

/// Whether this is sixteen bytes in base64, which actix doesn't ask.
fn is_key(key: &HeaderValue) -> bool {
    let key = key.as_bytes();
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(digit)
}

/// Returns the sub-protocols that are offered, or none if these are no tokens (RFC 9110 §5.6.2).
fn offered(headers: &HeaderMap) -> Option<Vec<&str>> {
    let mut offered = Vec::new();
    for line in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for name in line.to_str().ok()?.split(',') {
            let name = name.trim();
            if name.is_empty() || !name.bytes().all(is_of_token) {
                return None;
            }
            offered.push(name);
        }
    }
    Some(offered)
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn shake(changes: &[(&'static str, &'static str)]) -> Option<Option<String>> {
        let mut request = TestRequest::get()
            .insert_header(("Connection", "Upgrade"))
            .insert_header(("Upgrade", "websocket"))
            .insert_header(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
            .insert_header(("Sec-WebSocket-Version", "13"));
        for change in changes {
            request = request.append_header(*change);
        }
        let response = shake_hands(&request.to_http_request()).ok()?.finish();
        assert_eq!(response.status(), 101);
        let accept = response.headers().get("sec-websocket-accept");
        assert_eq!(accept.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let protocol = response.headers().get("sec-websocket-protocol");
        Some(protocol.map(|name| name.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_first_sub_protocol_is_agreed_on() {
        let protocol = |offer| shake(&[("Sec-WebSocket-Protocol", offer)]).unwrap();

        assert_eq!(shake(&[]), Some(None));
        assert_eq!(protocol("foo, bar").as_deref(), Some("foo"));
        assert_eq!(protocol("foo").as_deref(), Some("foo"));
    }

    #[test]
    fn what_is_no_sub_protocol_is_refused_and_not_sent_back() {
        for offer in ["", ",", "foo,", "foo bar", "foo, \"bar\""] {
            assert_eq!(shake(&[("Sec-WebSocket-Protocol", offer)]), None, "{offer}");
        }
    }

    #[test]
    fn a_key_or_a_version_that_is_there_twice_is_none() {
        for twice in [
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("Sec-WebSocket-Version", "13"),
        ] {
            assert_eq!(shake(&[twice]), None, "{twice:?}");
        }
    }
}
