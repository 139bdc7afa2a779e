use super::*;

#[test]
fn a_probe_is_answered_and_releases_a_waiting_get() {
    let mut wire = Wire::waiting();
    wire.open_websocket().unwrap();
    assert_eq!(wire.sent(), []);

    wire.frame("2probe");

    assert_eq!(wire.sent(), [response("6"), frame(b"\x81\x063probe")]);
    assert!(wire.session.is_open());
    assert_eq!(wire.session.transport(), Transport::Polling);
}

#[test]
fn later_gets_wait_a_tenth_of_a_second() {
    let mut wire = Wire::probed();
    wire.get().unwrap();

    wire.advance(99 * MS);
    assert_eq!(wire.sent(), []);
    wire.advance(MS);

    assert_eq!(wire.sent(), [response("6")]);
}

#[test]
fn packets_still_go_to_a_get_while_probing() {
    let mut wire = Wire::probed();
    wire.get().unwrap();

    wire.send("a");

    assert_eq!(wire.sent(), [response("4a")]);
    wire.advance(100 * MS);
    assert_eq!(wire.sent(), []);
}

#[test]
fn an_upgrade_moves_the_queue_in_order() {
    let mut wire = Wire::probed();
    wire.send("a");
    wire.send("b");
    assert_eq!(wire.sent(), []);

    wire.frame("5");
    wire.send("c");

    assert_eq!(wire.events(), [Event::Upgraded]);
    assert_eq!(wire.session.transport(), Transport::WebSocket);
    assert_eq!(
        wire.sent(),
        [
            frame(b"\x81\x024a"),
            frame(b"\x81\x024b"),
            frame(b"\x81\x024c")
        ]
    );
}

#[test]
fn an_upgrade_releases_a_waiting_get() {
    let mut wire = Wire::probed();
    wire.get().unwrap();

    wire.frame("5");

    assert_eq!(wire.sent(), [response("6")]);
    assert!(wire.session.is_open());
}

#[test]
fn an_upgrade_needs_no_probe() {
    let mut wire = Wire::candidate();

    wire.frame("5");
    wire.frame("4a");

    assert_eq!(wire.events(), [Event::Upgraded, message("a")]);
}

#[test]
fn a_probe_is_answered_before_anything_else_even_if_the_upgrade_came_meanwhile() {
    let mut wire = Wire::candidate();
    wire.send("a");

    wire.frame("2probe");
    wire.frame("5");

    assert_eq!(
        wire.sent(),
        [frame(b"\x81\x063probe"), frame(b"\x81\x024a")]
    );
}

#[test]
fn a_post_begun_before_the_upgrade_is_processed_after_it() {
    let mut wire = Wire::probed();
    wire.input(Input::PostStarted).unwrap();

    wire.frame("5");
    let answer = wire.input(Input::PostReceived(Bytes::from_static(b"4a")));
    wire.frame("4b");

    assert_eq!(answer, Ok(()));
    assert_eq!(wire.events(), [Event::Upgraded, message("a"), message("b")]);
}

#[test]
fn a_post_in_flight_that_is_lost_after_the_upgrade_closes_the_session() {
    let mut wire = Wire::probed();
    wire.input(Input::PostStarted).unwrap();
    wire.frame("5");
    wire.events();

    wire.input(Input::PostRejected(PostFault::Aborted)).unwrap();

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(fault(TransportFault::PrematureClose));
}

#[test]
fn a_post_that_was_refused_after_the_upgrade_may_be_broken_off() {
    let mut wire = Wire::probed();
    wire.frame("5");
    wire.events();

    let started = wire.input(Input::PostStarted);
    wire.input(Input::PostRejected(PostFault::Aborted)).unwrap();
    wire.frame("4a");

    assert_eq!(started, Err(InputError::TransportMismatch));
    assert_eq!(wire.events(), [message("a")]);
}

#[test]
fn a_bad_candidate_is_dropped_and_another_may_try() {
    for text in ["2foo", "2", "40", "1", "garbage", ""] {
        let mut wire = Wire::candidate();

        wire.frame(text);

        assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)], "{text}");
        assert_eq!(wire.events(), []);
        wire.open_websocket().unwrap();
        wire.frame("2probe");
        wire.frame("5");
        assert_eq!(wire.events(), [Event::Upgraded]);
    }
}

#[test]
fn a_candidate_has_ten_seconds() {
    let mut wire = Wire::probed();
    wire.get().unwrap();
    wire.advance(100 * MS);
    wire.sent();

    wire.advance(9_899 * MS);
    assert_eq!(wire.sent(), []);
    wire.advance(MS);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    assert!(wire.session.is_open());
    wire.open_websocket().unwrap();
}

#[test]
fn a_get_waits_as_usual_after_the_candidate_is_gone() {
    let mut wire = Wire::probed();
    wire.get().unwrap();

    wire.input(Input::WebSocketClosed(None)).unwrap();
    wire.advance(Duration::from_secs(1));

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.send("a");
    assert_eq!(wire.sent(), [response("4a")]);
}

#[test]
fn a_get_abandoned_while_probing_closes_everything() {
    let mut wire = Wire::probed();
    wire.get().unwrap();

    wire.input(Input::PollAborted).unwrap();

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(fault(TransportFault::PrematureClose));
}

#[test]
fn a_session_that_closes_takes_its_candidate_along() {
    let mut wire = Wire::probed();

    wire.session.close(CloseReason::ForcedClose);
    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.get().unwrap();

    assert_eq!(wire.sent(), [response("6\x1e1")]);
    wire.assert_over(CloseReason::ForcedClose);
}

#[test]
fn a_closing_session_takes_no_websocket() {
    let mut wire = Wire::polling();
    wire.session.close(CloseReason::ForcedClose);

    assert_eq!(wire.open_websocket(), Err(InputError::WebSocketRefused));
}

#[test]
fn a_session_that_closes_while_its_client_upgrades_delivers_over_the_candidate() {
    let mut wire = Wire::probed();
    wire.send("last words");
    wire.session.close(CloseReason::ForcedClose);
    assert_eq!(wire.sent(), []);

    wire.frame("5");

    let mut words = b"\x81\x0b4".to_vec();
    words.extend_from_slice(b"last words");
    assert_eq!(
        wire.sent(),
        [
            Transmit::Frame(words.into()),
            Transmit::WebSocketClose(None)
        ]
    );
    assert!(wire.session.poll_timeout().is_none());
}

#[test]
fn a_session_that_closes_while_its_client_upgrades_still_answers_a_get() {
    let mut wire = Wire::probed();
    wire.send("last words");
    wire.session.close(CloseReason::ForcedClose);

    wire.get().unwrap();
    assert_eq!(wire.sent(), [response("4last words")]);
    wire.get().unwrap();

    assert_eq!(
        wire.sent(),
        [response("6\x1e1"), Transmit::WebSocketClose(None)]
    );
}

#[test]
fn a_candidate_of_a_closing_session_has_its_time_and_no_more() {
    let mut wire = Wire::probed();
    wire.send("last words");
    wire.session.close(CloseReason::ForcedClose);

    wire.advance(10 * 1000 * MS);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
}
