//! What members of rooms, and those who would like to be, can do to each other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Frame, Peer, Token, Transport, ensure},
    server::Server,
    settings::Settings,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ROOM-1",
            "a list of rooms is refused by its length before any work",
            long_lists,
        )
        .costs(600, 16 * MIB),
        Case::new(
            "ROOM-2",
            "of JSON that nobody asked for nothing is held",
            trees,
        )
        .costs(900, 16 * MIB),
        Case::new(
            "ROOM-3",
            "the room of a socket that is away stays closed",
            |server| {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                for transport in Transport::BOTH {
                    let (victim, id) = server.connected(transport)?;
                    for room in [json!(id), json!({ "rooms": ["fine", id] })] {
                        refused(&mut peer, "join", &room, "room not allowed")?;
                    }
                    drop(victim);
                    server.has_members(&id, 0, Duration::from_secs(10))?;
                    refused(&mut peer, "join", &json!(id), "room not allowed")?;
                    refused(&mut peer, "leave", &json!(id), "room not allowed")?;
                }
                peer.join("general-discussion-1")
            },
        ),
        Case::new(
            "ROOM-6",
            "no pattern opens a room of somebody's claims",
            |_| {
                let patterns = r#"["*", "**", "user:*", "*:*"]"#;
                let server = Server::start(&Settings::new().set("client.join", patterns))?;
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                for room in ["user:admin", "user:", "user:canary"] {
                    refused(&mut peer, "join", &json!(room), "room not allowed")?;
                }
                peer.join("user:guest")
            },
        )
        .under(Profile::Alone),
        Case::new(
            "ROOM-5",
            "what ends the process of a client is not relayed",
            harmful,
        ),
        Case::new(
            "ROOM-4",
            "who floods a room waits, over however many connections, and its members stay",
            floods,
        )
        .under(Profile::Alone),
    ]
}

/// Three connections of one user send six megabytes at once into a room in which one member polls.
fn floods(_: &Server) -> Checked {
    let server = Server::start(&Settings::new().set("client.relay_bytes_per_second", "262144"))?;
    let mut senders = Vec::new();
    for _ in 0..3 {
        senders.push(server.member("flooded")?);
    }
    let mut victim = server.session(Transport::Polling)?;
    victim.connect("/", &json!({ "token": Token::of("victim").sign() }))?;
    victim.join("flooded")?;
    for sender in &mut senders {
        let event = format!(
            r#"42["chat",{{"room":"flooded","t":"{}"}}]"#,
            "x".repeat(990_000)
        );
        let event = Frame::text(event).bytes();
        sender.websocket()?.stream.pour(&event, 2 * event.len());
    }
    let start = Instant::now();
    let mut heard = 0;
    while heard < 2 {
        let event = victim.receive()?;
        ensure(event.starts_with(r#"2["chat""#), format!("{event:.100}"))?;
        heard += 1;
    }
    let took = start.elapsed();
    ensure(
        took > Duration::from_secs(2),
        format!("already after {took:?}"),
    )?;
    ensure(server.metric("limit_reached_total")? > 0.0, "not counted")?;
    server.has_members("flooded", 4, Duration::from_secs(5))
}

/// A hundred thousand arguments, and a key that clients call as a method.
fn harmful(server: &Server) -> Checked {
    let mut witness = server.member("harmed")?;
    let mut peer = server.member("harmed")?;
    let many = format!(r#"27["chat",{{"room":"harmed"}}{}]"#, ",0".repeat(100_000));
    peer.send(many)?;
    peer.receives(r#"37[{"status":"error","message":"too many arguments"}]"#)?;
    for key in ["hasOwnProperty", r"hasOwn\u0050roperty"] {
        let file = r#"{"_placeholder":true,"num":0}"#;
        peer.send(format!(
            r#"51-7["chat",{{"room":"harmed","file":{file},"x":[{{"{key}":1}}]}}]"#
        ))?;
        peer.send_binary(b"file")?;
        peer.receives(r#"37[{"status":"error","message":"key not allowed"}]"#)?;
    }
    server.told_nothing(&mut witness, "harmed")
}

fn refused(peer: &mut Peer, event: &str, data: &Value, message: &str) -> Checked {
    let answer = peer.ask(event, data)?;
    let expected = json!([{ "status": "error", "message": message }]);
    ensure(answer == expected, format!("{event}: {answer:.200}"))
}

/// A megabyte of one room again and again, from a member of a thousand.
fn long_lists(server: &Server) -> Checked {
    let (mut peer, _) = server.connected(Transport::WebSocket)?;
    let rooms: Vec<_> = (0..1000)
        .map(|number| format!("list-{number:04}"))
        .collect();
    let joined = peer.ask("join", &json!({ "rooms": rooms }))?;
    ensure(
        joined.pointer("/0/status") == Some(&json!("ok")),
        "not joined",
    )?;
    let repeated = json!({ "rooms": vec!["list-0999"; 75_000] });
    for event in ["join", "leave"].repeat(5) {
        refused(&mut peer, event, &repeated, "too many rooms")?;
    }
    ensure(server.tell("list-0999", "count")? == 1, "left")?;
    peer.receives(r#"2["count"]"#)
}

/// A megabyte of small objects wherever something is looked for, before and after authentication.
fn trees(server: &Server) -> Checked {
    let tree = format!("[{}0]", r#"{"":0},"#.repeat(130_000));
    // About as much as may be sent with CONNECT.
    let small = format!("[{}0]", r#"{"":0},"#.repeat(2_000));
    let token = Token::of("tree").sign();
    for transport in Transport::BOTH {
        let mut peer = server.session(transport)?;
        peer.send(format!(r#"0{{"a":{tree},"token":"{token}"}}"#))?;
        peer.receives(r#"4{"message":"handshake payload too large"}"#)?;
        peer.send(format!(r#"0{{"a":{small},"token":"{token}"}}"#))?;
        let answer = peer.receive()?;
        ensure(answer.starts_with(r#"0{"sid":"#), answer)?;
        for (event, data) in [
            ("join", &tree),
            ("join", &format!(r#"{{"rooms":{tree}}}"#)),
            ("chat", &tree),
            ("chat", &format!(r#"{{"room":{tree}}}"#)),
        ] {
            peer.send(format!(r#"27["{event}",{data}]"#))?;
            let answer = peer.receive()?;
            ensure(answer.starts_with(r#"37[{"status":"error""#), answer)?;
        }

        let mut peer = server.session(transport)?;
        peer.connect("/", &json!({}))?;
        peer.send(format!(
            r#"2["authentication",{{"a":{tree},"token":{{}}}}]"#
        ))?;
        let answer = peer.receive()?;
        ensure(answer.starts_with(r#"2["unauthorized""#), answer)?;
        peer.receives("1")?;
        peer.closes()?;
    }
    Ok(())
}
