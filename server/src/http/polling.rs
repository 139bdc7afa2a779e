use actix_web::{
    HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use sockeye_protocol::{
    Sid,
    engine::{PostFault, Transport},
};
use sockeye_router::Limit;
use tokio::sync::oneshot;

use super::{Compression, ConnectionError, HttpConfig, reply, verify::unknown};
use crate::engine::{Counted, DeskHandle, Engine, PollAnswer, PostAnswer, Request, WaitingPolls};

/// Answers a GET of a session once there is something to send.
pub(super) async fn poll(
    engine: &Engine,
    config: &HttpConfig,
    desk: &DeskHandle,
    sid: Sid,
    request: &HttpRequest,
) -> Result<HttpResponse, ConnectionError> {
    let number = next_number();
    let (answer, answered) = oneshot::channel();
    let waiting = Counted::<WaitingPolls>::new(&engine.0.gauges);
    let mut guard = PollGuard {
        engine,
        desk,
        sid,
        number,
        answered: false,
    };
    desk.request(
        engine,
        Request::Poll {
            sid,
            number,
            answer,
        },
    );
    let answer = answered.await;
    guard.answered = true;
    drop(waiting);
    match answer {
        Ok(PollAnswer::Payload { body, compressible }) => {
            let compression = config.compression.filter(|_| compressible);
            Ok(payload(compression, request, body).await)
        }
        Ok(PollAnswer::Overlap) => Ok(reply::bad_request()),
        Ok(PollAnswer::TransportMismatch) => Err(MISMATCH),
        Ok(PollAnswer::UnknownSid) | Err(_) => Err(unknown(sid)),
    }
}

/// The session is through with the payload by now, so that compressing holds up its client only.
async fn payload(
    compression: Option<Compression>,
    request: &HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let headers = request.headers();
    let chosen = compression.and_then(|compression| {
        let encoding = compression.choose(headers, body.len())?;
        Some((compression, encoding))
    });
    let Some((compression, encoding)) = chosen else {
        return reply::payload(body, None);
    };
    match compression.compress(body.clone(), encoding).await {
        Ok(compressed) => reply::payload(compressed, Some(encoding)),
        Err(error) => {
            tracing::warn!(%error, "payload not compressed");
            reply::payload(body, None)
        }
    }
}

/// Takes the packets of a POST.
pub(super) async fn post(
    engine: &Engine,
    config: &HttpConfig,
    desk: &DeskHandle,
    sid: Sid,
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<HttpResponse, ConnectionError> {
    let limit = engine.0.config.max_payload();
    // A body that is known to be too long is refused unread; the session doesn't notice.
    if declared_length(request).is_some_and(|length| length > limit as u64) {
        engine.0.limits.count(Limit::Payload);
        return Ok(reply::payload_too_large(payload));
    }
    if is_encoded(request) {
        return Ok(reply::unsupported_encoding());
    }
    // From here on, also while the session is asked: its client may go away at any time.
    let mut guard = PostGuard {
        engine,
        desk,
        sid,
        settled: false,
    };
    let (answer, answered) = oneshot::channel();
    desk.request(engine, Request::PostStarted { sid, answer });
    let answer = answered.await;
    guard.settled = !matches!(answer, Ok(PostAnswer::Proceed | PostAnswer::Done));
    match answer {
        Ok(PostAnswer::Proceed | PostAnswer::Done) => {}
        Ok(PostAnswer::Refused) => return Ok(reply::bad_request()),
        Ok(PostAnswer::TransportMismatch) => return Err(MISMATCH),
        Ok(PostAnswer::UnknownSid) | Err(_) => return Err(unknown(sid)),
    }
    if is_octet_stream(request) {
        guard.fail(PostFault::InvalidContent);
        return Ok(reply::bad_request());
    }
    let reading = tokio::time::timeout(config.body_timeout, read(&mut payload, limit));
    let body = match reading.await.unwrap_or(Err(PostFault::Timeout)) {
        Ok(body) => body,
        Err(fault) => {
            guard.fail(fault);
            return Ok(match fault {
                PostFault::PayloadTooBig => {
                    engine.0.limits.count(Limit::Payload);
                    reply::payload_too_large(payload)
                }
                PostFault::Timeout => reply::timeout(),
                _ => reply::bad_request(),
            });
        }
    };
    let (answer, answered) = oneshot::channel();
    guard.settled = true;
    desk.request(engine, Request::Post { sid, body, answer });
    match answered.await {
        Ok(PostAnswer::Done | PostAnswer::Proceed) => Ok(reply::ok()),
        Ok(PostAnswer::Refused) => Ok(reply::bad_request()),
        Ok(PostAnswer::TransportMismatch) => Err(MISMATCH),
        // The session ended while the body was on its way.
        Ok(PostAnswer::UnknownSid) | Err(_) => Err(unknown(sid)),
    }
}

/// Tells the session when the client of a waiting GET goes away: the future is dropped then.
struct PollGuard<'a> {
    engine: &'a Engine,
    desk: &'a DeskHandle,
    sid: Sid,
    number: u64,
    answered: bool,
}

impl Drop for PollGuard<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let (sid, number) = (self.sid, self.number);
            self.desk
                .request(self.engine, Request::PollAborted { sid, number });
        }
    }
}

/// Tells the session when a POST ends without its body.
struct PostGuard<'a> {
    engine: &'a Engine,
    desk: &'a DeskHandle,
    sid: Sid,
    settled: bool,
}

impl PostGuard<'_> {
    fn fail(&mut self, fault: PostFault) {
        self.settled = true;
        let sid = self.sid;
        self.desk
            .request(self.engine, Request::PostFailed { sid, fault });
    }
}

impl Drop for PostGuard<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.fail(PostFault::Aborted);
        }
    }
}

/// Reads a body, counting while it comes; memory grows with what has come, not with what was
/// announced.
async fn read(payload: &mut Payload, limit: usize) -> Result<Bytes, PostFault> {
    let mut body = BytesMut::new();
    let mut first = None;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| PostFault::Aborted)?;
        let so_far = body.len() + first.as_ref().map_or(0, Bytes::len);
        if so_far + chunk.len() > limit {
            return Err(PostFault::PayloadTooBig);
        }
        // Most bodies are one chunk, which needs no copy.
        match first.take() {
            None if body.is_empty() => first = Some(chunk),
            before => {
                body.extend_from_slice(&before.unwrap_or_default());
                body.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| body.freeze()))
}

fn declared_length(request: &HttpRequest) -> Option<u64> {
    request
        .headers()
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn is_encoded(request: &HttpRequest) -> bool {
    let encoding = request.headers().get(CONTENT_ENCODING);
    encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The reference refuses exactly this value: binary bodies belong to an older revision.
fn is_octet_stream(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes() == b"application/octet-stream")
}

fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The session is on WebSocket by now.
const MISMATCH: ConnectionError = ConnectionError::TransportMismatch {
    requested: Transport::Polling,
};
