//! What is correct, but ends the process of some client that it is relayed to.

use crate::{RawArgs, json_text};

/// Returns whether an event with attachments has a key that the clients before 4.4 call as a method when they
/// put the attachments in, and throw an error that nobody catches: `hasOwnProperty`.
///
/// All other names of properties that objects have by themselves do no harm there.
pub(super) fn breaks_old_clients(args: &RawArgs) -> bool {
    !args.attachments().is_empty() && has_key(args.elements(), HAS_OWN_PROPERTY)
}

/// Returns whether an object in valid JSON, at whatever depth, has this key.
fn has_key(json: &str, key: &str) -> bool {
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let string = &rest[start..];
        let (string, behind) = string.split_at(string_len(string));
        rest = behind;
        if behind.trim_ascii_start().starts_with(':') && is_text(string, key) {
            return true;
        }
    }
    false
}

/// Returns the length of the string that the text begins with, quotes included.
fn string_len(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

fn is_text(string: &str, text: &str) -> bool {
    let longest = text.len() * r"\u0000".len() + 2;
    string.len() <= longest && json_text(string).as_deref() == Some(text)
}

const HAS_OWN_PROPERTY: &str = "hasOwnProperty";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_written_and_wherever() {
        for json in [
            r#"{"hasOwnProperty":1}"#,
            r#""x",[{"a":{"b":"\"","hasOwnProperty" : null}}]"#,
            r#"{"hasOwn\u0050roperty":1}"#,
            r#"{"\\":"\\","hasOwnProperty":1}"#,
        ] {
            assert!(has_key(json, HAS_OWN_PROPERTY), "{json}");
        }
    }

    #[test]
    fn what_only_looks_like_the_key_is_none() {
        for json in [
            "",
            r#""hasOwnProperty""#,
            r#"["hasOwnProperty",{"a":"hasOwnProperty"}]"#,
            r#"{"hasOwnProperty2":1,"hasownproperty":1}"#,
            r#"{"a":"\"hasOwnProperty\":1"}"#,
            r#"{"\"hasOwnProperty\"":1}"#,
            r#"{"\\hasOwnProperty":1}"#,
        ] {
            assert!(!has_key(json, HAS_OWN_PROPERTY), "{json}");
        }
    }
}
