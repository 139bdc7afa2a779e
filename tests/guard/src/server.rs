//! The server under test.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
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

/// A server in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where backends connect, where it has such a listener.
    pub internal: Option<SocketAddr>,
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
            process: Process::new(child.id()),
            child: Mutex::new(child),
            directory,
        })
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

    /// Sends a GET for a target with these header lines, each with its end.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self, target: &str, headers: &str) -> Checked<Response> {
        self.request(format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
        ))
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

    /// Returns what is alive in the server, as far as it can be asked.
    ///
    /// # Errors
    ///
    /// When it doesn't answer.
    pub fn gauges(&self) -> Checked<BTreeMap<String, i64>> {
        if self.internal.is_none() {
            return Ok(BTreeMap::new());
        }
        let body = json!({ "event": "guard", "audience": "everyone" }).to_string();
        let sockets = sockets_of(&self.emit(body)?)?;
        Ok([("sockets".to_owned(), sockets)].into())
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

/// Runs `sockeye check` with these settings.
///
/// # Errors
///
/// When there is no binary.
pub fn check(settings: &Settings) -> Checked<Output> {
    let directory = tempfile::tempdir()?;
    Ok(command(settings, directory.path(), "check")?.output()?)
}

/// Runs `sockeye serve` with settings that it refuses, to the end.
///
/// # Errors
///
/// When there is no binary, or it serves.
pub fn refused(settings: &Settings) -> Checked<Output> {
    let directory = tempfile::tempdir()?;
    let mut child = command(settings, directory.path(), "serve")?
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(output) = &mut child.stdout {
        BufReader::new(output).read_line(&mut line)?;
    }
    if !line.is_empty() {
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure::new("it serves with these settings"));
    }
    Ok(child.wait_with_output()?)
}

fn command(settings: &Settings, directory: &Path, subcommand: &str) -> Checked<Command> {
    let file = directory.join("sockeye.toml");
    fs::write(&file, settings.file())?;
    let program = released("SOCKEYE_BIN", "sockeye")?;
    let mut command = match settings.most_descriptors() {
        None => Command::new(program),
        Some(most) => {
            let mut shell = Command::new("sh");
            let script = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
            shell.arg("-c").arg(script).arg(program);
            shell
        }
    };
    command.arg(subcommand).arg("--config").arg(file);
    command.envs(settings.variables());
    Ok(command)
}

/// Finds a released program: where a variable says, else in the target directory.
fn released(variable: &str, name: &str) -> Checked<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let program =
        env::var_os(variable).map_or_else(|| target.join("release").join(name), PathBuf::from);
    match program.is_file() {
        true => Ok(program),
        false => Err(Failure::new(format!(
            "no {}: build it with `make release`, or say with {variable} where it is",
            program.display()
        ))),
    }
}

const LOG: &str = "log";
