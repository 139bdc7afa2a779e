/// Rewrites the escapes of lone surrogates in valid JSON to `\ufffd`, which has the same
/// length; returns nothing when there are none.
///
/// Real clients send them: `JSON.stringify` of an emoji that was cut in half writes `\ud83d`.
pub(super) fn replace_lone(json: &str) -> Option<String> {
    let mut rewritten: Option<Vec<u8>> = None;
    let bytes = json.as_bytes();
    let mut at = 0;
    // Outside of strings valid JSON has no backslash.
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(is_backslash))
    {
        at += found;
        let Some(unit) = code_unit(bytes, at) else {
            at += 2;
            continue;
        };
        let paired = HIGH.contains(&unit)
            && code_unit(bytes, at + 6).is_some_and(|next| LOW.contains(&next));
        if paired {
            at += 12;
            continue;
        }
        if HIGH.contains(&unit) || LOW.contains(&unit) {
            let rewritten = rewritten.get_or_insert_with(|| bytes.to_vec());
            if let Some(escape) = rewritten.get_mut(at..at + 6) {
                escape.copy_from_slice(b"\\ufffd");
            }
        }
        at += 6;
    }
    rewritten.and_then(|json| String::from_utf8(json).ok())
}

fn is_backslash(byte: &u8) -> bool {
    *byte == b'\\'
}

/// The UTF-16 code unit of the escape `\uXXXX` that starts at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

const HIGH: std::ops::RangeInclusive<u16> = 0xd800..=0xdbff;
const LOW: std::ops::RangeInclusive<u16> = 0xdc00..=0xdfff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_surrogates_are_rewritten() {
        for (json, expected) in [
            (r#"["plain é"]"#, None),
            (r#"["\ud83d\ude00"]"#, None),
            (r#"["\\ud83d"]"#, None),
            (r#"["\u00e9\n\""]"#, None),
            (r#"["\ud83d"]"#, Some(r#"["\ufffd"]"#)),
            (r#"["\uDE00x"]"#, Some(r#"["\ufffdx"]"#)),
            (r#"["\ud83d\n"]"#, Some(r#"["\ufffd\n"]"#)),
            (
                r#"["\ud83d\ud83d\ude00"]"#,
                Some(r#"["\ufffd\ud83d\ude00"]"#),
            ),
            (r#"["\ude00\ud83d"]"#, Some(r#"["\ufffd\ufffd"]"#)),
            (r#"["\\\ud83d"]"#, Some(r#"["\\\ufffd"]"#)),
        ] {
            assert_eq!(replace_lone(json).as_deref(), expected, "{json}");
        }
    }
}
