//! What members of rooms, and those who would like to be, can do to each other.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    case::{Case, MIB},
    kit::{Checked, Peer, Token, Transport, ensure},
    server::Server,
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
    ]
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
    let token = Token::of("tree").sign();
    for transport in Transport::BOTH {
        let mut peer = server.session(transport)?;
        peer.send(format!(r#"0{{"a":{tree},"token":"{token}"}}"#))?;
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
    }
    Ok(())
}
