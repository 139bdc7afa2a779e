use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use bytestring::ByteString;

use crate::Message;

/// One engine packet in text form: a type digit and data, or `b` and base64.
///
/// Data after a type that has none (`close`, `upgrade`, `noop`) is dropped, as the reference
/// server does. A binary WebSocket frame has no type and is a binary message as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Packet {
    /// `0`: the handshake, from the server.
    Open(ByteString),
    /// `1`: the sender closes the transport.
    Close,
    /// `2`: the heartbeat of the server, or `probe` on a candidate WebSocket.
    Ping(ByteString),
    /// `3`: the answer to a ping.
    Pong(ByteString),
    /// `4`, or `b` for a binary one: data of the application.
    Message(Message),
    /// `5`: the client moves to the transport that this comes on.
    Upgrade,
    /// `6`: nothing, to answer a waiting GET.
    Noop,
}

impl Packet {
    /// Decodes one packet. Text messages share the buffer of `text`.
    ///
    /// Base64 is taken strictly: standard alphabet, with padding (RFC 4648 §4).
    ///
    /// # Errors
    ///
    /// The text is no engine packet.
    pub fn decode(text: &ByteString) -> Result<Self, DecodeError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(DecodeError::Empty)?;
        let data = chars.as_str();
        let shared = || match data {
            "" => ByteString::new(),
            data => text.slice_ref(data),
        };
        Ok(match kind {
            '0' => Self::Open(shared()),
            '1' => Self::Close,
            '2' => Self::Ping(shared()),
            '3' => Self::Pong(shared()),
            '4' => Self::Message(Message::Text(shared())),
            '5' => Self::Upgrade,
            '6' => Self::Noop,
            'b' => {
                let decoded = STANDARD.decode(data);
                let bytes = decoded.map_err(|_| DecodeError::InvalidBase64)?;
                Self::Message(Message::Binary(bytes.into()))
            }
            other => return Err(DecodeError::UnknownType(other)),
        })
    }

    /// Appends the text form.
    pub fn encode(&self, out: &mut String) {
        let (kind, data) = match self {
            Self::Open(data) => ('0', &**data),
            Self::Close => ('1', ""),
            Self::Ping(data) => ('2', &**data),
            Self::Pong(data) => ('3', &**data),
            Self::Message(Message::Text(data)) => ('4', &**data),
            Self::Upgrade => ('5', ""),
            Self::Noop => ('6', ""),
            Self::Message(Message::Binary(data)) => return encode_binary(data, out),
        };
        out.push(kind);
        out.push_str(data);
    }
}

/// The text is no engine packet; the peer's mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// There is no type.
    #[error("empty packet")]
    Empty,
    /// The type is not one of `0` to `6` and `b`.
    #[error("unknown packet type {0:?}")]
    UnknownType(char),
    /// A binary message is not padded standard base64.
    #[error("invalid base64")]
    InvalidBase64,
}

fn encode_binary(data: &Bytes, out: &mut String) {
    out.push('b');
    STANDARD.encode_string(data, out);
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(text: &'static str) -> Result<Packet, DecodeError> {
        Packet::decode(&ByteString::from_static(text))
    }

    #[test]
    fn every_type_decodes() {
        let text = |text| Packet::Message(Message::from(text));
        let cases = [
            ("0{}", Packet::Open("{}".into())),
            ("1", Packet::Close),
            ("2", Packet::Ping("".into())),
            ("2probe", Packet::Ping("probe".into())),
            ("3", Packet::Pong("".into())),
            ("3probe", Packet::Pong("probe".into())),
            ("4hello", text("hello")),
            ("4", text("")),
            ("4€", text("€")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("b", Packet::Message(Bytes::new().into())),
            (
                "bAQIDBA==",
                Packet::Message(Bytes::from_static(&[1, 2, 3, 4]).into()),
            ),
        ];

        for (text, packet) in cases {
            assert_eq!(decode(text), Ok(packet), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let cases = [
            ("", DecodeError::Empty),
            ("7", DecodeError::UnknownType('7')),
            ("9x", DecodeError::UnknownType('9')),
            ("€", DecodeError::UnknownType('€')),
            ("B", DecodeError::UnknownType('B')),
            ("bAQIDBA", DecodeError::InvalidBase64),
            ("bAQIDBA=", DecodeError::InvalidBase64),
            ("b_-8=", DecodeError::InvalidBase64),
            ("bAQ ID", DecodeError::InvalidBase64),
            ("bAQIDBB==", DecodeError::InvalidBase64),
        ];

        for (text, error) in cases {
            assert_eq!(decode(text), Err(error), "{text}");
        }
    }

    pub(in crate::engine) fn any_packet() -> impl Strategy<Value = Packet> {
        let text = || "[^\u{1e}]{0,12}".prop_map(ByteString::from);
        prop_oneof![
            text().prop_map(Packet::Open),
            Just(Packet::Close),
            text().prop_map(Packet::Ping),
            text().prop_map(Packet::Pong),
            text().prop_map(|text| Packet::Message(Message::Text(text))),
            prop::collection::vec(any::<u8>(), 0..20)
                .prop_map(|data| Packet::Message(Message::Binary(data.into()))),
            Just(Packet::Upgrade),
            Just(Packet::Noop),
        ]
    }

    proptest! {
        #[test]
        fn packets_come_back(packet in any_packet()) {
            let mut text = String::new();
            packet.encode(&mut text);

            prop_assert_eq!(Packet::decode(&text.into()), Ok(packet));
        }
    }
}
