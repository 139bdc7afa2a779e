use super::*;
use crate::PreparedText;

#[test]
fn the_handshake_brings_what_the_application_sent_meanwhile() {
    let mut wire = Wire::open(Transport::Polling);
    wire.send("hello");

    wire.get().unwrap();

    assert_eq!(
        wire.sent(),
        [response(
            "0{\"sid\":\"AAAAAAAAAAAAAAAAAAAA\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\
             \"pingTimeout\":20000,\"maxPayload\":1000000}\x1e4hello"
        )]
    );
}

#[test]
fn the_initial_packet_follows_the_open_packet() {
    let now = Instant::now();
    let config = EngineConfig::default().with_initial_packet(Prepared::text("hello"));
    let open = |transport| {
        let sid = Sid::from_random([0; 15]);
        Session::open(sid, transport, false, Arc::new(config.clone()), now)
    };
    let (mut polling, mut websocket) = (open(Transport::Polling), open(Transport::WebSocket));

    polling.handle_input(Input::PollOpened, now).unwrap();
    let first = polling.poll_transmit();
    let frames: Vec<_> = std::iter::from_fn(|| websocket.poll_transmit()).collect();

    assert!(
        matches!(first, Some(Transmit::PollResponse { body, .. }) if body.ends_with(b"}\x1e4hello"))
    );
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1], frame(b"\x81\x064hello"));
}

#[test]
fn a_get_waits_for_packets() {
    let mut wire = Wire::waiting();

    assert!(wire.session.is_writable());
    wire.send("hello");

    assert_eq!(wire.sent(), [response("4hello")]);
    assert!(!wire.session.is_writable());
}

#[test]
fn one_payload_takes_all_that_is_queued() {
    let mut wire = Wire::polling();
    wire.send("a");
    let mut text = PreparedText::with_capacity(0);
    text.push_str("51-[]");
    let group = text.finish(vec![Bytes::from_static(b"\x01\x02\x03\x04")]);
    wire.session.send(&group).unwrap();
    assert_eq!(wire.session.queued_packets(), 3);

    wire.get().unwrap();

    assert_eq!(wire.sent(), [response("4a\x1e451-[]\x1ebAQIDBA==")]);
    assert_eq!(wire.session.queued_bytes(), 0);
}

#[test]
fn a_payload_is_left_uncompressed_only_if_nothing_in_it_is_compressible() {
    let plain = Prepared::text("plain").without_compression();
    let mut wire = Wire::waiting();

    wire.session.send(&plain).unwrap();
    let alone = wire.sent();
    wire.session.send(&plain).unwrap();
    wire.send("other");
    wire.get().unwrap();
    let mixed = wire.sent();

    let answer = |body: &'static str, compressible| Transmit::PollResponse {
        body: body.into(),
        compressible,
    };
    assert_eq!(alone, [answer("4plain", false)]);
    assert_eq!(mixed, [answer("4plain\x1e4other", true)]);
}

#[test]
fn a_post_brings_messages_in_order() {
    let mut wire = Wire::polling();

    wire.post("4hello\x1e4\x1ebAQID\x1e4€").unwrap();

    let binary = Message::Binary(Bytes::from_static(&[1, 2, 3]));
    assert_eq!(
        wire.events(),
        [
            message("hello"),
            message(""),
            Event::Message(binary),
            message("€")
        ]
    );
}

#[test]
fn packets_that_mean_nothing_are_ignored() {
    let mut wire = Wire::waiting();

    wire.post("0{}\x1e5\x1e6\x1e3\x1e3probe").unwrap();

    assert!(wire.session.is_open());
    assert_eq!(wire.events(), []);
    assert_eq!(wire.sent(), []);
}

#[test]
fn a_bad_payload_closes_the_session_and_delivers_nothing() {
    let bodies: [&[u8]; 9] = [
        b"",
        b"\x1e",
        b"4a\x1e",
        b"4a\x1e\x1e4b",
        b"4a\x1e9",
        b"4a\x1eb_-8=",
        b"4a\x1ebAQI",
        b"4\xff\xfe",
        b"garbage",
    ];

    for body in bodies {
        let mut wire = Wire::waiting();
        wire.input(Input::PostStarted).unwrap();

        let answer = wire.input(Input::PostReceived(Bytes::from_static(body)));

        assert_eq!(answer, Ok(()), "{body:?}");
        assert_eq!(wire.sent(), [response("1")]);
        wire.assert_over(CloseReason::ParseError);
    }
}

#[test]
fn a_ping_from_the_client_closes_the_session() {
    for body in ["2", "2probe", "4a\x1e2"] {
        let mut wire = Wire::waiting();

        wire.post(body).unwrap();

        assert_eq!(wire.sent(), [response("1")]);
        let closed = Event::Closed(fault(TransportFault::BadHeartbeatDirection));
        assert_eq!(wire.events().last(), Some(&closed));
    }
}

#[test]
fn a_close_packet_ends_the_session_and_its_payload() {
    let mut wire = Wire::waiting();

    wire.post("4a\x1e1\x1e4b").unwrap();

    assert_eq!(wire.sent(), [response("6")]);
    assert_eq!(
        wire.events(),
        [message("a"), Event::Closed(CloseReason::TransportClose)]
    );
    assert!(wire.session.is_finished());
}

#[test]
fn a_second_get_closes_the_session() {
    let mut wire = Wire::waiting();

    assert_eq!(wire.get(), Err(InputError::OverlappingPoll));

    assert_eq!(wire.sent(), [response("1")]);
    wire.assert_over(fault(TransportFault::OverlappingPoll));
    assert_eq!(wire.get(), Err(InputError::Closed));
}

#[test]
fn a_second_post_closes_the_session() {
    let mut wire = Wire::waiting();
    wire.input(Input::PostStarted).unwrap();

    let second = wire.input(Input::PostStarted);

    assert_eq!(second, Err(InputError::OverlappingPost));
    assert_eq!(wire.sent(), [response("1")]);
    let first = wire.input(Input::PostReceived(Bytes::from_static(b"4a")));
    assert_eq!(first, Ok(()));
    wire.assert_over(fault(TransportFault::OverlappingPost));
}

#[test]
fn posts_one_after_another_do_not_overlap() {
    let mut wire = Wire::polling();

    wire.post("4a").unwrap();
    wire.post("4b").unwrap();

    assert_eq!(wire.events(), [message("a"), message("b")]);
}

#[test]
fn an_abandoned_get_closes_the_session() {
    let mut wire = Wire::waiting();

    wire.input(Input::PollAborted).unwrap();

    wire.assert_over(fault(TransportFault::PrematureClose));
}

#[test]
fn an_abandoned_get_that_was_answered_changes_nothing() {
    let mut wire = Wire::polling();

    wire.input(Input::PollAborted).unwrap();

    assert!(wire.session.is_open());
}

#[test]
fn a_post_that_can_not_be_had_closes_the_session() {
    let cases = [
        (
            PostFault::InvalidContent,
            Err(InputError::InvalidContent),
            TransportFault::InvalidContent,
        ),
        (
            PostFault::Timeout,
            Err(InputError::BodyTimeout),
            TransportFault::BodyTimeout,
        ),
        (PostFault::Aborted, Ok(()), TransportFault::PrematureClose),
    ];

    for (rejected, answer, reason) in cases {
        let mut wire = Wire::waiting();
        wire.input(Input::PostStarted).unwrap();

        assert_eq!(wire.input(Input::PostRejected(rejected)), answer);

        assert_eq!(wire.sent(), [response("1")]);
        wire.assert_over(fault(reason));
    }
}

#[test]
fn a_post_that_is_too_large_leaves_the_session_alone() {
    let config = EngineConfig::default().with_max_payload(4);
    let mut wire = Wire::with_config(Transport::Polling, config);

    assert_eq!(wire.post("4abcd"), Err(InputError::PayloadTooBig));
    wire.input(Input::PostStarted).unwrap();
    let rejected = wire.input(Input::PostRejected(PostFault::PayloadTooBig));

    assert_eq!(rejected, Err(InputError::PayloadTooBig));
    assert_eq!(wire.post("4abc"), Ok(()));
    assert_eq!(wire.events(), [message("abc")]);
}

#[test]
fn a_post_with_too_many_packets_closes_the_session() {
    let config = EngineConfig::default().with_max_payload_packets(2);
    let mut wire = Wire::with_config(Transport::Polling, config);
    wire.post("4a\x1e4b").unwrap();
    assert_eq!(wire.events().len(), 2);

    assert_eq!(wire.post("4a\x1e4b\x1e4c"), Err(InputError::TooManyPackets));

    wire.assert_over(fault(TransportFault::TooManyPackets));
}

#[test]
fn a_volatile_message_needs_a_waiting_get() {
    let mut wire = Wire::polling();
    assert!(!wire.session.send_volatile(&Prepared::text("lost")));

    wire.get().unwrap();
    assert!(wire.session.send_volatile(&Prepared::text("sent")));

    assert_eq!(wire.sent(), [response("4sent")]);
}

#[test]
fn a_full_queue_refuses_and_keeps_what_it_has() {
    let config = EngineConfig::default().with_send_queue_packets(1);
    let mut wire = Wire::with_config(Transport::Polling, config);
    wire.send("first");

    let refused = wire.session.send(&Prepared::text("second"));

    assert_eq!(refused, Err(SendError::QueueFull));
    assert!(wire.session.is_open());
    assert_eq!(wire.session.queued_packets(), 1);
}

#[test]
fn answers_have_the_status_of_the_reference() {
    assert_eq!(InputError::OverlappingPoll.status(), 400);
    assert_eq!(InputError::OverlappingPoll.code(), None);
    assert_eq!(InputError::PayloadTooBig.status(), 413);
    assert_eq!(InputError::TransportMismatch.code().unwrap().code(), 3);
    assert_eq!(InputError::Closed.code().unwrap().code(), 1);
}
