use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::*;
use crate::{attachments::SHARED, socket::Binary};

fn text(prepared: &Prepared) -> String {
    String::from_utf8(prepared.text_packet().unwrap().to_vec()).unwrap()
}

fn sid(random: u8) -> Sid {
    Sid::from_random([random; 15])
}

#[test]
fn packets_without_arguments_are_those_of_the_protocol() {
    let a = "AAAAAAAAAAAAAAAAAAAA";
    let b = "____________________";

    assert_eq!(
        text(&connect("/", &sid(0), None)),
        format!(r#"40{{"sid":"{a}"}}"#)
    );
    assert_eq!(
        text(&connect("/a", &sid(0), Some(&sid(0xff)))),
        format!(r#"40/a,{{"sid":"{a}","pid":"{b}"}}"#)
    );
    assert_eq!(text(&disconnect("/")), "41");
    assert_eq!(text(&disconnect("/a")), "41/a,");
}

#[test]
fn refusals_have_a_message_and_perhaps_data() {
    let plain = connect_error("/zzz", "Invalid namespace", None::<&()>).unwrap();
    let data = connect_error("/", "no\"pe", Some(&json!({ "code": 1 }))).unwrap();

    assert_eq!(text(&plain), r#"44/zzz,{"message":"Invalid namespace"}"#);
    assert_eq!(text(&data), r#"44{"message":"no\"pe","data":{"code":1}}"#);
}

#[test]
fn events_are_those_of_the_protocol() {
    let hello = |ns: &str, id| event(ns, id, "hello", &(1,)).unwrap();
    let none = |ns: &str, id| event(ns, id, "hello", &()).unwrap();

    assert_eq!(text(&hello("/", None)), r#"42["hello",1]"#);
    assert_eq!(text(&none("/a", None)), r#"42/a,["hello"]"#);
    assert_eq!(text(&none("/", Some(0))), r#"420["hello"]"#);
    assert_eq!(text(&hello("/a", Some(12))), r#"42/a,12["hello",1]"#);
    assert_eq!(text(&ack("/", 1, &(1, "2")).unwrap()), r#"431[1,"2"]"#);
    assert_eq!(text(&ack("/a", 12, &()).unwrap()), "43/a,12[]");
    assert_eq!(
        text(&event("/", None, "q\"é\n", &()).unwrap()),
        r#"42["q\"é\n"]"#
    );
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Newtype((u8, u8));

#[derive(Serialize)]
struct Pair(u8, u8);

#[derive(Serialize)]
enum Choice {
    A,
    B(u8),
    C(u8, u8),
    D { x: u8 },
}

#[test]
fn only_a_tuple_is_a_list_of_arguments() {
    fn list<T: Serialize + ?Sized>(args: &T) -> String {
        text(&ack("/", 0, args).unwrap())[3..].to_owned()
    }

    assert_eq!(list(&(1, "a", [1, 2])), r#"[1,"a",[1,2]]"#);
    assert_eq!(list(&[1, 2]), "[1,2]");
    assert_eq!(list(&((1, 2),)), "[[1,2]]");
    assert_eq!(list(&vec![1, 2]), "[[1,2]]");
    assert_eq!(list(&[1, 2][..]), "[[1,2]]");
    assert_eq!(list(&json!([1, 2])), "[[1,2]]");
    assert_eq!(list("a"), r#"["a"]"#);
    assert_eq!(list(&1_u128), "[1]");
    assert_eq!(list(&'a'), r#"["a"]"#);
    assert_eq!(list(&true), "[true]");
    assert_eq!(list(&None::<u8>), "[null]");
    assert_eq!(list(&Some((1, 2))), "[[1,2]]");
    assert_eq!(list(&Unit), "[null]");
    assert_eq!(list(&Newtype((1, 2))), "[[1,2]]");
    assert_eq!(list(&Pair(1, 2)), "[[1,2]]");
    assert_eq!(list(&Choice::A), r#"["A"]"#);
    assert_eq!(list(&Choice::B(1)), r#"[{"B":1}]"#);
    assert_eq!(list(&Choice::C(1, 2)), r#"[{"C":[1,2]}]"#);
    assert_eq!(list(&Choice::D { x: 1 }), r#"[{"D":{"x":1}}]"#);
    assert_eq!(list(&(f64::NAN, f64::INFINITY, -0.0)), "[null,null,-0.0]");
    assert_eq!(list(&format_args!("{}", 1)), r#"["1"]"#);
}

#[test]
fn bytes_make_a_packet_binary() {
    let one = Bytes::from_static(b"\x01\x02\x03");
    let two = Bytes::from_static(b"\x04");
    let placeholder = |num| format!(r#"{{"_placeholder":true,"num":{num}}}"#);

    let plain = event("/", None, "bin", &(&one, json!({ "a": 1 }), Some(&two))).unwrap();
    let full = event("/a", Some(7), "bin", &vec![&one]).unwrap();
    let ack = ack("/", 10, &one).unwrap();

    let (zero, first) = (placeholder(0), placeholder(1));
    assert_eq!(
        text(&plain),
        format!(r#"452-["bin",{zero},{{"a":1}},{first}]"#)
    );
    assert_eq!(plain.binary_messages().collect::<Vec<_>>(), [&one, &two]);
    assert_eq!(text(&full), format!(r#"451-/a,7["bin",[{zero}]]"#));
    assert_eq!(text(&ack), format!("461-10[{zero}]"));
    assert_eq!(ack.packet_count(), 2);
}

#[test]
fn headers_of_any_length_are_laid_again() {
    for id in [0, 9, 10, 99, 100, 9_007_199_254_740_991, u64::MAX] {
        let ack = ack("/name", id, &Bytes::new()).unwrap();

        let expected = format!(r#"461-/name,{id}[{{"_placeholder":true,"num":0}}]"#);
        assert_eq!(text(&ack), expected);
    }
}

#[test]
fn reserved_names_are_not_emitted() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        let result = event("/", None, name, &());
        assert!(matches!(result, Err(EncodeError::ReservedEvent)), "{name}");
    }
    assert!(event("/", None, "error", &()).is_ok());
}

#[test]
fn what_has_no_json_form_is_an_error() {
    let keys = std::collections::HashMap::from([((1, 2), 3)]);

    let result = event("/", None, "x", &(1, keys));

    assert!(matches!(result, Err(EncodeError::Json(_))));
}

#[test]
fn raw_arguments_are_sent_as_they_came() {
    let plain = RawArgs::from_json("[1.0 ,\"\\ud800\"]", Vec::new()).unwrap();
    let json = r#"[{"num":0,"_placeholder":true}]"#;
    let data = Bytes::from(vec![7; SHARED]);
    let binary = RawArgs::from_json(json, vec![data.clone()]).unwrap();

    let relayed = event_raw("/a", None, "x", &binary);

    assert_eq!(
        text(&event_raw("/", Some(3), "a\"b", &plain)),
        r#"423["a\"b",1.0 ,"\ud800"]"#
    );
    assert_eq!(
        text(&event_raw("/", None, "x", &RawArgs::default())),
        r#"42["x"]"#
    );
    assert_eq!(text(&ack_raw("/a", 5, &plain)), r#"43/a,5[1.0 ,"\ud800"]"#);
    assert_eq!(text(&ack_raw("/", 5, &RawArgs::default())), "435[]");
    assert_eq!(
        text(&relayed),
        r#"451-/a,["x",{"num":0,"_placeholder":true}]"#
    );
    assert_eq!(
        relayed.binary_messages().next().unwrap().as_ptr(),
        data.as_ptr()
    );
}

#[test]
fn a_small_attachment_is_sent_without_what_it_was_read_with() {
    let read = Bytes::from(vec![7; 2 * SHARED]);
    let small = read.slice(SHARED..SHARED + 3);
    let json = r#"[{"_placeholder":true,"num":0}]"#;
    let binary = RawArgs::from_json(json, vec![small.clone()]).unwrap();

    let relayed = event_raw("/", None, "x", &binary);
    let emitted = event("/", None, "x", &Binary(small.clone())).unwrap();

    for packet in [relayed, emitted, Prepared::binary(small.clone())] {
        let sent = packet.binary_messages().next().unwrap();
        assert_eq!(sent, &small);
        assert_ne!(sent.as_ptr(), small.as_ptr());
    }
}

#[test]
fn an_offset_stands_behind_all_arguments() {
    let none = RawArgs::default();
    let two = RawArgs::encode(&(1, Bytes::from_static(b"x"))).unwrap();

    assert_eq!(
        text(&event_at("/", "a", &none, "Xy0_B")),
        r#"42["a","Xy0_B"]"#
    );
    assert_eq!(
        text(&event_at("/n", "a", &two, "Xy0_B")),
        r#"451-/n,["a",1,{"_placeholder":true,"num":0},"Xy0_B"]"#
    );
}
