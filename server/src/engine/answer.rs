use bytes::Bytes;
use sockeye_protocol::engine::InputError;
use tokio::sync::oneshot;

/// The answer to a GET of a session.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum PollAnswer {
    Payload {
        body: Bytes,
        /// Whether it is worth compressing.
        compressible: bool,
    },
    /// Another GET was waiting.
    Overlap,
    /// The session is on WebSocket.
    TransportMismatch,
    UnknownSid,
}

/// The answer to a POST of a session, or to its head.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum PostAnswer {
    /// The body may be read.
    Proceed,
    /// The packets have been dispatched.
    Done,
    /// Another POST was under way, or the payload has too many packets.
    Refused,
    /// The session is on WebSocket.
    TransportMismatch,
    UnknownSid,
}

/// Returns what is answered to a POST: `good`, or why not.
pub(super) fn post_answer(result: Result<(), InputError>, good: PostAnswer) -> PostAnswer {
    match result {
        Ok(()) => good,
        Err(InputError::TransportMismatch) => PostAnswer::TransportMismatch,
        Err(InputError::Closed) => PostAnswer::UnknownSid,
        Err(_) => PostAnswer::Refused,
    }
}

/// Answers a request of another task.
pub(super) fn reply<T>(answer: oneshot::Sender<T>, value: T) {
    // Whoever asked may be gone.
    let _ = answer.send(value);
}
