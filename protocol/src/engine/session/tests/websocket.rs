use super::*;
use crate::PreparedText;

#[test]
fn the_handshake_is_the_first_frame() {
    let mut wire = Wire::open(Transport::WebSocket);
    wire.send("hello");

    let sent = wire.sent();

    let Transmit::Frame(open) = &sent[0] else {
        panic!("no frame: {sent:?}");
    };
    assert_eq!(&open[..2], b"\x81\x6b");
    assert_eq!(open.len(), 2 + 0x6b);
    assert!(open[2..].starts_with(b"0{\"sid\":\"AAAAAAAAAAAAAAAAAAAA\",\"upgrades\":[],"));
    assert_eq!(sent[1..], [frame(b"\x81\x064hello")]);
}

#[test]
fn frames_bring_messages() {
    let mut wire = Wire::websocket();
    let binary = Message::Binary(Bytes::from_static(&[1, 2, 3]));

    wire.frame("4hello");
    wire.frame("4");
    wire.frame("bAQID");
    wire.input(Input::WebSocketMessage(binary.clone())).unwrap();

    assert_eq!(
        wire.events(),
        [
            message("hello"),
            message(""),
            Event::Message(binary.clone()),
            Event::Message(binary)
        ]
    );
}

#[test]
fn text_is_not_copied() {
    let mut wire = Wire::websocket();
    let text = bytestring::ByteString::from("4hello".to_owned());
    let at = text.as_ptr() as usize;

    wire.input(Input::WebSocketMessage(Message::Text(text)))
        .unwrap();

    let Some(Event::Message(Message::Text(text))) = wire.session.poll_event() else {
        panic!("no text");
    };
    assert_eq!(text.as_ptr() as usize, at + 1);
}

#[test]
fn packets_that_mean_nothing_are_ignored() {
    let mut wire = Wire::websocket();

    for text in ["0{}", "5", "6", "3", "3probe"] {
        wire.frame(text);
    }

    assert!(wire.session.is_open());
    assert_eq!(wire.events(), []);
    assert_eq!(wire.sent(), []);
}

#[test]
fn a_bad_frame_closes_the_session() {
    for text in ["", "7", "garbage", "b_-8="] {
        let mut wire = Wire::websocket();

        wire.frame(text);

        assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)], "{text}");
        wire.assert_over(CloseReason::ParseError);
    }
}

#[test]
fn a_ping_from_the_client_closes_the_session() {
    for mut wire in [Wire::websocket(), Wire::upgraded()] {
        wire.frame("2probe");

        assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
        wire.assert_over(fault(TransportFault::BadHeartbeatDirection));
    }
}

#[test]
fn a_close_packet_closes_the_session() {
    let mut wire = Wire::websocket();
    wire.send("never");

    wire.frame("1");
    wire.frame("4never");

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(CloseReason::TransportClose);
}

#[test]
fn the_end_of_the_stream_closes_the_session() {
    let cases = [
        (None, CloseReason::TransportClose, None),
        (Some(WebSocketFault::Io), fault(TransportFault::Io), None),
        (
            Some(WebSocketFault::Protocol(1002)),
            fault(TransportFault::Protocol(1002)),
            Some(1002),
        ),
        (
            Some(WebSocketFault::Protocol(1007)),
            fault(TransportFault::InvalidContent),
            Some(1007),
        ),
        (
            Some(WebSocketFault::Protocol(1009)),
            fault(TransportFault::PayloadTooBig),
            Some(1009),
        ),
    ];

    for (end, reason, code) in cases {
        let mut wire = Wire::websocket();
        wire.send("never");

        wire.input(Input::WebSocketClosed(end)).unwrap();

        assert_eq!(wire.sent(), [Transmit::WebSocketClose(code)]);
        wire.assert_over(reason);
    }
}

#[test]
fn a_second_websocket_is_refused() {
    for mut wire in [Wire::websocket(), Wire::upgraded(), Wire::candidate()] {
        assert_eq!(wire.open_websocket(), Err(InputError::WebSocketRefused));

        assert!(wire.session.is_open());
        assert_eq!(wire.sent(), []);
    }
}

#[test]
fn polling_requests_are_refused() {
    for mut wire in [Wire::websocket(), Wire::upgraded()] {
        assert_eq!(wire.get(), Err(InputError::TransportMismatch));
        assert_eq!(wire.post("4a"), Err(InputError::TransportMismatch));
        let late = wire.input(Input::PostReceived(Bytes::from_static(b"4a")));
        assert_eq!(late, Err(InputError::TransportMismatch));

        assert!(wire.session.is_open());
        assert_eq!(wire.events(), []);
    }
}

#[test]
fn a_client_without_binary_gets_text() {
    let now = Instant::now();
    let config = Arc::new(EngineConfig::default());
    let sid = Sid::from_random([0; 15]);
    let mut session = Session::open(sid, Transport::WebSocket, true, config, now);
    session.poll_transmit();
    let mut text = PreparedText::with_capacity(0);
    text.push_str("51-[]");

    session
        .send(&text.finish(vec![Bytes::from_static(&[1, 2, 3])]))
        .unwrap();

    assert_eq!(session.poll_transmit(), Some(frame(b"\x81\x06451-[]")));
    assert_eq!(session.poll_transmit(), Some(frame(b"\x81\x05bAQID")));
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn a_volatile_message_needs_an_empty_queue() {
    let mut wire = Wire::websocket();

    assert!(wire.session.send_volatile(&Prepared::text("sent")));
    assert!(!wire.session.send_volatile(&Prepared::text("lost")));

    assert_eq!(wire.sent(), [frame(b"\x81\x054sent")]);
    assert!(wire.session.is_writable());
}

#[test]
fn a_full_queue_refuses_until_frames_are_taken() {
    let config = EngineConfig::default().with_send_queue_bytes(16);
    let mut wire = Wire::with_config(Transport::WebSocket, config);
    wire.sent();
    wire.send("12345");
    wire.send("12345");

    let refused = wire.session.send(&Prepared::text(""));
    wire.session.poll_transmit();

    assert_eq!(refused, Err(SendError::QueueFull));
    assert_eq!(wire.session.queued_bytes(), 8);
    assert_eq!(wire.session.send(&Prepared::text("")), Ok(()));
}
