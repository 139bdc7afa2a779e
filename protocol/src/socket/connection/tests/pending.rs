//! What comes before a namespace has answered.

use super::*;

#[test]
fn packets_wait_for_the_answer() {
    let mut wire = Wire::new();
    let slot = wire.enter("0");

    for text in [
        r#"2["a"]"#,
        "31[]",
        r#"51-["b",{"_placeholder":true,"num":0}]"#,
    ] {
        wire.text(text).unwrap();
    }
    wire.binary(b"x").unwrap();
    wire.text(r#"2["c"]"#).unwrap();
    assert!(wire.events().is_empty());
    wire.connection.admit(slot);

    let file = r#"{"_placeholder":true,"num":0}"#;
    assert!(wire.connection.is_connected(slot));
    assert_eq!(
        wire.shown(),
        [
            "event a [] +0",
            "ack 1 [] +0",
            &format!("event b [{file}] +1"),
            "event c [] +0"
        ]
    );
    assert!(wire.connection.backlog.is_none());
}

#[test]
fn a_packet_may_complete_after_the_answer() {
    let mut wire = Wire::new();
    let slot = wire.enter("0");
    wire.text(r#"2["a"]"#).unwrap();
    wire.text(r#"51-["b"]"#).unwrap();

    wire.connection.admit(slot);
    wire.binary(b"x").unwrap();

    assert_eq!(wire.shown(), ["event a [] +0", "event b [] +1"]);
}

#[test]
fn other_namespaces_do_not_wait() {
    let (mut wire, _) = Wire::connected();
    let slot = wire.enter("0/a,");

    wire.text(r#"2/a,["held"]"#).unwrap();
    wire.text(r#"2["now"]"#).unwrap();

    assert_eq!(wire.shown(), ["event now [] +0"]);
    wire.connection.admit(slot);
    assert_eq!(wire.shown(), ["event held [] +0"]);
}

#[test]
fn a_refusal_drops_what_was_held() {
    for leave in [false, true] {
        let mut wire = Wire::new();
        let slot = wire.enter("0");
        wire.text(r#"2["a"]"#).unwrap();
        wire.text("1").unwrap();

        if leave {
            wire.connection.leave(slot);
        } else {
            wire.connection.refuse(slot);
        }

        assert!(wire.events().is_empty());
        assert!(wire.connection.backlog.is_none());
        assert_eq!(wire.connection.namespace(slot), None);
        wire.enter("0");
    }
}

#[test]
fn packets_for_a_refused_namespace_are_refused() {
    let mut wire = Wire::new();
    let slot = wire.enter("0");

    wire.connection.refuse(slot);

    assert_eq!(wire.text(r#"2["a"]"#), Err(ProtocolError::NotConnected));
}

#[test]
fn a_second_connect_is_refused() {
    let mut wire = Wire::new();
    wire.enter("0");

    assert_eq!(wire.text("0"), Err(ProtocolError::AlreadyConnected));
}

#[test]
fn leaving_waits_for_the_answer_too() {
    let mut wire = Wire::new();
    let slot = wire.enter("0");

    wire.text(r#"2["a"]"#).unwrap();
    wire.text("1").unwrap();
    wire.connection.admit(slot);

    assert_eq!(wire.shown(), ["event a [] +0", "disconnect"]);
    assert_eq!(wire.connection.namespace(slot), None);
    assert_eq!(wire.text("1"), Err(ProtocolError::NotConnected));
}

#[test]
fn nothing_may_follow_a_held_disconnect_but_connect() {
    for text in ["1", r#"2["a"]"#, "31[]"] {
        let mut wire = Wire::new();
        wire.enter("0");
        wire.text("1").unwrap();

        assert_eq!(wire.text(text), Err(ProtocolError::NotConnected), "{text}");
    }
}

/// `0`, `2["a"]`, `1`, `0`, `2["b"]` and the header of `c`, with the first CONNECT unanswered.
fn left_and_back() -> (Wire, Slot) {
    let mut wire = Wire::new();
    let slot = wire.enter("0");
    for text in [r#"2["a"]"#, "1", r#"0{"n":2}"#, r#"2["b"]"#, r#"51-["c"]"#] {
        wire.text(text).unwrap();
    }
    (wire, slot)
}

#[test]
fn a_client_may_leave_and_come_back_before_the_answer() {
    let (mut wire, slot) = left_and_back();

    wire.connection.admit(slot);
    let events = wire.events();
    let again = events.last().and_then(Event::slot).unwrap();
    wire.binary(b"x").unwrap();
    wire.connection.admit(again);

    let shown: Vec<_> = events.iter().map(show).collect();
    assert_eq!(
        shown,
        ["event a [] +0", "disconnect", r#"connect / {"n":2}"#]
    );
    assert_ne!(again, slot);
    let rest = wire.events();
    assert!(rest.iter().all(|event| event.slot() == Some(again)));
    assert_eq!(
        rest.iter().map(show).collect::<Vec<_>>(),
        ["event b [] +0", "event c [] +1"]
    );
}

#[test]
fn a_client_that_came_back_is_asked_for_again_after_a_refusal() {
    let (mut wire, slot) = left_and_back();

    wire.connection.refuse(slot);
    wire.binary(b"x").unwrap();

    let events = wire.events();
    let again = events.last().and_then(Event::slot).unwrap();
    assert_eq!(
        events.iter().map(show).collect::<Vec<_>>(),
        [r#"connect / {"n":2}"#]
    );
    wire.connection.admit(again);
    assert_eq!(wire.shown(), ["event b [] +0", "event c [] +1"]);
    assert!(wire.connection.backlog.is_none());
}

#[test]
fn a_client_may_come_and_go_many_times() {
    let mut wire = Wire::new();
    let mut slot = wire.enter("0");
    for _ in 0..10 {
        wire.text("1").unwrap();
        wire.text("0").unwrap();
    }

    for _ in 0..10 {
        wire.connection.admit(slot);
        let events = wire.events();
        assert_eq!(
            events.iter().map(show).collect::<Vec<_>>(),
            ["disconnect", "connect / -"]
        );
        slot = events.last().and_then(Event::slot).unwrap();
    }

    wire.connection.admit(slot);
    assert!(wire.connection.is_connected(slot));
}

#[test]
fn what_is_held_is_bounded_in_packets_and_bytes() {
    let packet = r#"2["a"]"#;
    for limits in [
        Limits::default().with_max_held_packets(3),
        Limits::default().with_max_held_bytes(packet.len() * 3),
    ] {
        let mut wire = Wire::with(limits);
        let slot = wire.enter("0");
        for _ in 0..3 {
            wire.text(packet).unwrap();
        }

        assert_eq!(wire.text(packet), Err(ProtocolError::TooManyHeld));

        wire.connection.admit(slot);
        assert!(wire.events().is_empty());
        assert!(wire.connection.backlog.is_none());
    }
}

#[test]
fn released_packets_no_longer_count() {
    let mut wire = Wire::with(Limits::default().with_max_held_packets(1));

    for _ in 0..3 {
        let slot = wire.enter("0");
        wire.text(r#"2["a"]"#).unwrap();
        wire.connection.admit(slot);
        assert_eq!(wire.shown(), ["event a [] +0"]);
        wire.connection.leave(slot);
    }
}
