//! FM-12: all that clients can make the server keep, under a limit of memory.

use std::time::Duration;

use serde_json::{Value, json};
use sockeye_guard::{
    kit::{Checked, Failure, Frame, Stream, Token, Transport, ensure, eventually},
    server::Server,
    settings::Settings,
};
use tokio::runtime::Runtime;

use crate::{
    cgroup::{Bound, Group},
    crowd::{Client, narrow},
    fault::{Fault, Length, Scale},
    figure::{mib, thousands},
    finding::Finding,
};

pub(super) const FAULT: Fault = Fault {
    id: "FM-12",
    title: "not enough memory",
    length: Length::Short,
    run: memory,
};

fn memory(_: &Scale) -> Checked<Finding> {
    let group = match Group::new(Bound::Memory(LIMIT)) {
        Ok(group) => group,
        Err(error) => return Ok(Finding::skipped(format!("no control group: {error}"))),
    };
    let settings = Settings::new()
        .set("admission.max_sessions", SESSIONS.to_string())
        .set("admission.unauthenticated_percent", "100")
        .set("engine.max_http_buffer_size", PAYLOAD.to_string())
        .set("engine.send_queue_bytes", QUEUE.to_string())
        .set("limits.held_bytes", HELD.to_string())
        .set("limits.inbound_bytes", INBOUND.to_string())
        .set("limits.auth_bytes", AUTH.to_string())
        // What is filled has to stay.
        .set("engine.write_timeout", r#""10m""#)
        .set("engine.ping_interval", r#""10m""#)
        .set("limits.reassembly_timeout", r#""10m""#)
        .set("limits.header_timeout", r#""10m""#)
        .descriptors(DESCRIPTORS as u32);
    let server = Server::start(&settings)?;
    group.add(server.id())?;
    drop(server.connected(Transport::WebSocket)?);
    let base = server.process().read()?.resident;
    let sum = base + SESSIONS * EACH + (DESCRIPTORS - SESSIONS) * ELSE;
    server.process().reset_peak();

    let runtime = Runtime::new()?;
    let mut clients = Vec::new();
    let mut refused = 0;
    let auth = json!({ "token": Token::of("full").sign() });
    for _ in 0..SESSIONS + OVER {
        let comes = async {
            let mut client = Client::connect_on(narrow()?, server.address, &auth).await?;
            client.send_bytes(&half_a_packet()).await?;
            Ok::<_, Failure>(client)
        };
        match runtime.block_on(comes) {
            Ok(client) => clients.push(client),
            Err(failure) if failure.to_string().contains(" 503 ") => refused += 1,
            Err(failure) => return Err(failure),
        }
    }
    let filled = fill(&server, &clients)?;
    let heads = heads(&server)?;
    let peak = server.process().read().map(|reading| reading.peak);
    let ended = server.ended();
    drop((clients, heads));

    let mut finding = Finding::of(format!(
        "a limit of {} and settings whose bounds sum up to {}: {SESSIONS} sessions, each with {} \
         that isn't read and {} of packets that never end, {} more that try, {} connections with \
         half a head",
        mib(LIMIT),
        mib(sum),
        kib(filled / SESSIONS),
        kib(2 * PAYLOAD),
        OVER,
        thousands(HEADS),
    ));
    finding.promise(sum < LIMIT, "the bounds sum up to less than the limit");
    finding.promise(
        refused == OVER,
        format!("{OVER} are refused with 503: {refused}"),
    );
    if let Some(ended) = ended {
        finding.lost = format!("the process: {ended}");
        finding.promise(false, "the server lives");
        return Ok(finding);
    }
    let peak = peak?;
    let back = eventually(Duration::from_secs(30), || {
        let now = server.process().read()?.resident;
        let most = base + base / 10 + 16 * 1024 * 1024;
        ensure(
            now <= most,
            format!("{} instead of {}", mib(now), mib(base)),
        )
    });
    let serves = eventually(Duration::from_secs(10), || {
        server.connected(Transport::WebSocket).map(drop)
    });
    finding.lost = "nothing".to_owned();
    finding.figure("memory at most", mib(peak));
    finding.figure("afterwards", mib(server.process().read()?.resident));
    finding.figure("at rest", mib(base));
    finding.figure("refused with 503", refused);
    // Else it was no test of anything.
    finding.promise(
        filled / SESSIONS >= QUEUE / 2 && peak > base + SESSIONS * (QUEUE / 2 + PAYLOAD),
        "the bounds are filled",
    );
    for (outcome, what) in [
        (back, "the memory comes back"),
        (serves, "others are served"),
    ] {
        if let Err(failure) = outcome {
            finding.promise(false, format!("{what}: {failure}"));
        }
    }
    Ok(finding)
}

/// Nine of ten attachments, and nearly all of a message that would be the tenth.
fn half_a_packet() -> Vec<u8> {
    let places = (0..10).map(|number| json!({ "_placeholder": true, "num": number }));
    let event = json!(["chat", places.collect::<Vec<Value>>()]);
    let mut bytes = Frame::text(format!("4510-{event}")).bytes();
    for _ in 0..9 {
        bytes.extend(Frame::binary(vec![b'a'; (PAYLOAD / 11) as usize]).bytes());
    }
    bytes.extend(Frame::header(0x82, true, PAYLOAD - 100));
    bytes.extend(vec![b'b'; (PAYLOAD - 1000) as usize]);
    bytes
}

/// Emits to each of the clients, none of which reads, something of its own, until their queues are
/// nearly full; returns how much waits then.
fn fill(server: &Server, clients: &[Client]) -> Checked<u64> {
    let text = "x".repeat((QUEUE / 8) as usize);
    for round in 0..1000 {
        for client in clients {
            let body = json!({ "rooms": [client.id()], "event": "much", "args": [round, text] });
            server.emit(body.to_string())?.is(200)?;
        }
        let queued = server.metric("queued_bytes")? as u64;
        if queued > SESSIONS * QUEUE * 5 / 8 {
            return Ok(queued);
        }
    }
    Err(Failure::new("the queues don't fill"))
}

/// Takes what descriptors are left, with heads of requests that never end.
fn heads(server: &Server) -> Checked<Vec<Stream>> {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(15_000));
    (0..HEADS)
        .map(|_| {
            let mut stream = server.stream()?;
            stream.send(&head)?;
            Ok(stream)
        })
        .collect()
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes / 1024)
}

const LIMIT: u64 = 512 * 1024 * 1024;
const SESSIONS: u64 = 250;
const OVER: u64 = 50;
const DESCRIPTORS: u64 = 600;
const HEADS: usize = 300;
const PAYLOAD: u64 = 100_000;
const QUEUE: u64 = 128 * 1024;
const HELD: u64 = 100_000;
const INBOUND: u64 = 64 * 1024;
const AUTH: u64 = 4096;

/// What a connection may cost, by the table in `docs/limits.md`.
const EACH: u64 = 2 * QUEUE
    + 128 * 1024
    + 2 * PAYLOAD
    + 64 * 1024
    + PAYLOAD
    + HELD
    + PAYLOAD
    + 16 * AUTH
    + 4 * INBOUND
    + PAYLOAD
    + ELSE;

/// What one may that is no session's.
const ELSE: u64 = 256 * 1024;
