//! What connections cost that fill every bound that they have.

#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use actix_web::App;
use sockeye::{
    FrontServer, Limits, Namespace, Refusal, RouterConfig, SocketIo, SocketRef,
    engine::EngineConfig,
};

#[test]
fn connections_that_fill_every_bound_cost_no_more_than_they_may() {
    let server = Server::start();
    // What the first one needs, the others needn't.
    drop(server.fill());
    server.wait_for(0);
    let before = server.resident();

    let full: Vec<_> = (0..CONNECTIONS).map(|_| server.fill()).collect();
    server.wait_for(CONNECTIONS);
    let after = server.resident();

    // Of each, as the table in `docs/limits.md` says.
    let bound = 2 * QUEUE
        + 128 * 1024
        + 2 * PAYLOAD
        + 64 * 1024
        + PAYLOAD
        + HELD
        + PAYLOAD
        + 4 * INBOUND
        + PAYLOAD
        + 2 * AUTH
        + 256 * 1024;
    let each = (after - before) / CONNECTIONS;
    println!("{each} bytes each, of {bound}");
    assert!(each <= bound, "{each} bytes each, and no more than {bound}");
    // The bounds were filled indeed.
    let filled = QUEUE + PAYLOAD + HELD / 2 + INBOUND / 2;
    assert!(
        each >= filled,
        "{each} bytes each, and no less than {filled}"
    );
    drop(full);
}

#[test]
fn what_waits_keeps_nothing_of_what_it_was_read_with() {
    let server = Server::start();
    drop(server.fill_with_little());
    server.wait_for(0);
    let before = server.resident();

    let waiting: Vec<_> = (0..10).map(|_| server.fill_with_little()).collect();
    server.wait_for(waiting.len());
    let after = server.resident();

    let each = (after - before) / waiting.len();
    let bound = 2 * QUEUE + 2 * 128 * 1024 + 256 * 1024;
    assert!(each <= bound, "{each} bytes each, and no more than {bound}");
}

#[test]
fn a_client_in_as_many_rooms_as_it_may_costs_no_more_than_they_may() {
    let server = Server::start();
    drop(server.enter());
    server.wait_for(0);
    let before = server.resident();

    let full: Vec<_> = (0..CONNECTIONS).map(|_| server.enter()).collect();
    server.wait_for(CONNECTIONS);
    let after = server.resident();

    // Of each, as the table in `docs/limits.md` says, and a little for the connection itself.
    let bound = ROOMS * (ROOM_NAME + 512) + 32 * 1024;
    let each = (after - before) / CONNECTIONS;
    println!("{each} bytes each, of {bound}");
    assert!(each <= bound, "{each} bytes each, and no more than {bound}");
    let filled = ROOMS * ROOM_NAME;
    assert!(
        each >= filled,
        "{each} bytes each, and no less than {filled}"
    );
    drop(full);
}

/// Not a test: the server, in a process of its own.
#[actix_web::test]
#[ignore = "is the server of the other test"]
async fn serve() {
    async fn fill(socket: SocketRef) {
        // Whatever finds room.
        for size in [50_000, 1_000, 10] {
            while socket.emit("much", &"x".repeat(size)).is_ok() {}
        }
    }
    /// Joins rooms that nobody else is in.
    async fn enter(socket: SocketRef) {
        let id = socket.id();
        let rooms: Vec<String> = (0..ROOMS)
            .map(|room| format!("{id}{room:0>width$}", width = ROOM_NAME - id.as_str().len()))
            .collect();
        socket.join(rooms).await;
    }
    async fn never() -> Result<(), Refusal> {
        std::future::pending().await
    }
    let engine = EngineConfig::default()
        .with_max_payload(PAYLOAD)
        .with_send_queue_bytes(QUEUE)
        .with_ping_interval(CAP)
        .with_ping_timeout(CAP);
    let router = RouterConfig::default()
        .with_limits(
            Limits::default()
                .with_max_held_bytes(HELD)
                .with_max_auth_bytes(AUTH)
                .with_reassembly_timeout(CAP),
        )
        .with_inbound_bytes(INBOUND)
        .with_rooms_per_socket(ROOMS)
        .with_event_rate(None)
        .with_reader_timeout(CAP)
        .with_connect_timeout(CAP);
    let io = SocketIo::builder()
        .engine(engine)
        .router(router)
        .namespace(Namespace::new("/").on_connect(fill))
        .namespace(Namespace::new("/rooms").on_connect(enter))
        .namespace(Namespace::new("/never").middleware(async || never().await))
        .build()
        .unwrap();
    let mounted = io.clone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // The system takes little of what is sent, so that it waits here.
    let socket = socket2::SockRef::from(&listener);
    socket.set_send_buffer_size(16 * 1024).unwrap();
    let address = listener.local_addr().unwrap();
    let server = FrontServer::new(move || {
        let io = mounted.clone();
        let count = actix_web::web::get().to(move || {
            let io = io.clone();
            async move { format!("held {};", io.engine().stats().held) }
        });
        App::new().route("/held", count).service(mounted.service())
    })
    .workers(1)
    .write_timeout(CAP)
    .listen(listener)
    .unwrap();
    println!("serving {address}");
    server.run().await.unwrap();
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["serve", "--exact", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            Some(line.split_once("serving ")?.1.parse().unwrap())
        });
        Self {
            child,
            address: address.unwrap(),
        }
    }

    /// Connects, and sends small events that have to wait, each with much that hasn't.
    fn fill_with_little(&self) -> TcpStream {
        let mut stream = self.connect();
        frame(&mut stream, 0x81, b"40", 2);
        for _ in 0..200 {
            let mut both = Vec::new();
            frame(&mut both, 0x81, b"42[\"event\"]", 11);
            let nobodys = format!("43999[\"{}\"]", "x".repeat(100_000));
            frame(&mut both, 0x81, nobodys.as_bytes(), nobodys.len());
            stream.write_all(&both).unwrap();
        }
        stream
    }

    /// Connects, and fills every bound without passing one.
    fn fill(&self) -> TcpStream {
        let mut stream = self.connect();
        let auth = format!("{{\"a\":\"{}\"}}", "x".repeat(AUTH - 8));
        let connect = format!("40{auth}");
        frame(&mut stream, 0x81, connect.as_bytes(), connect.len());
        // Handlers wait for the client to read, which it doesn't.
        let text = "x".repeat(PAYLOAD / 2);
        let event = format!("42[\"event\",\"{text}\"]");
        for _ in 0..2 * INBOUND / PAYLOAD - 1 {
            frame(&mut stream, 0x81, event.as_bytes(), event.len());
        }
        let connect = format!("40/never,{auth}");
        frame(&mut stream, 0x81, connect.as_bytes(), connect.len());
        let event = format!("42/never,[\"event\",\"{text}\"]");
        for _ in 0..2 * HELD / PAYLOAD - 1 {
            frame(&mut stream, 0x81, event.as_bytes(), event.len());
        }
        let header =
            b"452-[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]";
        frame(&mut stream, 0x81, header, header.len());
        let most = vec![0; PAYLOAD - 200];
        frame(&mut stream, 0x82, &most, most.len());
        // One byte of it is missing.
        frame(&mut stream, 0x82, &most[1..], most.len());
        stream
    }

    /// Connects, and is in as many rooms as a socket may be.
    fn enter(&self) -> TcpStream {
        let mut stream = self.connect();
        frame(&mut stream, 0x81, b"40/rooms,", 9);
        stream
    }

    /// Connects, and reads nothing any more.
    fn connect(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let socket = socket2::SockRef::from(&stream);
        socket.set_recv_buffer_size(4096).unwrap();
        stream
            .write_all(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n\
                  Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            )
            .unwrap();
        stream
    }

    fn held(&self) -> usize {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .write_all(b"GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, rest) = answer.split_once("held ").unwrap();
        rest.trim_end_matches(';').parse().unwrap()
    }

    /// Waits until there are so many sessions, and the memory stays as it is.
    fn wait_for(&self, sessions: usize) {
        let until = Instant::now() + CAP;
        let (mut before, mut same) = (0, 0);
        while same < 200 {
            assert!(Instant::now() < until, "not in time");
            let now = self.resident();
            let is_same = self.held() == sessions && now == before;
            same = if is_same { same + 1 } else { 0 };
            before = now;
        }
    }

    fn resident(&self) -> usize {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kilobytes = line.split_whitespace().nth(1).unwrap();
        kilobytes.parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends only like this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a masked frame, the mask being zeroes, which says that it has so many bytes.
fn frame(stream: &mut impl Write, first: u8, payload: &[u8], len: usize) {
    let mut head = vec![first];
    match u16::try_from(len) {
        Ok(len) if len < 126 => head.push(0x80 | len as u8),
        Ok(len) => {
            head.push(0x80 | 126);
            head.extend(len.to_be_bytes());
        }
        Err(_) => {
            head.push(0x80 | 127);
            head.extend((len as u64).to_be_bytes());
        }
    }
    head.extend([0; 4]);
    stream.write_all(&head).unwrap();
    stream.write_all(payload).unwrap();
}

const CONNECTIONS: usize = 50;

const PAYLOAD: usize = 400_000;

const QUEUE: usize = 800_000;

const HELD: usize = 800_000;

const INBOUND: usize = 800_000;

const AUTH: usize = 64 * 1024;

const ROOMS: usize = 1024;

const ROOM_NAME: usize = 256;

const CAP: Duration = Duration::from_secs(60);
