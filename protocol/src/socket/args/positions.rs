use std::fmt;

use bytes::Bytes;
use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Error, Value};

use super::resolve::Resolve;

/// Deserialises an argument list: a tuple takes arguments by position, `()` takes any, all
/// other types take the first.
#[derive(Clone, Copy)]
pub(super) struct Positions<'a> {
    /// Valid JSON.
    pub(super) array: &'a str,
    /// Where the first argument starts; more than 1 if the array starts with a name.
    pub(super) rest: usize,
    pub(super) len: u32,
    pub(super) attachments: &'a [Bytes],
}

impl<'a> Positions<'a> {
    fn is_named(&self) -> bool {
        self.rest > 1
    }

    /// The text from the first argument on.
    fn first(&self) -> Option<&'a str> {
        let rest = self.array.get(self.rest..);
        rest.filter(|_| self.len > 0)
    }
}

macro_rules! take_first {
    ($($method:ident($($name:ident: $argument:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $($name: $argument,)*
            visitor: V,
        ) -> Result<V::Value, Error> {
            let Some(first) = self.first() else {
                return Value::Null.$method($($name,)* visitor);
            };
            // What follows the first argument is not looked at: the end is never asked for.
            let mut json = serde_json::Deserializer::from_str(first);
            if self.attachments.is_empty() {
                json.$method($($name,)* visitor)
            } else {
                Resolve::new(&mut json, self.attachments).$method($($name,)* visitor)
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Positions<'de> {
    type Error = Error;

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        let mut json = serde_json::Deserializer::from_str(self.array);
        json.deserialize_seq(Tuple {
            visitor,
            list: self,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    take_first! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }
}

/// Shows a tuple's visitor the arguments only, and as many as it asks for.
struct Tuple<'a, V> {
    visitor: V,
    list: Positions<'a>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Tuple<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<V::Value, A::Error> {
        if self.list.is_named() {
            array.next_element::<IgnoredAny>()?;
        }
        let value = self.visitor.visit_seq(Elements {
            array: &mut array,
            left: self.list.len,
            attachments: self.list.attachments,
        })?;
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// The elements of the array, then `null` for ever.
struct Elements<'a, A> {
    array: &'a mut A,
    left: u32,
    attachments: &'a [Bytes],
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        let Some(left) = self.left.checked_sub(1) else {
            let value = seed.deserialize(Value::Null);
            return value.map(Some).map_err(serde::de::Error::custom);
        };
        self.left = left;
        if self.attachments.is_empty() {
            self.array.next_element_seed(seed)
        } else {
            let seed = Resolve::new(seed, self.attachments);
            self.array.next_element_seed(seed)
        }
    }
}
