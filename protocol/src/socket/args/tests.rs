use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

use super::*;

fn args(json: &'static str) -> RawArgs {
    RawArgs::from_json(ByteString::from_static(json), Vec::new()).unwrap()
}

fn binary(json: &'static str) -> RawArgs {
    let attachments = vec![Bytes::from_static(b"\x00\xff"), Bytes::from_static(b"two")];
    RawArgs::from_json(ByteString::from_static(json), attachments).unwrap()
}

fn named(json: &'static str) -> RawArgs {
    let (args, _) = RawArgs::parse_named(ByteString::from_static(json), 0, 128).unwrap();
    args
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Point {
    x: i32,
    y: Option<i32>,
}

#[test]
fn tuples_take_arguments_by_position() {
    let list = args(r#"[1,"two",{"x":3,"y":4}]"#);

    let all: (u8, String, Point) = list.decode().unwrap();
    let fewer: (u8,) = list.decode().unwrap();
    let more: (u8, String, Value, Option<u8>, Value) = list.decode().unwrap();

    assert_eq!(all, (1, "two".to_owned(), Point { x: 3, y: Some(4) }));
    assert_eq!(fewer, (1,));
    assert_eq!((more.0, more.3, more.4), (1, None, Value::Null));
    assert!(list.decode::<(u8, u8)>().is_err());
    assert!(list.decode::<(u8, String, Point, u8)>().is_err());
}

#[test]
fn other_types_take_the_first_argument() {
    let list = args(r#"[{"x":1},2]"#);

    assert_eq!(list.decode::<Point>().unwrap(), Point { x: 1, y: None });
    assert_eq!(list.decode::<Value>().unwrap(), json!({ "x": 1 }));
    assert_eq!(args("[7,8]").decode::<u8>().unwrap(), 7);
    assert_eq!(args("[-7.5]").decode::<f64>().unwrap(), -7.5);
    assert_eq!(args("[[1,2],3]").decode::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!(
        args(r#"["a"]"#)
            .decode::<Option<String>>()
            .unwrap()
            .as_deref(),
        Some("a")
    );
    assert_eq!(args("[]").decode::<Option<u8>>().unwrap(), None);
    assert_eq!(args("[null]").decode::<Option<u8>>().unwrap(), None);
    assert!(args("[]").decode::<u8>().is_err());
    assert!(args("[]").decode::<String>().is_err());
    assert!(args("[256]").decode::<u8>().is_err());
}

#[test]
fn unit_takes_any_arguments() {
    assert!(args("[]").decode::<()>().is_ok());
    assert!(args(r#"[1,{"a":[]}]"#).decode::<()>().is_ok());
    assert!(args("[1]").decode::<IgnoredAny>().is_ok());
}

#[test]
fn the_name_of_an_event_is_no_argument() {
    let list = named(r#"["name" , 1 ,[2, "]"]]"#);

    assert_eq!(list.len(), 2);
    assert_eq!(list.iter().collect::<Vec<_>>(), ["1", r#"[2, "]"]"#]);
    assert_eq!(list.json(), r#"[1 ,[2, "]"]]"#);
    assert_eq!(list.decode::<u8>().unwrap(), 1);
    assert_eq!(list.decode::<(u8, Value)>().unwrap(), (1, json!([2, "]"])));
    for bare in [r#"["name"]"#, r#"[ "name" ]"#] {
        let list = named(bare);
        assert!(list.is_empty());
        assert_eq!((list.elements(), list.iter().count()), ("", 0));
        assert_eq!(list.json(), "[]");
        assert_eq!(list.decode::<(Option<u8>,)>().unwrap(), (None,));
    }
}

#[test]
fn text_of_the_arguments_is_shown_as_it_was_sent() {
    let list = args(r#"[ 1e3 ,"\u0041", {"a" : 1.0} ]"#);

    assert_eq!(list.json(), r#"[ 1e3 ,"\u0041", {"a" : 1.0} ]"#);
    assert_eq!(
        list.iter().collect::<Vec<_>>(),
        ["1e3", r#""\u0041""#, r#"{"a" : 1.0}"#]
    );
    assert_eq!(args("[ ]").elements(), "");
    assert_eq!(args("[1,2]").elements(), "1,2");
    assert_eq!(RawArgs::default().json(), "[]");
}

#[test]
fn only_arrays_are_argument_lists() {
    for json in ["", "{}", "1", "\"a\"", "[1", "[1]x", " []"] {
        let result = RawArgs::from_json(json, Vec::new());
        assert_eq!(result, Err(DecodeError::InvalidPayload), "{json:?}");
    }
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    let list = args(r#"["\ud800x",{"\udc00":1}]"#);

    let text: String = list.decode().unwrap();
    let both: (String, Value) = list.decode().unwrap();

    assert_eq!(text, "\u{fffd}x");
    assert_eq!(both.1, json!({ "\u{fffd}": 1 }));
    assert_eq!(list.json(), r#"["\ud800x",{"\udc00":1}]"#);
    assert!(list.decode::<u8>().is_err());
}

#[test]
fn hostile_values_are_plain_data_or_errors() {
    assert_eq!(
        args(r#"[{"__proto__":1,"a":1,"a":2}]"#)
            .decode::<Value>()
            .unwrap(),
        json!({"__proto__": 1, "a": 2})
    );
    assert_eq!(args(r#"["\u0000"]"#).decode::<String>().unwrap(), "\0");
    assert!(args("[1e999]").decode::<f64>().is_err());
}

#[test]
fn the_deepest_text_is_no_danger_to_the_stack() {
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    let deepest = RawArgs::from_json(deep, Vec::new()).unwrap();

    assert!(deepest.decode::<Value>().is_ok());
    assert!(deepest.decode::<(Value,)>().is_err());
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Nested {
    name: String,
    one: Bytes,
    maybe: Option<Bytes>,
    list: Vec<Bytes>,
    map: BTreeMap<String, Bytes>,
    wrapped: Wrapped,
    choices: Vec<Choice>,
    pair: (u8, Bytes),
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Wrapped(Bytes);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Choice {
    Unit,
    Newtype(Bytes),
    Tuple(u8, Bytes),
    Struct { data: Bytes },
}

#[test]
fn bytes_travel_at_any_depth() {
    let bytes = |n: u8| Bytes::from(vec![n, 0xff]);
    let nested = || Nested {
        name: "n".into(),
        one: bytes(0),
        maybe: Some(bytes(1)),
        list: vec![bytes(2), Bytes::new()],
        map: BTreeMap::from([("k".to_owned(), bytes(4))]),
        wrapped: Wrapped(bytes(5)),
        choices: vec![
            Choice::Unit,
            Choice::Newtype(bytes(6)),
            Choice::Tuple(1, bytes(7)),
            Choice::Struct { data: bytes(8) },
        ],
        pair: (1, bytes(9)),
    };

    let list = RawArgs::encode(&(1, nested(), bytes(10))).unwrap();

    assert_eq!(list.attachments().len(), 11);
    assert_eq!(list.attachments()[10], bytes(10));
    let (one, back, last): (u8, Nested, Bytes) = list.decode().unwrap();
    assert_eq!((one, back, last), (1, nested(), bytes(10)));
    let single = RawArgs::encode(&nested()).unwrap();
    assert_eq!(single.decode::<Nested>().unwrap(), nested());
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat {
    a: u8,
    #[serde(flatten)]
    rest: Inner,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    data: Bytes,
    more: Vec<Bytes>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "type")]
enum Tagged {
    File { data: Bytes },
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    File { data: Bytes },
    Other { num: Value, _placeholder: Value },
}

#[test]
fn bytes_are_found_in_types_that_buffer() {
    let first = Bytes::from_static(b"\x00\xff");
    let flat = binary(
        r#"[{"data":{"_placeholder":true,"num":0},"more":[{"num":1,"_placeholder":true}],"a":1}]"#,
    );
    let tagged = binary(r#"[{"data":{"_placeholder":true,"num":0},"type":"File"}]"#);
    let untagged =
        binary(r#"[1,{"data":{"_placeholder":true,"num":0}},{"num":"x","_placeholder":false}]"#);

    let rest = Inner {
        data: first.clone(),
        more: vec![Bytes::from_static(b"two")],
    };
    assert_eq!(flat.decode::<Flat>().unwrap(), Flat { a: 1, rest });
    let data = first.clone();
    assert_eq!(tagged.decode::<Tagged>().unwrap(), Tagged::File { data });
    let (one, two, three): (Untagged, Untagged, Untagged) = untagged.decode().unwrap();
    assert_eq!(one, Untagged::Number(1));
    assert_eq!(two, Untagged::File { data: first });
    assert_eq!(
        three,
        Untagged::Other {
            num: json!("x"),
            _placeholder: json!(false)
        }
    );
}

#[test]
fn placeholders_stay_objects_where_no_bytes_are_asked_for() {
    let list = binary(r#"[{"_placeholder":true,"num":1},{"a":"b"}]"#);

    let value: (Value, Value) = list.decode().unwrap();
    let raw: (Box<RawValue>, BTreeMap<String, String>) = list.decode().unwrap();

    assert_eq!(value.0, json!({ "_placeholder": true, "num": 1 }));
    assert_eq!(raw.0.get(), r#"{"_placeholder":true,"num":1}"#);
    assert_eq!(raw.1["a"], "b");
}

#[test]
fn bytes_are_taken_from_placeholders_of_any_spelling() {
    for json in [
        r#"[{"_placeholder":true,"num":1}]"#,
        r#"[{"num":1,"_placeholder":true}]"#,
        r#"[{"x":{"num":0},"num":0,"num":1,"_placeholder":true}]"#,
        r#"[{"_placeh\u006flder":true , "num" :1}]"#,
    ] {
        assert_eq!(binary(json).decode::<Bytes>().unwrap(), "two", "{json}");
    }
}

#[test]
fn bytes_are_not_made_of_other_objects() {
    for json in [
        "[{}]",
        r#"[{"num":0}]"#,
        r#"[{"_placeholder":"true","num":0}]"#,
        "[null]",
        "[]",
        "[1]",
    ] {
        assert!(binary(json).decode::<Bytes>().is_err(), "{json}");
    }
    let plain = args(r#"[{"_placeholder":true,"num":0}]"#);
    assert!(plain.decode::<Bytes>().is_err());
}

#[test]
fn arrays_and_strings_are_bytes_as_in_plain_json() {
    for list in [args(r#"[[1,2],"ab"]"#), binary(r#"[[1,2],"ab"]"#)] {
        let (array, text): (Bytes, Bytes) = list.decode().unwrap();

        assert_eq!(array, [1, 2][..]);
        assert_eq!(text, "ab");
    }
}

#[test]
fn arguments_are_added_behind() {
    let list = named(r#"["chat",{"room":"a"}]"#)
        .with(&json!({ "from": 1 }))
        .unwrap();
    let more = list.with(&("x", Bytes::from_static(b"x"))).unwrap();
    let most = more.with(&Bytes::from_static(b"y")).unwrap();

    assert_eq!(list.json(), r#"[{"room":"a"},{"from":1}]"#);
    assert_eq!(list.with(&()).unwrap(), list);
    assert_eq!(RawArgs::default().with(&1).unwrap().json(), "[1]");
    assert_eq!(
        most.iter().last().unwrap(),
        r#"{"_placeholder":true,"num":1}"#
    );
    assert_eq!(
        most.attachments(),
        [Bytes::from_static(b"x"), Bytes::from_static(b"y")]
    );
}

#[test]
fn data_is_never_turned_into_a_placeholder() {
    let marker = r#"[{"_placeholder":true,"num":0}]"#;
    let file = Bytes::from_static(b"x");

    let next_to_bytes = RawArgs::encode(&(json!([{ "_placeholder": true, "num": 0 }]), &file));
    let before_bytes = args(marker).with(&file);
    let behind_bytes = binary(marker).with(&json!({ "_placeholder": true, "num": 1 }));

    for result in [next_to_bytes, before_bytes, behind_bytes] {
        assert!(
            matches!(result, Err(EncodeError::PlaceholderInData)),
            "{result:?}"
        );
    }
    assert!(args(marker).with(&1).is_ok());
    assert!(binary(marker).with(&file).is_ok());
}

/// Values of every kind, in a form that keeps their kinds apart.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Any {
    Null(()),
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Bytes),
    Some(Option<Box<Self>>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Pair(Box<Self>, Box<Self>),
    Struct {
        _placeholder: Box<Self>,
        num: Box<Self>,
    },
}

fn any_value() -> impl Strategy<Value = Any> {
    let leaf = prop_oneof![
        Just(Any::Null(())),
        any::<bool>().prop_map(Any::Bool),
        any::<i64>().prop_map(Any::Int),
        prop::num::f64::NORMAL.prop_map(Any::Float),
        any::<String>().prop_map(Any::Text),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| Any::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(5, 32, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            prop::option::of(boxed()).prop_map(Any::Some),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Any::List),
            prop::collection::btree_map(any::<String>(), inner.clone(), 0..4).prop_map(Any::Map),
            (boxed(), boxed()).prop_map(|(a, b)| Any::Pair(a, b)),
            (boxed(), boxed()).prop_map(|(a, b)| Any::Struct {
                _placeholder: a,
                num: b
            }),
        ]
    })
}

fn bytes_in(value: &Any, out: &mut Vec<Bytes>) {
    match value {
        Any::Bytes(bytes) => out.push(bytes.clone()),
        Any::Some(Some(inner)) => bytes_in(inner, out),
        Any::List(items) => items.iter().for_each(|item| bytes_in(item, out)),
        Any::Map(items) => items.values().for_each(|item| bytes_in(item, out)),
        Any::Pair(a, b)
        | Any::Struct {
            _placeholder: a,
            num: b,
        } => {
            bytes_in(a, out);
            bytes_in(b, out);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_survive_the_way_to_text_and_back(first in any_value(), second in any_value()) {
        let list = RawArgs::encode(&(&first, &second)).unwrap();

        let mut expected = Vec::new();
        bytes_in(&first, &mut expected);
        bytes_in(&second, &mut expected);
        prop_assert_eq!(list.attachments(), expected);
        let (one, two): (Any, Any) = list.decode().unwrap();
        prop_assert_eq!((&one, &two), (&first, &second));
        prop_assert_eq!(list.decode::<Any>().unwrap(), first);
        let json: Value = serde_json::from_str(&list.json()).unwrap();
        prop_assert_eq!(json, list.decode::<(Value, Value)>().map(|(a, b)| json!([a, b])).unwrap());
    }

    #[test]
    fn any_text_is_decoded_or_refused(text in "\\[[\\[\\]{}\",:\\\\0-9eE+.tfnud8 -]{0,24}\\]") {
        if let Ok(list) = RawArgs::from_json(text, vec![Bytes::new()]) {
            prop_assert_eq!(list.iter().count(), list.len());
            let _ = list.decode::<Value>();
            let _ = list.decode::<(Any, Bytes)>();
        }
    }
}
