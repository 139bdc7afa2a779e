//! The process is told to stop while clients don't read, once and twice.

use std::time::{Duration, Instant};

use serde_json::json;
use sockeye_guard::{
    kit::{Checked, Failure, Peer, Polling, Stream, Token, Transport, Upgrade, ensure, eventually},
    server::Server,
    settings::Settings,
};

use crate::{
    fault::{Fault, Length, Scale},
    finding::Finding,
    signal,
};

/// See `docs/reliability.md`.
pub(super) const FAULT: Fault = Fault {
    id: "FM-03",
    title: "the process is told to stop, but clients don't read",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let mut finding = Finding::of(format!(
        "{STUCK} clients over WebSocket and {STUCK} over polling that don't read what is sent \
         to them; SIGTERM with a `shutdown_timeout` of {TIMEOUT:?}; the same, and SIGTERM again"
    ));
    "what they didn't read".clone_into(&mut finding.lost);
    told_once(&mut finding, scale)?;
    told_twice(&mut finding, scale)?;
    Ok(finding)
}

fn told_once(finding: &mut Finding, scale: &Scale) -> Checked {
    let (server, stuck) = stuck_server()?;
    finding.promise(ready(&server)? == 200, "`/ready` is 200 before");
    let start = Instant::now();
    signal::send("TERM", server.id())?;
    eventually(CAP, || ensure(ready(&server)? == 503, "it is ready"))?;
    finding.figure("`/ready` is 503 after", ms(start.elapsed()));
    let refused = server.request(Polling::handshake())?.status == 503;
    finding.promise(refused, "new sessions are answered 503");
    let mut always = true;
    let (how, _) = signal::end_of_while(&server, CAP, || {
        // When it doesn't answer any more, it is about to end.
        always &= ready(&server).unwrap_or(503) == 503;
    })?;
    let took = start.elapsed();
    drop(stuck);
    finding.promise(always, "`/ready` stays 503");
    finding.figure("told once, ends after", ms(took));
    finding.promise(how == "exit status: 0", format!("exit code 0: {how}"));
    ensure(took > TIMEOUT / 2, "the clients held nothing up")?;
    let in_time = took <= scale.allows(TIMEOUT + SECOND);
    finding.promise(in_time, "ends within a second of the timeout");
    Ok(())
}

fn told_twice(finding: &mut Finding, scale: &Scale) -> Checked {
    let (server, stuck) = stuck_server()?;
    signal::send("TERM", server.id())?;
    eventually(CAP, || ensure(ready(&server)? == 503, "it is ready"))?;
    signal::send("TERM", server.id())?;
    let (how, took) = signal::end_of(&server, CAP)?;
    drop(stuck);
    finding.figure("told twice, ends after", ms(took));
    finding.promise(how == "exit status: 1", format!("exit code 1: {how}"));
    let in_time = took <= scale.allows(SECOND);
    finding.promise(in_time, "ends within a second of the second signal");
    Ok(())
}

/// A client that takes nothing, and the poll that it doesn't read.
type Stuck = (Peer, Option<Stream>);

/// Returns a server with clients that it can't see off.
fn stuck_server() -> Checked<(Server, Vec<Stuck>)> {
    let timeout = format!("\"{}ms\"", TIMEOUT.as_millis());
    let server = Server::start(&Settings::new().set("shutdown_timeout", timeout))?;
    let auth = json!({ "token": Token::of("stuck").sign() });
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let mut stream = Stream::open_narrow(server.address, NARROW)?;
        stream.send(Upgrade::new().bytes())?;
        let mut peer = Peer::requested_on(stream)?;
        peer.connect("/", &auth)?;
        peer.join("websockets")?;
        stuck.push((peer, None));
        let (mut peer, _) = server.connected(Transport::Polling)?;
        peer.join("polls")?;
        stuck.push((peer, None));
    }
    let queued = || server.metric("queued_bytes");
    let is_full = || Ok(queued()? >= QUEUED);
    fill(&server, "polls", is_full)?;
    for (peer, poll) in stuck.iter_mut().skip(1).step_by(2) {
        let mut stream = Stream::open_narrow(server.address, NARROW)?;
        stream.send(peer.polling()?.get_bytes())?;
        *poll = Some(stream);
    }
    // The answers are the HTTP server's now.
    eventually(CAP, || ensure(queued()? < QUEUED, "polls aren't answered"))?;
    fill(&server, "websockets", is_full)?;
    Ok((server, stuck))
}

fn fill(server: &Server, room: &str, is_full: impl Fn() -> Checked<bool>) -> Checked {
    let event = json!({ "rooms": [room], "event": "much", "args": ["x".repeat(50_000)] });
    for _ in 0..1000 {
        if is_full()? {
            return Ok(());
        }
        server.emit(event.to_string())?.is(200)?;
    }
    Err(Failure::new("the system's buffers take everything"))
}

fn ready(server: &Server) -> Checked<u16> {
    let answer = server.internal("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")?;
    Ok(answer.status)
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

const STUCK: usize = 3;

/// How many bytes wait for them together, which is more than the system takes off the server at the end.
const QUEUED: f64 = 2_000_000.0;

/// The clients' receive buffers, in bytes, so that what isn't read stays with the server.
const NARROW: usize = 4096;

const TIMEOUT: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

/// How long anything may take before it counts as never.
const CAP: Duration = Duration::from_secs(60);
