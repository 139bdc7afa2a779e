//! The judge notices whatever a server does wrong.

use std::{path::Path, time::Duration};

use sockeye_guard::{
    canary::{Canaries, Style},
    case::MIB,
    kit::Transport,
    oracle::{Bounds, Oracle, Verdict},
    server::Server,
};

/// Triggers the fault, and judges the server for it.
fn verdict(fault: &str) -> Verdict {
    let server = Server::start_program(Path::new(env!("CARGO_BIN_EXE_bad_server")), &[fault]);
    let server = server.expect("a server");
    let guard = Path::new(env!("CARGO_BIN_EXE_guard"));
    let canaries = Canaries::start(guard, server.address, Style::Echo, 10).expect("canaries");
    let mut oracle = Oracle::new(&server, canaries)
        .expect("a calm server")
        .patience(Duration::from_secs(2));
    let before = oracle.begin().expect("a server that runs");

    let (mut peer, _) = server.connected(Transport::WebSocket).expect("a session");
    peer.send(r#"27["trigger"]"#).expect("a trigger");
    // What the fault takes down may be this very session.
    let _ = peer.receive();
    drop(peer);

    let bounds = Bounds {
        cpu: Duration::from_millis(300),
        memory: 8 * MIB,
    };
    oracle.judge(&before, bounds)
}

#[track_caller]
fn assert_noticed(fault: &str, sign: &str) {
    let Verdict { faults, .. } = verdict(fault);

    assert!(
        faults.iter().any(|fault| fault.contains(sign)),
        "{faults:?}"
    );
}

#[test]
fn a_server_that_does_nothing_wrong_passes() {
    assert_eq!(verdict("nothing").faults, Vec::<String>::new());
}

#[test]
fn memory_that_is_held_on_to_is_noticed() {
    assert_noticed("leak", "more memory");
}

#[test]
fn descriptors_that_stay_open_are_noticed() {
    assert_noticed("descriptors", "descriptors instead of");
}

#[test]
fn threads_that_stay_are_noticed() {
    assert_noticed("thread", "threads instead of");
}

#[test]
fn work_that_takes_too_long_is_noticed() {
    assert_noticed("busy", "on the processors");
}

#[test]
fn a_stall_is_noticed_by_the_canaries() {
    assert_noticed("stall", "a canary was answered after");
}

#[test]
fn an_answer_that_is_lost_is_noticed_by_a_canary() {
    assert_noticed("lost", "no answer in time");
}

#[test]
fn a_wrong_answer_is_noticed_by_a_canary() {
    assert_noticed("wrong", "it is answered");
}

#[test]
fn a_crash_is_noticed() {
    assert_noticed("crash", "the process has ended");
}

#[test]
fn a_panic_that_is_caught_is_noticed_in_the_log() {
    assert_noticed("panic", "panicked at");
}
