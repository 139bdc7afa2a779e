//! The samples of the protocol and of what the reference was seen to do.

use super::*;

#[test]
fn valid_packets_become_events() {
    for (text, expected) in [
        (r#"2["hello",1]"#, r#"event hello [1] +0"#),
        (r#"2/,["hello"]"#, r#"event hello [] +0"#),
        (r#"20["q"]"#, r#"event 0q [] +0"#),
        (r#"2/,12["q",1]"#, r#"event 12q [1] +0"#),
        (r#"2007["q"]"#, r#"event 7q [] +0"#),
        (r#"251["a"]"#, r#"event 51a [] +0"#),
        (r#"2[1]"#, r#"event 1 [] +0"#),
        (r#"2[-1.5,2]"#, r#"event -1.5 [2] +0"#),
        (r#"2[""]"#, r#"event  [] +0"#),
        (r#"2["error"]"#, r#"event error [] +0"#),
        (r#"2["connection"]"#, r#"event connection [] +0"#),
        (r#"2["message"]"#, r#"event message [] +0"#),
        (
            r#"2["__proto__",{"__proto__":1}]"#,
            r#"event __proto__ [{"__proto__":1}] +0"#,
        ),
        (r#"2["\u0061\n"]"#, "event a\n [] +0"),
        (r#"2["\ud800"]"#, "event \u{fffd} [] +0"),
        (r#"2["é€😀"]"#, "event é€😀 [] +0"),
        (r#"2[ "a" , 1 ] "#, "event a [1 ] +0"),
        (
            r#"2["a",{"_placeholder":true,"num":5}]"#,
            r#"event a [{"_placeholder":true,"num":5}] +0"#,
        ),
        (r#"31[1,"2"]"#, r#"ack 1 [1,"2"] +0"#),
        ("31", "ack 1 [] +0"),
        ("3999[]", "ack 999 [] +0"),
        ("1", "disconnect"),
        ("1/,5", "disconnect"),
    ] {
        let (mut wire, _) = Wire::connected();

        assert_eq!(wire.text(text), Ok(()), "{text}");
        assert_eq!(wire.shown(), [expected], "{text}");
    }
}

#[test]
fn valid_connects_become_events() {
    for (text, expected) in [
        ("0", "connect / -"),
        ("0/,", "connect / -"),
        ("0{}", "connect / {}"),
        (r#"01{"token":"a"} "#, r#"connect / {"token":"a"}"#),
        ("0/a", "connect /a -"),
        ("0/a,", "connect /a -"),
        (r#"0/a,{"a":[1]}"#, r#"connect /a {"a":[1]}"#),
        ("0/a?token=1,", "connect /a?token=1 -"),
        ("0/é %zz,{}", "connect /é %zz {}"),
    ] {
        let mut wire = Wire::new();

        assert_eq!(wire.text(text), Ok(()), "{text}");
        assert_eq!(wire.shown(), [expected], "{text}");
    }
}

#[test]
fn acks_that_answer_nothing_are_ignored() {
    let (mut wire, _) = Wire::connected();

    for text in ["3", "3[]", "3[1]"] {
        assert_eq!(wire.text(text), Ok(()), "{text}");
    }
    wire.text(r#"61-[{"_placeholder":true,"num":0}]"#).unwrap();
    wire.binary(b"x").unwrap();

    assert!(wire.events().is_empty());
}

#[test]
fn other_payloads_are_refused() {
    use DecodeError::*;
    for (text, error) in [
        ("", UnknownType),
        ("7", UnknownType),
        (" 2[\"a\"]", UnknownType),
        ("2", InvalidPayload),
        ("21", InvalidPayload),
        ("2/,", InvalidPayload),
        ("2[]", InvalidPayload),
        ("2[null]", InvalidPayload),
        ("2[true]", InvalidPayload),
        ("2[{}]", InvalidPayload),
        (r#"2[{"toString":"foo"}]"#, InvalidPayload),
        (r#"2[["a"]]"#, InvalidPayload),
        (r#"2[{"_placeholder":true,"num":0}]"#, InvalidPayload),
        ("2{}", InvalidPayload),
        ("2\"a\"", InvalidPayload),
        ("2 [\"a\"]", InvalidPayload),
        ("2\n[\"a\"]", InvalidPayload),
        ("2-1[\"a\"]", InvalidPayload),
        ("2a[\"a\"]", InvalidPayload),
        ("2[\"a\"]x", InvalidPayload),
        ("2[\"a\"", InvalidPayload),
        ("2[\"a\",]", InvalidPayload),
        ("2[\"a\",NaN]", InvalidPayload),
        ("2[\"\\x\"]", InvalidPayload),
        ("211111111111111111111111111111[\"a\"]", AckIdTooLarge),
        ("29007199254740993[\"a\"]", AckIdTooLarge),
        ("2[\"connect\"]", ReservedEvent),
        ("2[\"connect_error\"]", ReservedEvent),
        ("2[\"disconnect\"]", ReservedEvent),
        ("2[\"disconnecting\"]", ReservedEvent),
        ("2[\"newListener\"]", ReservedEvent),
        ("2[\"removeListener\"]", ReservedEvent),
        (r#"2["conn\u0065ct"]"#, ReservedEvent),
        ("1{}", InvalidPayload),
        ("1[]", InvalidPayload),
        ("31{}", InvalidPayload),
        ("3{}", InvalidPayload),
        ("31null", InvalidPayload),
        ("50-[\"a\"]", IllegalAttachments),
        ("5-[\"a\"]", IllegalAttachments),
        ("51[\"a\"]", IllegalAttachments),
        ("5-1-[\"a\"]", IllegalAttachments),
        ("511-[\"a\"]", TooManyAttachments),
        ("51-", InvalidPayload),
        ("51-[1", InvalidPayload),
        ("0/a,[]", InvalidPayload),
        ("0/a,null", InvalidPayload),
        ("0/a,\"x\"", InvalidPayload),
        ("0/a,{", InvalidPayload),
        ("0/a,{}1", InvalidPayload),
        ("0/\n,", IllegalNamespace),
    ] {
        let (mut wire, _) = Wire::connected();

        assert_eq!(wire.text(text), Err(error.into()), "{text:?}");
        assert!(wire.events().is_empty(), "{text:?}");
    }
}

#[test]
fn packets_out_of_place_are_refused() {
    for (text, error) in [
        ("0", ProtocolError::AlreadyConnected),
        ("0{}", ProtocolError::AlreadyConnected),
        ("4{\"message\":\"\"}", ProtocolError::UnexpectedPacket),
        ("2/a,[\"x\"]", ProtocolError::NotConnected),
        ("51-/a,[\"x\"]", ProtocolError::NotConnected),
        ("3/a,1[]", ProtocolError::NotConnected),
        ("1/a,", ProtocolError::NotConnected),
    ] {
        let (mut wire, _) = Wire::connected();

        assert_eq!(wire.text(text), Err(error), "{text}");
        assert!(wire.connection.backlog.is_none(), "{text}");
    }
}

#[test]
fn names_have_a_greatest_length() {
    let name = "n".repeat(256);
    let escaped = format!("{}\\u006e", "n".repeat(255));
    let (mut wire, _) = Wire::connected();

    assert_eq!(wire.text(&format!("2[\"{name}\"]")), Ok(()));
    assert_eq!(wire.text(&format!("2[\"{escaped}\"]")), Ok(()));
    assert_eq!(wire.text(&format!("0/{}", &name[1..])), Ok(()));
    for text in [
        format!("2[\"n{name}\"]"),
        format!("2[\"n{escaped}\"]"),
        format!("0/{name}"),
    ] {
        let (mut wire, _) = Wire::connected();
        assert_eq!(wire.text(&text), Err(DecodeError::NameTooLong.into()));
    }
}

#[test]
fn payloads_have_a_greatest_depth() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (text, depth) in [
        (format!("2[\"a\",{}]", nested(128)), 128),
        (format!("31[{}]", nested(400_000)), 128),
        (format!("0/a,{{\"a\":{}}}", nested(128)), 128),
        (format!("2[\"a\",{}]", nested(4)), 4),
    ] {
        let mut wire = Wire::with(Limits::default().with_max_depth(depth));
        let slot = wire.enter("0");
        wire.connection.admit(slot);

        assert_eq!(wire.text(&text), Err(DecodeError::TooDeep.into()));
    }
    let (mut wire, _) = Wire::connected();
    assert_eq!(wire.text(&format!("2[\"a\",{}]", nested(127))), Ok(()));
}

#[test]
fn binary_packets_take_their_attachments() {
    let file = r#"{"_placeholder":true,"num":0}"#;
    for (text, attachments, expected) in [
        (
            format!(r#"51-["a",{file}]"#),
            1,
            format!("event a [{file}] +1"),
        ),
        (
            format!(r#"52-7["a",{file},{file}]"#),
            2,
            format!("event 7a [{file},{file}] +2"),
        ),
        (r#"510-["a"]"#.to_owned(), 10, "event a [] +10".to_owned()),
        (format!(r#"61-1[{file}]"#), 1, format!("ack 1 [{file}] +1")),
        ("61-1".to_owned(), 1, "ack 1 [] +1".to_owned()),
    ] {
        let (mut wire, _) = Wire::connected();
        wire.text(&text).unwrap();

        for _ in 0..attachments {
            assert!(wire.events().is_empty());
            wire.binary(b"x").unwrap();
        }

        assert_eq!(wire.shown(), [expected]);
        assert_eq!(wire.binary(b"x"), Err(ProtocolError::UnexpectedBinary));
    }
}

#[test]
fn names_and_arguments_are_slices_of_the_message() {
    let (mut wire, _) = Wire::connected();
    let message = ByteString::from(r#"2["hello","world"]"#.to_owned());
    let buffer = message.as_bytes().as_ptr_range();

    let handled = wire
        .connection
        .handle_message(Message::Text(message), wire.now);

    assert_eq!(handled, Ok(()));
    let events = wire.events();
    let [Event::Event { packet, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(buffer.contains(&packet.name.as_ptr()));
    assert!(buffer.contains(&packet.args.elements().as_ptr()));
}
