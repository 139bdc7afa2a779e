//! Every scenario, for a moment, against the server that is measured.

mod server;

use std::process::Command;

use generator::Report;

use self::server::Server;

#[test]
fn events_come_back_over_both_hosts() {
    for host in ["front", "app"] {
        let server = Server::start(host, &[]);

        let echo = run(&server, &["echo", "-n5"]);
        let ack = run(&server, &["ack", "-n5", "-w1"]);
        let paced = run(&server, &["echo", "-n5", "--rate=500"]);

        for report in [&echo, &ack, &paced] {
            assert_worked(report);
            assert!(report.latency.is_some());
        }
        assert_eq!(
            (echo.window, ack.window, paced.window),
            (Some(16), Some(1), None)
        );
    }
}

#[test]
fn attachments_come_back() {
    let server = Server::start("front", &[("BINARY", "1")]);

    let report = run(&server, &["binary", "-n2", "-w2", "-s65536"]);

    assert_worked(&report);
}

#[test]
fn broadcasts_reach_the_room_and_rooms_joined_on_request() {
    let server = Server::start("front", &[("WORKERS", "2")]);

    let broadcast = run(&server, &["broadcast", "-n20", "-w2"]);
    let rooms = run(
        &server,
        &["rooms", "-n20", "--each=3", "--members=10", "-w4"],
    );

    for report in [&broadcast, &rooms] {
        assert_worked(report);
        assert_eq!(report.unanswered, 0);
    }
}

#[test]
fn clients_come_and_go_over_both_transports() {
    let server = Server::start("front", &[]);

    let websocket = run(&server, &["connect", "-n4"]);
    let browsers = run(&server, &["connect", "-n4", "--browser", "--sources=2"]);
    let polling = run(&server, &["polling-connect", "-n4"]);
    let echo = run(&server, &["polling-echo", "-n4", "-w4"]);

    for report in [websocket, browsers, polling, echo] {
        assert_worked(&report);
    }
}

#[test]
fn a_token_is_demanded_where_the_server_is_told_to() {
    let server = Server::start("front", &[("AUTH", "1")]);
    let auth = format!("--auth={{\"token\":\"{}\"}}", server.token());

    let report = run(&server, &["connect", "-n4", &auth, "--welcome=welcome"]);

    assert_worked(&report);
}

#[test]
fn memory_is_looked_at_as_crowds_come_and_go() {
    let server = Server::start("front", &[]);

    let reports = run_all(
        &server,
        &[
            "idle",
            "--steps=10,20",
            "--crowds=2",
            "--room-of=10",
            "--settle=0.05",
        ],
    );

    let looks = reports
        .iter()
        .map(|report| (report.connections, report.memory.unwrap().crowd));
    let expected = [(10, 1), (20, 1), (0, 1), (10, 2), (20, 2), (0, 2)];
    assert_eq!(looks.collect::<Vec<_>>(), expected);
    assert!(reports[1].bytes_per_connection().is_some());
}

fn run(server: &Server, arguments: &[&str]) -> Report {
    let times = ["--duration=0.2", "--warmup=0.05"];
    let arguments = [arguments, &times].concat();
    run_all(server, &arguments).pop().unwrap()
}

fn run_all(server: &Server, arguments: &[&str]) -> Vec<Report> {
    let output = Command::new(env!("CARGO_BIN_EXE_generator"))
        .args(arguments)
        .arg(format!("--address={}", server.address()))
        .arg(format!("--process={}", server.process()))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() < Some(2), "{arguments:?}: {errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn assert_worked(report: &Report) {
    assert!(report.is_clean(), "{report:?}");
    assert!(report.count > 0, "{report:?}");
    assert!(report.cpu_us() > Some(0.0), "{report:?}");
}
