use std::{cell::Cell, fmt, ops::Deref};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

/// An attachment that is passed on without a copy.
///
/// As an argument of an event or an ack it is what [`Bytes`] is; but `serde` shows bytes only by
/// reference, so that `Bytes` are copied out of the packet that they came in and into one that they
/// leave with. Less than 64 KiB are copied once all the same, when they are sent: what they were read
/// with would otherwise wait with them for a slow client. Keeping a value keeps the message that it
/// came in, and perhaps others that were read with it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Binary> for Bytes {
    fn from(binary: Binary) -> Self {
        binary.0
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        while_shown(&self.0, || serializer.serialize_bytes(&self.0))
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Shown)
    }
}

struct Shown;

impl<'de> Visitor<'de> for Shown {
    type Value = Binary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Binary, E> {
        Ok(Binary(owner_of(bytes, 0)))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
        Ok(Binary(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Binary, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = array.next_element()? {
            bytes.push(byte);
        }
        Ok(Binary(bytes.into()))
    }
}

/// Calls what shows these bytes to somebody, who may [ask](owner_of) for their owner.
pub(super) fn while_shown<R>(bytes: &Bytes, show: impl FnOnce() -> R) -> R {
    let before = SHOWN.replace(Some(bytes.clone()));
    let shown = show();
    SHOWN.set(before);
    shown
}

/// Returns the owner of what was shown, if that is so long, or a copy.
pub(super) fn owner_of(shown: &[u8], least: usize) -> Bytes {
    let is_owner = |owner: &Bytes| owner.as_ptr() == shown.as_ptr() && owner.len() == shown.len();
    let owner = SHOWN.take().filter(is_owner);
    let owner = owner.filter(|owner| owner.len() >= least);
    owner.unwrap_or_else(|| Bytes::copy_from_slice(shown))
}

thread_local! {
    static SHOWN: Cell<Option<Bytes>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attachments::SHARED,
        socket::{RawArgs, encode},
    };

    #[test]
    fn a_large_attachment_goes_in_and_out_without_a_copy() {
        let data = Bytes::from(vec![7; SHARED]);
        let placeholder = r#"[{"a":{"_placeholder":true,"num":0}}]"#;
        let args = RawArgs::from_json(placeholder, vec![data.clone()]).unwrap();

        let read: std::collections::BTreeMap<String, Binary> = args.decode().unwrap();
        let packet = encode::event("/", None, "x", &read).unwrap();

        assert_eq!(read["a"].as_ptr(), data.as_ptr());
        let sent: Vec<_> = packet.binary_messages().collect();
        assert_eq!(sent, [&data]);
        assert_eq!(sent[0].as_ptr(), data.as_ptr());
        let text = packet.text_packet().unwrap();
        assert_eq!(text, r#"451-["x",{"a":{"_placeholder":true,"num":0}}]"#);
    }

    #[test]
    fn elsewhere_it_is_what_bytes_are() {
        let data = Bytes::from(vec![1, 2]);

        let json = serde_json::to_string(&Binary(data.clone())).unwrap();
        let read: Binary = serde_json::from_str(&json).unwrap();

        assert_eq!(json, serde_json::to_string(&data).unwrap());
        assert_eq!(read.0, data);
    }

    #[test]
    fn what_was_shown_is_forgotten() {
        let data = Bytes::from(vec![1, 2, 3]);

        while_shown(&data, || ());

        assert!(SHOWN.take().is_none());
        assert_ne!(owner_of(&data, 0).as_ptr(), data.as_ptr());
    }
}
