use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value as Json;

use super::reference::hex;

/// What a receiver sees of JSON and attachments.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    /// What JavaScript has where there is nothing.
    Undefined,
    Bool(bool),
    Number(f64),
    Text(String),
    Data(String),
    List(Vec<Self>),
    Members(BTreeMap<String, Self>),
    /// What lies too deep to be handed over: any container.
    Deep,
}

impl Value {
    /// Reads what `reference.js` writes.
    pub(crate) fn of_reference(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(_) => unreachable!("numbers come as their bits"),
            Json::Array(items) => Self::List(items.iter().map(Self::of_reference).collect()),
            Json::Object(members) => {
                let member =
                    |(key, value): (&String, &Json)| (key.clone(), Self::of_reference(value));
                Self::Members(members.iter().map(member).collect())
            }
            Json::String(text) => {
                let (kind, rest) = text.split_at(1);
                match kind {
                    "s" => Self::Text(rest.to_owned()),
                    "b" => Self::Data(rest.to_owned()),
                    "n" => Self::Number(f64::from_bits(u64::from_str_radix(rest, 16).unwrap())),
                    "d" => Self::Deep,
                    _ => Self::Undefined,
                }
            }
        }
    }

    /// Puts attachments in the place of their placeholders.
    pub(crate) fn with_attachments(self, attachments: &[Bytes]) -> Self {
        match self {
            Self::List(items) => {
                let items = items
                    .into_iter()
                    .map(|item| item.with_attachments(attachments));
                Self::List(items.collect())
            }
            Self::Members(members) => {
                if let (Some(Self::Bool(true)), Some(Self::Number(number))) =
                    (members.get("_placeholder"), members.get("num"))
                {
                    return Self::Data(hex(&attachments[*number as usize]));
                }
                let member =
                    |(key, value): (String, Self)| (key, value.with_attachments(attachments));
                Self::Members(members.into_iter().map(member).collect())
            }
            other => other,
        }
    }

    /// Whether this or something in it is so.
    pub(crate) fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self)
            || match self {
                Self::List(items) => items.iter().any(|item| item.any(is)),
                Self::Members(members) => members.values().any(|value| value.any(is)),
                _ => false,
            }
    }

    pub(crate) fn is_infinite(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_infinite())
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Deep, Self::List(_) | Self::Members(_)) => true,
            (Self::Null, Self::Null) | (Self::Undefined, Self::Undefined) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::Text(one), Self::Text(other)) | (Self::Data(one), Self::Data(other)) => {
                one == other
            }
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Members(one), Self::Members(other)) => one == other,
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = members.next_entry()? {
            map.insert(key, value);
        }
        Ok(Value::Members(map))
    }
}
