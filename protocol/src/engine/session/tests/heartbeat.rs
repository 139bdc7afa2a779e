use super::*;

const INTERVAL: Duration = Duration::from_secs(25);
const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_ping_goes_out_after_the_interval() {
    let mut wire = Wire::websocket();

    wire.advance(INTERVAL - MS);
    assert_eq!(wire.sent(), []);
    wire.advance(MS);

    assert_eq!(wire.sent(), [frame(b"\x81\x012")]);
}

#[test]
fn a_ping_answers_a_waiting_get() {
    let mut wire = Wire::waiting();

    wire.advance(INTERVAL);

    assert_eq!(wire.sent(), [response("2")]);
}

#[test]
fn a_pong_puts_the_next_ping_off_by_an_interval() {
    let mut wire = Wire::websocket();
    wire.advance(INTERVAL);
    wire.sent();

    wire.advance(Duration::from_secs(5));
    wire.frame("3");
    wire.advance(INTERVAL - MS);
    assert_eq!(wire.sent(), []);
    wire.advance(MS);

    assert_eq!(wire.sent(), [frame(b"\x81\x012")]);
}

#[test]
fn messages_are_no_pong() {
    let mut wire = Wire::websocket();
    wire.advance(INTERVAL + TIMEOUT - MS);
    wire.frame("4hello");
    assert_eq!(wire.events(), [message("hello")]);
    wire.sent();

    wire.advance(MS);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(CloseReason::PingTimeout);
}

#[test]
fn a_pong_late_by_a_millisecond_is_too_late() {
    let mut wire = Wire::waiting();
    wire.advance(INTERVAL);
    assert_eq!(wire.sent(), [response("2")]);
    wire.get().unwrap();

    wire.advance(TIMEOUT);
    wire.advance(MS);

    assert_eq!(wire.post("3"), Err(InputError::Closed));
    assert_eq!(wire.sent(), [response("1")]);
    wire.assert_over(CloseReason::PingTimeout);
}

#[test]
fn a_session_that_never_polls_is_closed() {
    let mut wire = Wire::polling();

    wire.advance(INTERVAL + TIMEOUT);

    wire.assert_over(CloseReason::PingTimeout);
}

#[test]
fn pongs_that_nobody_waits_for_change_nothing() {
    let mut wire = Wire::polling();
    for _ in 0..24 {
        wire.advance(Duration::from_secs(1));
        wire.post("3\x1e3probe").unwrap();
    }

    wire.advance(Duration::from_secs(1));
    // The ping waits for a GET, so this answers nothing either.
    wire.post("3").unwrap();
    wire.advance(TIMEOUT);

    wire.assert_over(CloseReason::PingTimeout);
}

#[test]
fn a_ping_under_way_survives_the_upgrade() {
    let mut wire = Wire::waiting();
    wire.advance(INTERVAL - Duration::from_secs(1));
    wire.open_websocket().unwrap();
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.sent(), [response("2")]);
    wire.advance(Duration::from_secs(5));

    wire.frame("5");
    wire.events();
    wire.advance(TIMEOUT - MS);
    assert!(wire.session.is_open());
    wire.advance(MS);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(CloseReason::PingTimeout);
}

#[test]
fn a_ping_that_no_get_fetched_goes_over_the_websocket() {
    let mut wire = Wire::polling();
    wire.advance(INTERVAL);
    wire.open_websocket().unwrap();

    wire.frame("5");

    assert_eq!(wire.sent(), [frame(b"\x81\x012")]);
    wire.frame("3");
    assert_eq!(wire.session.poll_timeout(), Some(wire.now + INTERVAL));
}

#[test]
fn a_driver_that_does_not_read_stops_the_deadline() {
    let mut wire = Wire::websocket();
    wire.advance(INTERVAL);
    wire.sent();

    wire.session.suspend_heartbeat(wire.now);
    for _ in 0..4 {
        wire.advance(INTERVAL);
        assert_eq!(wire.sent(), [frame(b"\x81\x012")]);
    }
    wire.session.resume_heartbeat(wire.now);
    wire.advance(TIMEOUT);

    assert_eq!(wire.sent(), [Transmit::WebSocketClose(None)]);
    wire.assert_over(CloseReason::PingTimeout);
}

#[test]
fn a_driver_that_does_not_read_still_notices_that_nobody_polls() {
    let mut wire = Wire::polling();
    wire.session.suspend_heartbeat(wire.now);

    wire.advance(INTERVAL);
    wire.advance(INTERVAL - MS);
    assert!(wire.session.is_open());
    wire.advance(MS);

    wire.assert_over(CloseReason::PingTimeout);
}
