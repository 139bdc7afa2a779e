use super::json::JsonError;

/// How a peer broke the protocol; the session must be closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A message is no valid packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The packet is for a namespace that the session has not asked to enter, or has left.
    #[error("not connected to the namespace")]
    NotConnected,
    /// A second CONNECT to a namespace that the session is in or waits for.
    #[error("already connected to the namespace")]
    AlreadyConnected,
    /// The packet is of a kind that only a server sends.
    #[error("packet of the server's")]
    UnexpectedPacket,
    /// A text message where an attachment is due.
    #[error("text where an attachment is due")]
    UnexpectedText,
    /// A binary message where no attachment is due.
    #[error("binary where no attachment is due")]
    UnexpectedBinary,
    /// More packets wait for their namespaces than [`Limits`](super::Limits) allow.
    #[error("too much sent ahead of the namespace's answer")]
    TooManyHeld,
}

/// Why a message is no valid packet; always the peer's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text starts with none of the digits `0` to `6`.
    #[error("unknown packet type")]
    UnknownType,
    /// The count of attachments is missing, zero or not plainly written.
    #[error("illegal count of attachments")]
    IllegalAttachments,
    /// The packet announces more attachments than the limit.
    #[error("too many attachments")]
    TooManyAttachments,
    /// The text and the attachments have more bytes than the limit.
    #[error("packet too large")]
    TooLarge,
    /// The name of the namespace contains a control character.
    #[error("illegal namespace")]
    IllegalNamespace,
    /// The name of the namespace or the event is longer than the limit.
    #[error("name too long")]
    NameTooLong,
    /// The ack id is above 2^53-1.
    #[error("ack id too large")]
    AckIdTooLarge,
    /// The payload is missing, no valid JSON, or not of the shape that the type asks for.
    #[error("invalid payload")]
    InvalidPayload,
    /// The payload nests deeper than the limit.
    #[error("payload nested too deep")]
    TooDeep,
    /// The event has a name that is kept for the library's own events.
    #[error("reserved event name")]
    ReservedEvent,
    /// A placeholder stands for no attachment of its packet.
    #[error("illegal placeholder")]
    IllegalPlaceholder,
}

/// Why a packet can't be encoded; the caller's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value's `Serialize` failed, or it has no form in JSON.
    #[error("can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The event has a name that is kept for the library's own events.
    #[error("reserved event name")]
    ReservedEvent,
    /// The arguments have bytes and also plain data that a receiver would take for a
    /// placeholder. Such data can't be told apart on the wire.
    #[error("data in the form of a placeholder next to attachments")]
    PlaceholderInData,
    /// The arguments have bytes and nest deeper than 128 levels.
    #[error("arguments nested too deep")]
    TooDeep,
}

/// Why arguments don't fit the type that they are wanted in.
///
/// Says what the peer sent, so it may be logged, but must not be taken for a fault of the
/// protocol: the packet itself was well-formed.
#[derive(Debug, thiserror::Error)]
#[error("unexpected arguments: {0}")]
pub struct ArgsError(#[from] serde_json::Error);

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax => Self::InvalidPayload,
            JsonError::TooDeep => Self::TooDeep,
        }
    }
}
