use actix_web::{HttpRequest, http::Method, test::TestRequest};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use sha1::{Digest as _, Sha1};
use sockeye::fuzzing;

use crate::memory::bounded;

/// Checks that a WebSocket is opened only for a request that is right, and that the answer has
/// nothing of the client's but a sub-protocol that it offers.
///
/// The bytes are the head of a request.
pub fn websocket_request(data: &[u8]) {
    let Some(request) = parse(data) else {
        return;
    };
    let Some(response) = bounded(data.len(), FACTOR, || fuzzing::open_websocket(&request)) else {
        return;
    };

    assert_eq!(request.method(), Method::GET);
    assert!(tokens(&request, "connection").contains(&"upgrade".to_owned()));
    assert!(tokens(&request, "upgrade").contains(&"websocket".to_owned()));
    assert!(["13", "8"].contains(&&*only(&request, "sec-websocket-version")));
    let key = only(&request, "sec-websocket-key");
    assert_eq!(LENIENT.decode(&key).map(|key| key.len()), Ok(16), "{key}");

    assert_eq!(response.status(), 101);
    let accept = STANDARD.encode(Sha1::digest(format!("{key}{GUID}")));
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
        .collect();
    headers.sort_unstable();
    let offered = tokens(&request, "sec-websocket-protocol");
    let mut expected = vec![("sec-websocket-accept", &*accept)];
    if let Some(offered) = offered.first() {
        let is_of_token = |c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c);
        assert!(
            !offered.is_empty() && offered.chars().all(is_of_token),
            "{offered}"
        );
        let agreed = response.headers().get("sec-websocket-protocol");
        let agreed = agreed.and_then(|agreed| agreed.to_str().ok());
        let agreed = agreed.expect("the first is agreed on");
        assert!(agreed.eq_ignore_ascii_case(offered));
        expected.push(("sec-websocket-protocol", agreed));
    }
    expected.push(("upgrade", "websocket"));
    headers.retain(|(name, _)| *name != "connection");
    assert_eq!(headers, expected);
}

fn parse(data: &[u8]) -> Option<HttpRequest> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let parsed = head.parse(data).ok()?;
    if parsed.is_partial() {
        return None;
    }
    let method = Method::from_bytes(head.method?.as_bytes()).ok()?;
    let mut request = TestRequest::default().method(method);
    for header in head.headers {
        request = request.append_header((header.name, header.value));
    }
    Some(request.to_http_request())
}

/// The elements of a list, in small letters.
fn tokens(request: &HttpRequest, name: &str) -> Vec<String> {
    let values = request.headers().get_all(name);
    let values = values.filter_map(|value| value.to_str().ok());
    let tokens = values.flat_map(|value| value.split(','));
    tokens
        .map(|token| token.trim().to_ascii_lowercase())
        .collect()
}

fn only(request: &HttpRequest, name: &str) -> String {
    let values: Vec<_> = request.headers().get_all(name).collect();
    assert_eq!(values.len(), 1, "{name}");
    values[0].to_str().expect("text").to_owned()
}

/// As the reference server, it doesn't ask for the bits behind the last byte to be zero.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A sub-protocol is a slice of what may be two bytes.
const FACTOR: u64 = 32;
