//! What the server itself reads of a CONNECT packet's payload, and of an attempt to authenticate.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Number, value::RawValue};

/// Returns the texts of some fields: nothing else of the payload is kept, as it may be large and its
/// sender nobody.
///
/// Of a field that is there twice the last counts.
pub(crate) fn fields<const N: usize>(payload: &str, names: [&'static str; N]) -> [Field; N] {
    let found = serde_json::from_str(payload)
        .ok()
        .and_then(|payload: &RawValue| {
            let mut json = serde_json::Deserializer::from_str(payload.get());
            json.deserialize_map(Fields(names)).ok()
        });
    found.unwrap_or([const { Field::Missing }; N])
}

/// A field of a payload.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Field {
    Missing,
    Null,
    Text(String),
    Number(Number),
    Other,
}

impl Field {
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads what stands for a value in JSON.
    pub(crate) fn read(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str(json).map_or(Self::Other, Self::Text),
            Some(b'n') => Self::Null,
            Some(b'-' | b'0'..=b'9') => {
                serde_json::from_str(json).map_or(Self::Other, Self::Number)
            }
            _ => Self::Other,
        }
    }
}

struct Fields<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Fields<N> {
    type Value = [Field; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut payload: M) -> Result<Self::Value, M::Error> {
        let mut found = [const { Field::Missing }; N];
        while let Some(Name(name)) = payload.next_key()? {
            let named = self.0.iter().position(|wanted| *wanted == name);
            match named.and_then(|at| found.get_mut(at)) {
                Some(field) => *field = Field::read(payload.next_value::<&RawValue>()?.get()),
                None => {
                    payload.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(payload: &str) -> [Field; 2] {
        fields(payload, ["pid", "offset"])
    }

    #[test]
    fn texts_are_found_among_anything_else() {
        let payload = r#" {"a":[{"pid":"no"}],"p\u0069d":"x","pid":"y\n","offset":null} "#;

        assert_eq!(texts(payload), [Field::Text("y\n".to_owned()), Field::Null]);
        assert_eq!(
            texts(r#"{"pid":5,"offset":[]}"#),
            [Field::Number(5.into()), Field::Other]
        );
        let lone_surrogate = r#"{"pid":"\ud800"}"#;
        assert_eq!(texts(lone_surrogate), [Field::Other, Field::Missing]);
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for payload in [
            "",
            "[]",
            "null",
            "\"pid\"",
            r#"{"pid":"x""#,
            r#"{"pid":"x"}y"#,
        ] {
            assert_eq!(
                texts(payload),
                [Field::Missing, Field::Missing],
                "{payload}"
            );
        }
    }
}
