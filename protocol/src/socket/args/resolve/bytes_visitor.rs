use std::fmt;

use bytes::Bytes;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use super::{NUM, PLACEHOLDER};

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
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                PLACEHOLDER => is_placeholder = object.next_value::<serde_json::Value>()? == true,
                NUM => num = object.next_value::<serde_json::Value>()?.as_u64(),
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        let num = num.filter(|_| is_placeholder);
        let attachment = num
            .and_then(|num| usize::try_from(num).ok())
            .and_then(|num| self.attachments.get(num));
        match attachment {
            Some(bytes) => self.visitor.visit_bytes(bytes),
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
