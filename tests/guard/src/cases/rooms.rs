//! What members of rooms, and those who would like to be, can do to each other.

use serde_json::json;

use crate::{
    case::{Case, MIB},
    kit::{Checked, Token, Transport, ensure},
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
    ]
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
    let refused = json!([{ "status": "error", "message": "too many rooms" }]);
    for event in ["join", "leave"].repeat(5) {
        let answer = peer.ask(event, &repeated)?;
        ensure(answer == refused, format!("{event}: {answer:.200}"))?;
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
