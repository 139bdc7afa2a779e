//! The server under test.

mod counts;
mod program;

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    kit::{
        Checked, Failure, Peer, Polling, Response, Stream, Token, Transport, ensure, eventually,
    },
    process::Process,
    settings::{API_KEY, Settings},
};

pub use self::program::{check, refused};
use self::program::{command, released, traced};

/// A server in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where backends connect, where it has such a listener.
    pub internal: Option<SocketAddr>,
    id: u32,
    child: Mutex<Child>,
    process: Process,
    directory: TempDir,
}

impl Server {
    /// Starts the released binary.
    ///
    /// # Errors
    ///
    /// When there is no binary, or it doesn't begin to listen.
    pub fn start(settings: &Settings) -> Checked<Self> {
        let directory = tempfile::tempdir()?;
        let command = command(settings, directory.path(), "serve")?;
        Self::spawn(command, directory)
    }

    /// Starts the released binary and notes in `trace` which files it touches and whom it calls.
    ///
    /// # Errors
    ///
    /// As of [`Server::start`], or when there is no strace.
    pub fn start_traced(settings: &Settings, trace: &Path) -> Checked<Self> {
        let directory = tempfile::tempdir()?;
        let command = traced(&command(settings, directory.path(), "serve")?, trace);
        Self::spawn(command, directory)
    }

    /// Starts the released example that the wire's tests use, whose handlers are more willing
    /// than the binary's.
    ///
    /// # Errors
    ///
    /// When there is no such example, or it doesn't begin to listen.
    pub fn start_conformance() -> Checked<Self> {
        let mut command = Command::new(released("CONFORMANCE_BIN", "examples/conformance")?);
        command.env("PORT", "0").env("PING_INTERVAL_MS", "25000");
        command
            .env("PING_TIMEOUT_MS", "20000")
            .env("CONNECT_TIMEOUT_MS", "45000");
        Self::spawn(command, tempfile::tempdir()?)
    }

    /// Starts any program that says in the first line of its output where it listens.
    ///
    /// # Errors
    ///
    /// When it doesn't.
    pub fn start_program(program: &Path, arguments: &[&str]) -> Checked<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::spawn(command, tempfile::tempdir()?)
    }

    fn spawn(mut command: Command, directory: TempDir) -> Checked<Self> {
        let log = File::create(directory.path().join(LOG))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let addresses = line
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("http://"));
        let mut addresses = addresses.filter_map(|address| address.parse().ok());
        let Some(address) = addresses.next() else {
            let _ = child.kill();
            let _ = child.wait();
            let said = fs::read_to_string(directory.path().join(LOG))?;
            return Err(Failure::new("the server doesn't start").on(said));
        };
        Ok(Self {
            address,
            internal: addresses.next(),
            id: child.id(),
            process: Process::new(child.id()),
            child: Mutex::new(child),
            directory,
        })
    }

    /// Returns the id of the server's process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns the server's process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Returns how the process has ended, or `None` while it runs.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        let mut child = self.child.lock().ok()?;
        let status = child.try_wait().ok()??;
        Some(status.to_string())
    }

    /// Returns what the server has logged since the start.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub fn log(&self) -> Checked<String> {
        let log = fs::read(self.directory.path().join(LOG))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// When the server doesn't accept.
    pub fn stream(&self) -> Checked<Stream> {
        Stream::open(self.address)
    }

    /// Sends a request on a connection of its own, and reads the answer.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn request(&self, bytes: impl AsRef<[u8]>) -> Checked<Response> {
        let mut stream = self.stream()?;
        stream.send(bytes)?;
        stream.response()
    }

    /// Sends a GET for a target with these header lines, each with its end. If that opens a session,
    /// it is closed again.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self, target: &str, headers: &str) -> Checked<Response> {
        self.request_once(format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
        ))
    }

    /// Sends a request on a connection of its own, and reads the answer. If that opens a session, it
    /// is closed again.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn request_once(&self, bytes: impl AsRef<[u8]>) -> Checked<Response> {
        let response = self.request(bytes)?;
        if Polling::sid_of(&response).is_ok() {
            drop(Peer::of_polling(self.address, &response)?);
        }
        Ok(response)
    }

    /// Opens a polling session, in no namespace yet.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn polling(&self) -> Checked<Polling> {
        Polling::open(self.address)
    }

    /// Opens a session, in no namespace yet.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn session(&self, transport: Transport) -> Checked<Peer> {
        Peer::open(self.address, transport)
    }

    /// Opens a session and enters the main namespace with a good token; the peer and its socket's
    /// id.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub fn connected(&self, transport: Transport) -> Checked<(Peer, String)> {
        let mut peer = self.session(transport)?;
        let id = peer.connect("/", &json!({ "token": Token::of("guest").sign() }))?;
        Ok((peer, id))
    }

    /// Connects over WebSocket and joins a room.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub fn member(&self, room: &str) -> Checked<Peer> {
        let (mut peer, _) = self.connected(Transport::WebSocket)?;
        peer.join(room)?;
        Ok(peer)
    }

    /// Sends a request to the internal listener.
    ///
    /// # Errors
    ///
    /// When there is no such listener, or no answer.
    pub fn internal(&self, bytes: impl AsRef<[u8]>) -> Checked<Response> {
        let address = self
            .internal
            .ok_or_else(|| Failure::new("no internal listener"))?;
        let mut stream = Stream::open(address)?;
        stream.send(bytes)?;
        stream.response()
    }

    /// Calls the emit API with the right key.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn emit(&self, body: impl AsRef<[u8]>) -> Checked<Response> {
        let body = body.as_ref();
        let head = format!(
            "POST /api/emit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {API_KEY}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.internal([head.as_bytes(), body].concat())
    }

    /// Emits an event without arguments to the members of a room, and returns how many there are.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn tell(&self, room: &str, event: &str) -> Checked<i64> {
        let body = json!({ "rooms": [room], "event": event, "audience": "everyone" });
        sockets_of(&self.emit(body.to_string())?)
    }

    /// Waits until a room has so many members.
    ///
    /// # Errors
    ///
    /// When it hasn't after `cap`.
    pub fn has_members(&self, room: &str, count: i64, cap: Duration) -> Checked {
        eventually(cap, || {
            let members = self.tell(room, "count")?;
            ensure(
                members == count,
                format!("{members} members instead of {count}"),
            )
        })
    }

    /// Expects that nothing was sent to a witness, who is a member of this room.
    ///
    /// # Errors
    ///
    /// When something was.
    pub fn told_nothing(&self, witness: &mut Peer, room: &str) -> Checked {
        self.tell(room, "end")?;
        let outcome = witness.receives(r#"2["end"]"#);
        outcome.map_err(|failure| failure.on("the witness"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn sockets_of(answer: &Response) -> Checked<i64> {
    let answer = answer.clone().is(200)?.text();
    let sockets = serde_json::from_str::<Value>(&answer)
        .ok()
        .and_then(|answer| answer.pointer("/result/sockets")?.as_i64());
    sockets.ok_or_else(|| Failure::new("no count of sockets").on(answer))
}

const LOG: &str = "log";
