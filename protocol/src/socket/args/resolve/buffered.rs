use std::{any::type_name, fmt};

use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{NUM, PLACEHOLDER, Resolve};

/// Whether `T` is the buffer in which serde's derive keeps a value of which it doesn't know
/// yet what is wanted, as it does for `flatten`, `untagged` and `tag`.
///
/// A buffer never asks for bytes but can hold them, whereas a `serde_json::Value` can't. The
/// type is private to serde, so its name is all there is to know it by; were it renamed,
/// only placeholders in such types would stay objects.
pub(super) fn is_buffer<T>() -> bool {
    let name = type_name::<T>();
    name.starts_with("serde") && name.contains("::Content")
}

/// Puts the attachment where an object is a placeholder with no other members.
pub(super) struct Buffered<'a, V>(pub(super) Resolve<'a, V>);

macro_rules! forward_visits {
    ($($method:ident($argument:ty);)*) => {
        $(fn $method<E: Error>(self, value: $argument) -> Result<V::Value, E> {
            self.0.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Buffered<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    forward_visits! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<V::Value, A::Error> {
        let mut seen: Vec<(String, Value)> = Vec::new();
        let mut next = object.next_key::<String>()?;
        while let Some(key) = next.take_if(|key| matches!(key.as_str(), PLACEHOLDER | NUM)) {
            seen.push((key, object.next_value()?));
            next = object.next_key()?;
        }
        let last = |name| seen.iter().rev().find(|(key, _)| key == name);
        let is_placeholder = last(PLACEHOLDER).is_some_and(|(_, value)| *value == true);
        let num = last(NUM).and_then(|(_, value)| usize::try_from(value.as_u64()?).ok());
        let attachment = num.and_then(|num| self.0.attachments.get(num));
        if let (None, true, Some(bytes)) = (&next, is_placeholder, attachment) {
            return self.0.inner.visit_bytes(bytes);
        }
        self.0.visit_map(Replay {
            seen: seen.into_iter(),
            value: None,
            next,
            object,
        })
    }
}

/// The members of an object, those read already again.
struct Replay<A> {
    seen: std::vec::IntoIter<(String, Value)>,
    value: Option<Value>,
    next: Option<String>,
    object: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Replay<A> {
    type Error = A::Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        if let Some((key, value)) = self.seen.next() {
            self.value = Some(value);
            return seed.deserialize(key.into_deserializer()).map(Some);
        }
        match self.next.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.object.next_key_seed(seed),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value).map_err(Error::custom),
            None => self.object.next_value_seed(seed),
        }
    }
}
