use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

fn check(text: &str) -> Result<Shape, JsonError> {
    scan(text.as_bytes(), MAX_DEPTH, &mut ())
}

/// What another parser says, which has no limit of depth here as it builds nothing.
fn reference(text: &str) -> Result<(), JsonError> {
    if !text.starts_with(['[', '{']) {
        return Err(JsonError::Syntax);
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(JsonError::Syntax),
    }
}

fn depth(text: &str) -> usize {
    let (mut depth, mut most, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

#[test]
fn valid_texts_are_accepted() {
    for text in [
        "[]",
        "{}",
        " [] ".trim_start(),
        "[ ]",
        "{ }",
        r#"["a"]"#,
        r#"["a",1,-0,0.5,-1e3,1E+2,1e-2,12345678901234567890]"#,
        r#"[true,false,null]"#,
        r#"[ "a" , [ ] , { } ]"#,
        "[\t1\r\n]",
        r#"{"a":{"b":[1,{"c":null}]},"a":2}"#,
        r#"["\"\\\/\b\f\n\r\t\u00e9\ud800"]"#,
        r#"["é€😀","12345678","1234567\"","123456789012345678901234567890"]"#,
        "[\"\u{7f}\u{2028}\"]",
        "[1e999]",
    ] {
        assert!(check(text).is_ok(), "{text}");
        assert!(reference(text).is_ok(), "{text}");
    }
}

#[test]
fn invalid_texts_are_refused() {
    for text in [
        "",
        " []",
        "1",
        "\"a\"",
        "null",
        "[",
        "]",
        "{",
        "[}",
        "{]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1]]",
        "[1]x",
        "[] []",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[01]",
        "[-]",
        "[+1]",
        "[.5]",
        "[1.]",
        "[1e]",
        "[1e+]",
        "[0x1]",
        "[1_0]",
        "[NaN]",
        "[Infinity]",
        "[tru]",
        "[truefalse]",
        "[nulll]",
        "['a']",
        "[\"a]",
        "[\"\\x\"]",
        "[\"\\u12\"]",
        "[\"\\u12g4\"]",
        "[\"\\",
        "[\"\n\"]",
        "[\"1234567\u{0}\"]",
        "[\u{a0}1]",
        "\u{feff}[]",
    ] {
        assert_eq!(check(text), Err(JsonError::Syntax), "{text:?}");
        assert!(reference(text).is_err(), "{text:?}");
    }
}

#[test]
fn nesting_is_counted_over_arrays_and_objects() {
    let nested = |levels: usize| {
        let half = levels / 2;
        let odd = levels % 2;
        let open = r#"{"a":["#.repeat(half) + &"[".repeat(odd);
        open + &"]".repeat(odd) + &"]}".repeat(half)
    };

    assert!(check(&nested(128)).is_ok());
    assert_eq!(check(&nested(129)), Err(JsonError::TooDeep));
    assert_eq!(check(&"[".repeat(400_000)), Err(JsonError::TooDeep));
    assert_eq!(scan(b"[[1]]", 1, &mut ()), Err(JsonError::TooDeep));
    assert!(scan(b"[[1],[2]]", 2, &mut ()).is_ok());
}

#[test]
fn parts_of_the_array_are_located() {
    let parts = |text: &'static str| {
        let shape = check(text).unwrap();
        let first = &text[shape.first..shape.first_end];
        (shape.len, first, &text[shape.rest..shape.end])
    };

    assert_eq!(parts("[]"), (0, "", "]"));
    assert_eq!(parts("[ ] "), (0, "", "]"));
    assert_eq!(parts(r#"["a"]"#), (1, r#""a""#, "]"));
    assert_eq!(parts(r#"["a",1]"#), (2, r#""a""#, "1]"));
    assert_eq!(parts("[ 12 , [3,4] ,5 ]\n"), (3, "12", "[3,4] ,5 ]"));
    assert_eq!(parts("[[1,2],3]"), (2, "[1,2]", "3]"));
    assert_eq!(parts("[{}]"), (1, "{}", "]"));
}

#[test]
fn ends_of_values_are_found() {
    let text = br#""a,]" ,[1,{"b":"]"}],2]"#;

    assert_eq!(value_end(text, 0), 5);
    assert_eq!(value_end(text, 7), 20);
    assert_eq!(value_end(text, 21), 22);
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "\"(\\\\u[0-9a-fA-F]{4}|\\\\n|[ -!#-\\[\\]-~]){0,12}\"",
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..6), "[ \n\t\r]{0,2}").prop_map(
                |(items, space)| format!("[{space}{}{space}]", items.join(&format!(",{space}")))
            ),
            (
                prop::collection::vec((any::<String>(), inner), 0..6),
                "[ \n]{0,2}"
            )
                .prop_map(|(members, space)| {
                    let members = members.iter().map(|(key, value)| {
                        format!("{}{space}:{value}", serde_json::to_string(key).unwrap())
                    });
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
        ]
    })
}

fn agree(text: &str) {
    let expected = match reference(text) {
        Ok(()) if depth(text) > usize::from(MAX_DEPTH) => Err(JsonError::TooDeep),
        other => other,
    };

    match (check(text), expected) {
        // Text that is both may be refused for either.
        (Err(JsonError::TooDeep), Err(_)) => {}
        (ours, expected) => assert_eq!(ours.map(|_| ()), expected, "{text:?}"),
    }
}

proptest! {
    #![proptest_config(crate::cases::cases(512))]

    #[test]
    fn generated_json_is_judged_as_by_serde_json(items in prop::collection::vec(json(), 0..4)) {
        let text = format!("[{}]", items.join(","));

        agree(&text);

        let shape = check(&text).unwrap();
        prop_assert_eq!(shape.len as usize, items.len());
        prop_assert_eq!(&text[shape.first..shape.first_end], items.first().map_or("", |item| item.as_str()));
    }

    #[test]
    fn mutated_json_is_judged_as_by_serde_json(
        text in json(),
        at in any::<prop::sample::Index>(),
        with in prop_oneof![Just(String::new()), "[\\[\\]{}\",:\\\\0-9eE+.tnu \\x00-\\x1f-]{1,3}"],
        cut in 0..3_usize,
    ) {
        let mut chars: Vec<char> = format!("[{text}]").chars().collect();
        let start = at.index(chars.len());
        let end = (start + cut).min(chars.len());

        chars.splice(start..end, with.chars());

        agree(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn any_text_is_judged_as_by_serde_json(text in "[\\[{][\\[\\]{}\",:\\\\0-9eE+.tfnu a-]{0,24}") {
        agree(&text);
    }

    #[test]
    fn elements_end_where_the_next_begins(items in prop::collection::vec(json(), 1..5)) {
        let text = format!("[{}]", items.join(","));
        let mut at = 1;

        for item in &items {
            let end = value_end(text.as_bytes(), at);
            prop_assert_eq!(&text[at..end], item.as_str());
            at = end + 1;
        }
    }
}
