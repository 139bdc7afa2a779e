use std::fmt;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor},
};

use super::{super::binary::while_shown, NUM, PLACEHOLDER};

/// Takes what a placeholder stands for, or what `serde_json` would take for bytes.
pub(super) struct BytesVisitor<'a, V> {
    visitor: V,
    attachments: &'a [Bytes],
}

impl<'a, V> BytesVisitor<'a, V> {
    pub(super) fn new(visitor: V, attachments: &'a [Bytes]) -> Self {
        Self {
            visitor,
            attachments,
        }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for BytesVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<V::Value, A::Error> {
        let mut is_placeholder = false;
        let mut num = None;
        while let Some(key) = object.next_key()? {
            match key {
                Key::Placeholder => {
                    is_placeholder = object.next_value::<serde_json::Value>()? == true;
                }
                Key::Num => num = object.next_value::<serde_json::Value>()?.as_u64(),
                Key::Other => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        let num = num.filter(|_| is_placeholder);
        let attachment = num
            .and_then(|num| usize::try_from(num).ok())
            .and_then(|num| self.attachments.get(num));
        match attachment {
            Some(bytes) => while_shown(bytes, || self.visitor.visit_bytes(bytes)),
            None => Err(Error::invalid_type(Unexpected::Map, &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(array)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.visitor.visit_bytes(text.as_bytes())
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }
}

/// A member's name, of which no copy is made.
enum Key {
    Placeholder,
    Num,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(match name {
            PLACEHOLDER => Key::Placeholder,
            NUM => Key::Num,
            _ => Key::Other,
        })
    }
}
