//! A server whose log nobody takes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn a_log_that_nobody_takes_holds_nobody_up_and_is_counted() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockeye"))
        .arg("serve")
        .env("SOCKEYE_LISTEN", "127.0.0.1:0")
        .env("SOCKEYE_INTERNAL_LISTEN", "127.0.0.1:0")
        .env("SOCKEYE_DEV", "true")
        .env("SOCKEYE_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let child = Ended(child);
    let internal = line.trim().rsplit("http://").next().unwrap();

    // As much as the pipe takes, and as many lines as may wait, and then some.
    let start = Instant::now();
    while dropped_lines(internal) == 0 {
        assert!(start.elapsed() < CAP, "no line is dropped");
    }

    let before = dropped_lines(internal);
    let after = dropped_lines(internal);
    assert!(before < after, "{before} then {after}");
    drop(child);
}

/// Asks for the metrics, which is logged.
fn dropped_lines(address: &str) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(CAP)).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("sockeye_log_lines_dropped_total "));
    line.unwrap().parse().unwrap()
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const CAP: Duration = Duration::from_secs(60);
