use bytes::Bytes;
use bytestring::ByteString;

use super::{DecodeError, Packet};

/// The packets of one polling body, separated by `0x1E` (Engine.IO protocol, "HTTP
/// long-polling").
///
/// Iterating decodes one packet at a time and stops after the first that is none. An empty
/// body is one empty packet, and so is what follows a trailing separator.
#[derive(Clone, Debug)]
pub struct Payload {
    rest: Option<ByteString>,
}

impl Payload {
    /// Checks a body and prepares to take its packets apart. Text messages share its buffer.
    ///
    /// # Errors
    ///
    /// The body is not UTF-8, or has more than `max_packets` packets.
    pub fn parse(body: Bytes, max_packets: usize) -> Result<Self, PayloadError> {
        let separators = body.iter().filter(|byte| **byte == b'\x1e').count();
        if separators >= max_packets {
            return Err(PayloadError::TooManyPackets);
        }
        let text = ByteString::try_from(body).map_err(|_| PayloadError::InvalidUtf8)?;
        Ok(Self { rest: Some(text) })
    }

    /// Encodes packets as one body.
    pub fn encode<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> String {
        let mut out = String::new();
        for (index, packet) in packets.into_iter().enumerate() {
            if index > 0 {
                out.push('\x1e');
            }
            packet.encode(&mut out);
        }
        out
    }
}

impl Iterator for Payload {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        let packet = match text.split_once('\x1e') {
            Some(("", _)) => Err(DecodeError::Empty),
            Some((packet, "")) => Packet::decode(&text.slice_ref(packet)).inspect(|_| {
                self.rest = Some(ByteString::new());
            }),
            Some((packet, rest)) => Packet::decode(&text.slice_ref(packet)).inspect(|_| {
                self.rest = Some(text.slice_ref(rest));
            }),
            None => Packet::decode(&text),
        };
        Some(packet)
    }
}

/// A polling body can't be taken apart; the peer's mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PayloadError {
    /// There are more packets than allowed.
    #[error("too many packets in one payload")]
    TooManyPackets,
    /// The body is not UTF-8.
    #[error("payload is not UTF-8")]
    InvalidUtf8,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Message, engine::packet::tests::any_packet};

    fn decode(body: &'static [u8]) -> Result<Vec<Packet>, DecodeError> {
        Payload::parse(Bytes::from_static(body), 4096)
            .expect("a well-formed body")
            .collect()
    }

    #[test]
    fn packets_are_separated() {
        let packets = decode(b"4hello\x1e2\x1e4world\x1ebAQIDBA==").unwrap();

        assert_eq!(
            packets,
            [
                Packet::Message(Message::from("hello")),
                Packet::Ping("".into()),
                Packet::Message(Message::from("world")),
                Packet::Message(Bytes::from_static(&[1, 2, 3, 4]).into()),
            ]
        );
    }

    #[test]
    fn empty_packets_are_refused() {
        for body in [&b""[..], b"\x1e", b"4a\x1e", b"\x1e4a", b"4a\x1e\x1e4b"] {
            assert_eq!(decode(body), Err(DecodeError::Empty), "{body:?}");
        }
    }

    #[test]
    fn nothing_follows_a_bad_packet() {
        let body = Bytes::from_static(b"4a\x1e9\x1e4b");
        let packets: Vec<_> = Payload::parse(body, 4096).unwrap().collect();

        assert_eq!(packets.len(), 2);
        assert_eq!(packets[1], Err(DecodeError::UnknownType('9')));
    }

    #[test]
    fn the_bound_counts_packets() {
        let body = Bytes::from_static(b"4\x1e4\x1e4");

        assert_eq!(Payload::parse(body.clone(), 3).unwrap().count(), 3);
        let refused = Payload::parse(body, 2).map(|_| ());
        assert_eq!(refused, Err(PayloadError::TooManyPackets));
    }

    #[test]
    fn malformed_utf8_is_refused() {
        for body in [
            &b"4\xff\xfe"[..],
            b"4\xc0\x80",
            b"4\xed\xa0\x80",
            b"4\xe2\x82",
        ] {
            let refused = Payload::parse(Bytes::from_static(body), 10).map(|_| ());
            assert_eq!(refused, Err(PayloadError::InvalidUtf8), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn payloads_come_back(packets in prop::collection::vec(any_packet(), 1..20)) {
            let body = Payload::encode(&packets);

            let decoded: Result<Vec<_>, _> = Payload::parse(body.into(), 20).unwrap().collect();

            prop_assert_eq!(decoded, Ok(packets));
        }

        #[test]
        fn any_bytes_decode_or_fail(body in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(payload) = Payload::parse(body.into(), 64) {
                prop_assert!(payload.count() <= 64);
            }
        }
    }
}
