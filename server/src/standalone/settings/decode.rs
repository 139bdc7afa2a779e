//! Gives the values of a [`Node`] the types of the settings, and names the key of each failure.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    SettingsError, Source,
    tree::{Node, Value},
};

/// Decodes `node`, whose keys errors give from `prefix` on.
///
/// # Errors
///
/// [`SettingsError::UnknownKey`] and [`SettingsError::Value`].
pub(super) fn decode<'de, T: Deserialize<'de>>(
    prefix: &[&str],
    node: &Node,
) -> Result<T, SettingsError> {
    T::deserialize(node).map_err(|mut error| {
        error
            .path
            .extend(prefix.iter().rev().map(|&key| key.to_owned()));
        error.path.reverse();
        let key = error.path.join(".");
        let source = error.source;
        match error.problem {
            Problem::UnknownKey(known) => SettingsError::UnknownKey { key, source, known },
            Problem::MissingKey => SettingsError::Value {
                key,
                problem: "is missing".to_owned(),
                source: None,
            },
            Problem::Other(problem) => SettingsError::Value {
                key,
                problem,
                source,
            },
        }
    })
}

/// A failure on its way up, gathering the path from the innermost key to the outermost.
#[derive(Debug)]
pub(super) struct DecodeError {
    path: Vec<String>,
    source: Option<Source>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    UnknownKey(&'static [&'static str]),
    MissingKey,
    Other(String),
}

impl DecodeError {
    fn new(problem: Problem) -> Self {
        Self {
            path: Vec::new(),
            source: None,
            problem,
        }
    }

    fn expected(what: &str) -> Self {
        Self::custom(format_args!("expected {what}"))
    }

    fn at(mut self, source: &Source) -> Self {
        self.source.get_or_insert_with(|| source.clone());
        self
    }

    fn below(mut self, key: &str) -> Self {
        self.path.push(key.to_owned());
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.problem, f)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string()))
    }

    // The default texts of these two quote the value.
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Bool(_) => "a truth value",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
            Unexpected::Float(_) => "a fraction",
            Unexpected::Str(_) => "a text",
            Unexpected::Unit | Unexpected::Option => "null",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a table",
            Unexpected::Other(found) => found,
            _ => "something else",
        };
        Self::custom(format_args!("expected {}, found {found}", plain(expected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(&plain(expected))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("expected one of: {}", expected.join(", ")))
    }

    // The map access knows the key and its place.
    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownKey(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::MissingKey).below(field)
    }
}

/// Says in the words of a configuration file what serde says in those of Rust.
fn plain(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "u64" | "usize" => "a whole number, not below 0".to_owned(),
        text if text.starts_with("struct ") => "a table".to_owned(),
        text if text.starts_with("enum ") => "a name".to_owned(),
        _ => expected,
    }
}

impl Node {
    /// Reads the text of a variable as the JSON of a list or table, for a setting that is one.
    fn json(&self, text: &str, wanted: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(text)
            .map(|json| Self::from_json(&self.source, json))
            .map_err(|_| DecodeError::expected(&format!("{wanted} as JSON")).at(&self.source))
    }
}

macro_rules! parse_untyped {
    ($($method:ident => $visit:ident as $wanted:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let Value::Untyped(text) = &self.value else {
                return self.deserialize_any(visitor);
            };
            let value = text.trim().parse().map_err(|_| DecodeError::expected($wanted));
            value.and_then(|value| visitor.$visit(value)).map_err(|error| error.at(&self.source))
        }
    )*};
}

impl<'de> Deserializer<'de> for &Node {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = match &self.value {
            Value::Table(members) => visitor.visit_map(Members {
                members: members.iter(),
                current: None,
            }),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Text(text) | Value::Untyped(text) => visitor.visit_str(text),
            Value::Integer(integer) => match u64::try_from(*integer) {
                Ok(unsigned) => visitor.visit_u64(unsigned),
                Err(_) => visitor.visit_i64(*integer),
            },
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Null => visitor.visit_unit(),
            Value::Date => Err(DecodeError::invalid_type(
                Unexpected::Other("a date"),
                &visitor,
            )),
        };
        value.map_err(|error| error.at(&self.source))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let (Value::Text(text) | Value::Untyped(text)) = &self.value else {
            return self.deserialize_any(visitor);
        };
        let text: StrDeserializer<'_, DecodeError> = text.as_str().into_deserializer();
        visitor
            .visit_enum(text)
            .map_err(|error| error.at(&self.source))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Untyped(text) => self.json(text, "a list")?.deserialize_any(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Untyped(text) => self.json(text, "a table")?.deserialize_any(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.value {
            Value::Untyped(text) => self
                .json(text, "a table")?
                .deserialize_struct(name, fields, visitor),
            // Serde would take the items for the fields, in their order.
            Value::List(_) => {
                Err(DecodeError::invalid_type(Unexpected::Seq, &visitor).at(&self.source))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    parse_untyped! {
        deserialize_bool => visit_bool as "true or false",
        deserialize_u64 => visit_u64 as "a whole number, not below 0",
    }

    // No setting is of any of these types.
    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Members<'a> {
    members: std::collections::btree_map::Iter<'a, String, Node>,
    current: Option<(&'a str, &'a Node)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, node)) = self.members.next() else {
            return Ok(None);
        };
        self.current = Some((key, node));
        let deserializer: StrDeserializer<'_, DecodeError> = key.as_str().into_deserializer();
        match seed.deserialize(deserializer) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.below(key).at(&node.source)),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let Some((key, node)) = self.current.take() else {
            return Err(DecodeError::custom("a value was asked for before its key"));
        };
        seed.deserialize(node)
            .map_err(|error| error.at(&node.source).below(key))
    }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}
