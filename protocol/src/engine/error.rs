use std::fmt;

/// A refusal of an HTTP request, by its code; clients know those up to 5.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum ErrorCode {
    /// The `transport` parameter is missing, unknown or not enabled.
    TransportUnknown = 0,
    /// No session has this `sid`.
    UnknownSid = 1,
    /// A handshake was tried with a method other than GET.
    BadHandshakeMethod = 2,
    /// The request does not fit the session's transport.
    BadRequest = 3,
    /// The application refused the handshake.
    Forbidden = 4,
    /// The `EIO` parameter is not `4`.
    UnsupportedProtocolVersion = 5,
    /// The server has as many sessions as it takes. The reference has no such code.
    Overloaded = 6,
    /// The client's address has too many sessions, or asks too often. The reference has no such
    /// code.
    TooManyRequests = 7,
}

impl ErrorCode {
    /// Returns the number that the body carries.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the HTTP status of a polling request refused for this.
    ///
    /// A WebSocket handshake is refused with 400 where the reference has the code.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::Overloaded => 503,
            Self::TooManyRequests => 429,
            _ => 400,
        }
    }

    /// Returns the default message.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedProtocolVersion => "Unsupported protocol version",
            Self::Overloaded => "Server overloaded",
            Self::TooManyRequests => "Too many requests",
        }
    }

    /// Returns the exact response body.
    #[must_use]
    pub fn json(self) -> &'static str {
        match self {
            Self::TransportUnknown => r#"{"code":0,"message":"Transport unknown"}"#,
            Self::UnknownSid => r#"{"code":1,"message":"Session ID unknown"}"#,
            Self::BadHandshakeMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            Self::BadRequest => r#"{"code":3,"message":"Bad request"}"#,
            Self::Forbidden => r#"{"code":4,"message":"Forbidden"}"#,
            Self::UnsupportedProtocolVersion => {
                r#"{"code":5,"message":"Unsupported protocol version"}"#
            }
            Self::Overloaded => r#"{"code":6,"message":"Server overloaded"}"#,
            Self::TooManyRequests => r#"{"code":7,"message":"Too many requests"}"#,
        }
    }

    /// Returns the response body with the application's own message.
    ///
    /// An empty message stands for the default one.
    #[must_use]
    pub fn json_with_message(self, message: &str) -> String {
        if message.is_empty() {
            return self.json().to_owned();
        }
        let message = serde_json::Value::from(message);
        format!(r#"{{"code":{},"message":{message}}}"#, self.code())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ErrorCode {}

/// The answer to a request which a session refuses; always the peer's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InputError {
    /// Another GET is waiting; the session is closed.
    #[error("another GET of the session is waiting")]
    OverlappingPoll,
    /// Another POST is being read; the session is closed.
    #[error("another POST of the session is being read")]
    OverlappingPost,
    /// The payload holds more packets than allowed; the session is closed.
    #[error("too many packets in one payload")]
    TooManyPackets,
    /// The content type or encoding of the POST is refused; the session is closed.
    #[error("invalid content")]
    InvalidContent,
    /// The body of the POST took too long; the session is closed.
    #[error("request body took too long")]
    BodyTimeout,
    /// The body of the POST is larger than the limit; the session goes on.
    #[error("request body is too large")]
    PayloadTooBig,
    /// The session is on WebSocket and takes no polling request; it goes on.
    #[error("the session uses another transport")]
    TransportMismatch,
    /// The session has a WebSocket or can't have one; the new one is closed, the session
    /// goes on.
    #[error("the session takes no further WebSocket")]
    WebSocketRefused,
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
}

impl InputError {
    /// Returns the HTTP status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::PayloadTooBig => 413,
            Self::BodyTimeout => 408,
            _ => 400,
        }
    }

    /// Returns the code whose JSON is the body of the answer; the body is empty if none.
    #[must_use]
    pub fn code(self) -> Option<ErrorCode> {
        match self {
            Self::TransportMismatch | Self::WebSocketRefused => Some(ErrorCode::BadRequest),
            Self::Closed => Some(ErrorCode::UnknownSid),
            _ => None,
        }
    }
}

/// A packet was not queued; the caller's to handle.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SendError {
    /// The outgoing queue has no room for the packet; what is queued stays.
    #[error("the outgoing queue is full")]
    QueueFull,
    /// The session is not open any more.
    #[error("the session is closed")]
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_the_reference_bytes() {
        let all = [
            ErrorCode::TransportUnknown,
            ErrorCode::UnknownSid,
            ErrorCode::BadHandshakeMethod,
            ErrorCode::BadRequest,
            ErrorCode::Forbidden,
            ErrorCode::UnsupportedProtocolVersion,
            ErrorCode::Overloaded,
            ErrorCode::TooManyRequests,
        ];

        for (number, code) in all.into_iter().enumerate() {
            let body = format!(r#"{{"code":{number},"message":"{}"}}"#, code.message());
            assert_eq!(code.json(), body);
            assert_eq!(code.json_with_message(""), body);
        }
    }

    #[test]
    fn own_message_is_escaped() {
        let body = ErrorCode::Forbidden.json_with_message("no \"entry\"\n");

        assert_eq!(body, r#"{"code":4,"message":"no \"entry\"\n"}"#);
    }

    #[test]
    fn statuses_say_whose_fault_it_is() {
        assert_eq!(ErrorCode::Forbidden.status(), 403);
        assert_eq!(ErrorCode::Overloaded.status(), 503);
        assert_eq!(ErrorCode::TooManyRequests.status(), 429);
        assert_eq!(ErrorCode::UnknownSid.status(), 400);
    }
}
