use super::*;

const GRACE: Duration = Duration::from_secs(30);
const FORCED: CloseReason = CloseReason::ForcedClose;

#[test]
fn a_waiting_get_is_told_of_the_close() {
    let mut wire = Wire::waiting();

    wire.session.close(FORCED);

    assert_eq!(wire.sent(), [response("1")]);
    wire.assert_over(FORCED);
}

#[test]
fn the_next_get_is_told_of_the_close() {
    let mut wire = Wire::polling();

    wire.session.close(FORCED);
    assert!(!wire.session.is_open());
    assert!(!wire.session.is_finished());
    wire.get().unwrap();

    assert_eq!(wire.sent(), [response("6\x1e1")]);
    wire.assert_over(FORCED);
}

#[test]
fn queued_packets_go_out_before_the_close() {
    let mut wire = Wire::polling();
    wire.send("41");

    wire.session.close(FORCED);
    wire.get().unwrap();
    assert_eq!(wire.sent(), [response("441")]);
    wire.get().unwrap();

    assert_eq!(wire.sent(), [response("6\x1e1")]);
    wire.assert_over(FORCED);
}

#[test]
fn a_waiting_get_takes_what_was_sent_right_before_the_close() {
    let mut wire = Wire::waiting();
    wire.send("41");

    wire.session.close(FORCED);

    assert_eq!(wire.sent(), [response("441")]);
    wire.get().unwrap();
    assert_eq!(wire.sent(), [response("6\x1e1")]);
    wire.assert_over(FORCED);
}

#[test]
fn frames_go_out_before_the_close() {
    let mut wire = Wire::websocket();
    wire.send("41");

    wire.session.close(FORCED);

    assert_eq!(
        wire.sent(),
        [frame(b"\x81\x03441"), Transmit::WebSocketClose(None)]
    );
    wire.assert_over(FORCED);
}

#[test]
fn a_close_is_told_at_once_and_once() {
    let mut wire = Wire::polling();

    wire.session.close(CloseReason::ServerShutdown);
    assert_eq!(wire.events(), [Event::Closed(CloseReason::ServerShutdown)]);
    wire.session.close(FORCED);
    wire.session.abort(FORCED);

    assert_eq!(wire.events(), []);
    assert!(wire.session.is_finished());
}

#[test]
fn a_peer_that_never_polls_has_thirty_seconds() {
    let mut wire = Wire::polling();
    wire.send("never");
    wire.advance(Duration::from_secs(20));

    wire.session.close(FORCED);
    wire.advance(GRACE - MS);
    assert!(!wire.session.is_finished());
    assert_eq!(wire.session.poll_timeout(), Some(wire.now + MS));
    wire.advance(MS);

    wire.assert_over(FORCED);
}

#[test]
fn a_peer_that_never_reads_has_thirty_seconds() {
    let mut wire = Wire::websocket();
    wire.send("never");

    wire.session.close(FORCED);
    wire.advance(GRACE);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(FORCED);
}

#[test]
fn a_peer_that_is_hurried_has_no_more_than_it_is_given() {
    for mut wire in [Wire::polling(), Wire::websocket()] {
        wire.send("never");
        wire.session.hurry(MS, wire.now);
        assert!(wire.session.is_open());

        wire.session.close(FORCED);
        wire.session.hurry(2 * MS, wire.now);
        wire.session.hurry(GRACE, wire.now);
        assert_eq!(wire.session.poll_timeout(), Some(wire.now + 2 * MS));
        wire.advance(2 * MS);

        wire.sent();
        wire.assert_over(FORCED);
    }
}

#[test]
fn an_abort_discards_the_queue() {
    let mut wire = Wire::waiting();
    wire.send("never");
    wire.session.abort(CloseReason::SlowConsumer);
    assert_eq!(wire.sent(), [response("1")]);
    wire.assert_over(CloseReason::SlowConsumer);

    let mut wire = Wire::websocket();
    wire.send("never");
    wire.session.abort(CloseReason::SlowConsumer);
    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(CloseReason::SlowConsumer);

    let mut wire = Wire::polling();
    wire.send("never");
    wire.session.abort(CloseReason::SlowConsumer);
    wire.assert_over(CloseReason::SlowConsumer);
}

#[test]
fn an_abort_ends_a_graceful_close() {
    let mut wire = Wire::websocket();
    wire.send("never");

    wire.session.close(CloseReason::ServerShutdown);
    wire.session.abort(FORCED);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(CloseReason::ServerShutdown);
}

#[test]
fn a_closing_session_accepts_and_ignores() {
    let mut wire = Wire::polling();
    wire.session.close(FORCED);

    assert_eq!(wire.post("4a\x1e9"), Ok(()));
    assert_eq!(wire.post("1"), Ok(()));
    let sent = wire.session.send(&Prepared::text("never"));

    assert_eq!(sent, Err(SendError::Closed));
    assert!(!wire.session.send_volatile(&Prepared::text("never")));
    assert_eq!(wire.events(), [Event::Closed(FORCED)]);
    assert!(!wire.session.is_finished());
}

#[test]
fn a_peer_that_leaves_ends_a_graceful_close() {
    let mut wire = Wire::waiting();
    wire.send("never");
    wire.session.close(FORCED);
    wire.input(Input::PollAborted).unwrap();
    wire.assert_over(FORCED);

    let mut wire = Wire::websocket();
    wire.send("never");
    wire.session.close(FORCED);
    wire.input(Input::WebSocketClosed(None)).unwrap();
    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(FORCED);
}

#[test]
fn overlapping_gets_end_a_graceful_close() {
    let mut wire = Wire::waiting();
    wire.send("never");
    wire.session.close(FORCED);

    assert_eq!(wire.get(), Err(InputError::OverlappingPoll));

    assert_eq!(wire.sent(), [response("1")]);
    wire.assert_over(FORCED);
}

#[test]
fn a_closed_session_refuses_requests_and_ignores_the_rest() {
    for mut wire in [Wire::polling(), Wire::websocket()] {
        wire.session.abort(FORCED);
        wire.sent();

        assert_eq!(wire.get(), Err(InputError::Closed));
        assert_eq!(wire.post("4a"), Err(InputError::Closed));
        assert_eq!(wire.open_websocket(), Err(InputError::WebSocketRefused));
        wire.frame("4a");
        wire.input(Input::PollAborted).unwrap();
        wire.input(Input::PostReceived(Bytes::from_static(b"4a")))
            .unwrap();
        wire.input(Input::WebSocketClosed(None)).unwrap();
        wire.session.handle_timeout(wire.now + GRACE);

        wire.assert_over(FORCED);
    }
}

#[test]
fn the_handshake_itself_may_be_closed_gracefully() {
    let mut wire = Wire::open(Transport::Polling);
    wire.session.close(FORCED);

    wire.get().unwrap();
    let sent = wire.sent();
    wire.get().unwrap();

    assert!(matches!(&sent[..], [Transmit::PollResponse { body, .. }] if body.starts_with(b"0{")));
    assert_eq!(wire.sent(), [response("6\x1e1")]);
    wire.assert_over(FORCED);
}

#[test]
fn reasons_have_the_words_of_the_reference() {
    let words = [
        (CloseReason::TransportClose, "transport close"),
        (fault(TransportFault::Io), "transport error"),
        (CloseReason::PingTimeout, "ping timeout"),
        (CloseReason::ParseError, "parse error"),
        (FORCED, "forced close"),
        (CloseReason::SlowConsumer, "slow consumer"),
        (CloseReason::ServerShutdown, "server shutting down"),
    ];

    for (reason, text) in words {
        assert_eq!(reason.to_string(), text);
    }
}
