use bytes::Bytes;
use bytestring::ByteString;

/// The content of one Engine.IO `message` packet.
///
/// A text message travels as `4` and the text; a binary message is a binary WebSocket
/// frame, or `b` and base64 in a polling payload (Engine.IO protocol, "Packet encoding").
/// Cloning is cheap: both kinds share their buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// UTF-8 text, without the leading `4`.
    Text(ByteString),
    /// Raw bytes.
    Binary(Bytes),
}

impl Message {
    /// Returns the length of the content in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// Returns whether the content is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::Text(ByteString::from_static(text))
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}
