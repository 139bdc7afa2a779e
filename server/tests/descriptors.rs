//! A server that runs out of file descriptors.

#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

#[test]
fn clients_are_unharmed_and_new_ones_come_in_as_soon_as_they_can() {
    let mut server = Server::start(LIMIT, &[("SOCKEYE_ADMISSION__MAX_CONNECTIONS", "0")]);
    let mut canaries: Vec<_> = (0..10).map(|_| server.web_socket()).collect();

    let crowd: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    let without = Instant::now();
    let used = server.cpu_time();
    let mut pings = 0;
    while without.elapsed() < Duration::from_secs(3) {
        canaries.iter_mut().for_each(ping);
        pings += 1;
        let open = server.descriptors();
        assert!(
            open >= LIMIT - 2,
            "{open} descriptors are open after {pings} pings"
        );
    }
    let used = server.cpu_time() - used;
    drop(crowd);
    let freed = Instant::now();
    let mut newcomer = server.web_socket();
    let waited = freed.elapsed();
    ping(&mut newcomer);
    canaries.iter_mut().for_each(ping);

    // What had waited to be accepted goes first, as many as there are descriptors each half second.
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // The pings cost most of it.
    assert!(used < Duration::from_secs(2), "{used:?} of processor time");
    let seconds = usize::try_from(without.elapsed().as_secs()).unwrap();
    let log = server.stop();
    let complaints = log.matches("Error accepting connection").count();
    assert!(
        (1..=seconds + 1).contains(&complaints),
        "{complaints} times in {seconds} s
{log}"
    );
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_crowd_is_turned_away_and_backends_are_served() {
    let mut server = Server::start(256, &[]);
    let mut canaries: Vec<_> = (0..10).map(|_| server.web_socket()).collect();

    let crowd: Vec<_> = (0..400)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    for _ in 0..20 {
        canaries.iter_mut().for_each(ping);
        let mut health = TcpStream::connect(server.internal).unwrap();
        health
            .write_all(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        health.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let open = server.descriptors();
    drop(crowd);

    // Rushing in they may all have been taken; turned away, they have given them back.
    assert!(open < 240, "{open} descriptors are open");
    let log = server.stop();
    assert!(!log.contains("panicked"), "{log}");
}

/// The binary with few descriptors.
struct Server {
    child: Child,
    address: SocketAddr,
    internal: SocketAddr,
    log: Option<JoinHandle<String>>,
}

impl Server {
    fn start(limit: usize, settings: &[(&str, &str)]) -> Self {
        let start = format!("ulimit -n {limit}; exec \"$0\" serve");
        let mut child = Command::new("sh")
            .args(["-c", &start, env!("CARGO_BIN_EXE_sockeye")])
            .env("SOCKEYE_LISTEN", "127.0.0.1:0")
            .env("SOCKEYE_INTERNAL_LISTEN", "127.0.0.1:0")
            .env("SOCKEYE_DEV", "true")
            .env("SOCKEYE_ENGINE__CONNECT_TIMEOUT", "5m")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let addresses: Vec<SocketAddr> = line
            .split("http://")
            .skip(1)
            .map(|rest| rest.split_whitespace().next().unwrap().parse().unwrap())
            .collect();
        Self {
            child,
            address: addresses[0],
            internal: addresses[1],
            log: Some(log),
        }
    }

    fn web_socket(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(CAP)).unwrap();
        stream
            .write_all(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n\
                  Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            )
            .unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            heard.push(byte[0]);
        }
        assert!(heard.starts_with(b"HTTP/1.1 101"));
        stream
    }

    fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).unwrap().count()
    }

    /// Returns how long the process has computed so far.
    fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        let field = |at: usize| -> u64 { rest.split(' ').nth(at).unwrap().parse().unwrap() };
        // In hundredths of a second, as on every Linux that there is.
        Duration::from_millis((field(11) + field(12)) * 10)
    }

    fn stop(&mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a WebSocket's ping and waits for the pong.
fn ping(stream: &mut TcpStream) {
    stream.write_all(b"\x89\x82\0\0\0\0hi").unwrap();
    let mut pong = [0; 4];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\x8a\x02hi");
}

/// How many descriptors the server may have.
const LIMIT: usize = 64;

const CAP: Duration = Duration::from_secs(20);
