//! Peers that don't read, don't end, or come in greater numbers than the server has room for.

use std::time::{Duration, Instant};

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Frame, Peer, Stream, Transport, Upgrade, ensure, eventually, pause},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-58",
            "a member that never reads is dropped, and its room goes on",
            |server| slow_members(server, 1, "one-slow"),
        )
        .costs(1500, 16 * MIB),
        Case::new(
            "ATK-59",
            "a member that reads a byte each second is cut, however long it would go on",
            |server| {
                let mut slow = narrow(server, "sips")?;
                let mut sender = server.member("sips")?;
                let event = format!(
                    r#"2["chat",{{"room":"sips","t":"{}"}}]"#,
                    "x".repeat(100_000)
                );
                // Much of it lies in the system's buffers before anything waits with the server.
                while server.metric("queued_bytes")? < 300_000.0 {
                    sender.send(&event)?;
                }
                let start = Instant::now();
                // What lies in the system's buffers may still be read when the server has let go.
                while server.tell("sips", "count")? == 2 {
                    slow.websocket()?.stream.sip()?;
                    let took = start.elapsed();
                    ensure(took < Duration::from_secs(15), "it is still served")?;
                    pause(Duration::from_secs(1));
                }
                ensure(
                    server.metric("connections_stalled_total")? >= 1.0,
                    "not for that",
                )
            },
        )
        .under(Profile::Waiting)
        .costs(100, 4 * MIB),
        Case::new(
            "ATK-60",
            "fifty members that never read are dropped, and their room goes on",
            |server| slow_members(server, 50, "many-slow"),
        )
        .costs(4000, 80 * MIB),
        Case::new(
            "ATK-61",
            "a connection ends though its client doesn't finish the close",
            |server| {
                let mut open = Vec::new();
                for _ in 0..50 {
                    let (mut peer, _) = server.connected(Transport::WebSocket)?;
                    peer.websocket()?.send(&Frame::text("4").unmasked())?;
                    open.push(peer);
                }
                for peer in &mut open {
                    peer.websocket()?
                        .stream
                        .ends_within(Duration::from_secs(6))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "ATK-64",
            "a crowd for which there are no descriptors is turned away, and the next is served",
            |server| {
                // Those that are turned away may hear so while they connect.
                let streams: Vec<_> = (0..400).map(|_| server.stream()).collect();
                for _ in 0..30 {
                    let start = Instant::now();
                    server.metric("connections")?;
                    let took = start.elapsed();
                    ensure(took < Duration::from_secs(1), "backends wait")?;
                    pause(Duration::from_millis(100));
                }
                ensure(
                    server.metric("connections_accepted_total")? >= 400.0,
                    "some are still to be accepted",
                )?;
                drop(streams);
                eventually(Duration::from_secs(1), || server.polling().map(drop))
            },
        )
        .under(Profile::FewDescriptors)
        .costs(600, 8 * MIB),
    ]
}

/// Members with a receive buffer of 4 KiB that read nothing, while a megabyte and more is sent to
/// their room; one that reads gets all of it.
fn slow_members(server: &Server, count: usize, room: &str) -> Checked {
    let logged = server.log()?.len();
    let mut slow = Vec::new();
    for _ in 0..count {
        slow.push(narrow(server, room)?);
    }
    let mut reader = server.member(room)?;
    let mut sender = server.member(room)?;
    let text = "x".repeat(10_000);
    for number in 0..600 {
        let event = format!(r#"2["chat",{{"room":"{room}","n":{number},"t":"{text}"}}]"#);
        sender.send(event)?;
        let heard = reader.receive()?;
        let expected = format!(r#"2["chat",{{"room":"{room}","n":{number},"#);
        ensure(
            heard.starts_with(&expected),
            format!("{heard:.100} instead of {number}"),
        )?;
    }
    server.has_members(room, 2, Duration::from_secs(10))?;
    let log = server.log()?;
    let dropped = log[logged..].matches("slow consumer").count();
    ensure(
        dropped <= count + 1,
        format!("{dropped} lines of log for {count} clients"),
    )
}

fn narrow(server: &Server, room: &str) -> Checked<Peer> {
    let mut stream = Stream::open_narrow(server.address, 4096)?;
    stream.send(Upgrade::new().bytes())?;
    let mut peer = Peer::requested_on(stream)?;
    peer.connect(
        "/",
        &serde_json::json!({ "token": crate::kit::Token::of("slow").sign() }),
    )?;
    peer.join(room)?;
    Ok(peer)
}
