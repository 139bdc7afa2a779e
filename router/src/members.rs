use std::fmt;

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

/// Returns the members of these names of a JSON object, of several with one name the last, as they
/// are written; none if the text is no JSON object and nothing else.
///
/// Everything else in the object is skipped and nothing is copied, so this costs no memory
/// whatever a client has sent. [`json_text`] reads one that is a text.
///
/// ```
/// use sockeye_router::{json_members, json_text};
///
/// let [room, number] = json_members(r#"{"room":"r","all":[1,2],"n":3}"#, ["room", "n"]).unwrap();
///
/// assert_eq!(room.and_then(json_text).as_deref(), Some("r"));
/// assert_eq!(number, Some("3"));
/// ```
#[must_use]
pub fn json_members<'a, const N: usize>(
    object: &'a str,
    names: [&str; N],
) -> Option<[Option<&'a str>; N]> {
    // A text would be repeated in the error.
    if !object.trim_ascii_start().starts_with('{') {
        return None;
    }
    let mut json = Deserializer::from_str(object);
    let members = json.deserialize_map(Members(names)).ok()?;
    json.end().ok()?;
    Some(members)
}

/// Returns the text that a JSON value is, if it is one.
#[must_use]
pub fn json_text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

struct Members<'n, const N: usize>([&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Option<&'de str>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(key) = access.next_key::<&RawValue>()? {
            let is_key = |name: &&str| is_text(key.get(), name);
            match self.0.iter().position(is_key) {
                Some(at) => found[at] = Some(access.next_value::<&RawValue>()?.get()),
                None => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Returns whether a JSON string is this text.
fn is_text(json: &str, text: &str) -> bool {
    if json.contains('\\') {
        return json_text(json).is_some_and(|json| json == text);
    }
    json.strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'))
        == Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(object: &str) -> Option<[Option<&str>; 2]> {
        json_members(object, ["a", "b"])
    }

    #[test]
    fn members_are_found_wherever_they_are() {
        for (object, expected) in [
            (r#"{"a":"1","b":[2]}"#, [Some(r#""1""#), Some("[2]")]),
            (r#" { "b" : null , "x" : {"a":1} } "#, [None, Some("null")]),
            (r#"{"\u0061":1,"c":1e999,"d":"\ud800"}"#, [Some("1"), None]),
            (r#"{"a":1,"a":2}"#, [Some("2"), None]),
            ("{}", [None, None]),
        ] {
            assert_eq!(found(object), Some(expected), "{object}");
        }
    }

    #[test]
    fn what_is_no_object_has_none() {
        for text in [
            "",
            "null",
            "[]",
            r#""a""#,
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            "{a:1}",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_text_is_one() {
        assert_eq!(json_text(r#""a\"\u00e9""#).as_deref(), Some("a\"é"));
        for value in ["1", "null", "[\"a\"]", r#""\ud800""#] {
            assert_eq!(json_text(value), None, "{value}");
        }
    }

    #[test]
    fn what_is_not_asked_for_takes_no_memory() {
        let object = format!(r#"{{"c":[{}0],"a":"x"}}"#, r#"{"":0},"#.repeat(140_000));
        let text = format!("{:?}", "x".repeat(1_000_000));

        let used = allocation_counter::measure(|| {
            assert_eq!(found(&object), Some([Some(r#""x""#), None]));
            assert_eq!(found(&text), None);
        });

        assert!(used.bytes_max < 1024, "{} bytes", used.bytes_max);
    }
}
