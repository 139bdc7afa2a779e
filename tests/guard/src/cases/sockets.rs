//! Namespaces, rooms, events, and clients that don't say who they are.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::packets::closes;
use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Frame, Peer, Token, Transport, ensure, eventually, pause},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-50",
            "a socket joins 1,024 rooms at most, and leaves them all",
            rooms,
        )
        .costs(1500, 16 * MIB),
        Case::new(
            "ATK-51",
            "a connection enters 16 namespaces at most, and none that isn't there",
            namespaces,
        )
        .under(Profile::Namespaces)
        .costs(1000, 8 * MIB),
        Case::new(
            "ATK-52",
            "whoever has not authenticated after ten seconds is gone",
            deadline,
        )
        .under(Profile::Waiting)
        .costs(200, 4 * MIB),
        Case::new(
            "ATK-53",
            "nothing is handled before a namespace is entered",
            |server| {
                let mut witness = server.member("early")?;
                let event = r#"2["chat",{"room":"early"}]"#;
                for transport in Transport::BOTH {
                    for early in [
                        event,
                        r#"2["join","early"]"#,
                        "31[]",
                        "1",
                        r#"51-["chat",{"_placeholder":true,"num":0}]"#,
                    ] {
                        let mut peer = server.session(transport)?;
                        peer.send(early)?;
                        peer.closes().map_err(|failure| failure.on(early))?;
                    }
                    let mut peer = server.session(transport)?;
                    peer.send(r#"0{"token":"bad"}"#)?;
                    let refusal = peer.receive()?;
                    ensure(refusal.starts_with("4{"), refusal)?;
                    peer.send(event)?;
                    peer.closes()?;

                    // Entered, but without saying who it is: its events reach no handler.
                    let mut peer = server.session(transport)?;
                    peer.connect("/", &json!({}))?;
                    peer.send(r#"27["join","early"]"#)?;
                    peer.send(event)?;
                }
                server.told_nothing(&mut witness, "early")
            },
        ),
        Case::new(
            "ATK-54",
            "a flood of events is slowed down, and then cut",
            |server| {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                peer.join("flood")?;
                let mut witness = server.member("flood")?;
                let start = Instant::now();
                let event = Frame::text(r#"42["chat",{"room":"flood"}]"#).bytes();
                peer.websocket()?
                    .stream
                    .pour(&event.repeat(500), usize::MAX);
                server.has_members("flood", 1, Duration::from_secs(6))?;
                let took = start.elapsed().as_secs();
                ensure((8..20).contains(&took), format!("after {took} s"))?;
                let mut heard = 0;
                while witness.receive()? != r#"2["count"]"# {
                    heard += 1;
                }
                // At once, and then 200 a second.
                let most = 400 + 200 * (took + 2);
                ensure(
                    heard <= most,
                    format!("{heard} were sent on, at most {most}"),
                )
            },
        )
        .under(Profile::Waiting)
        .costs(500, 4 * MIB),
        Case::new(
            "ATK-55",
            "entering and leaving again and again leaves nothing",
            |server| {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                let enter = format!("0{}", json!({ "token": Token::of("back").sign() }));
                for _ in 0..20 {
                    peer.send_together(&["1", &enter].repeat(20))?;
                    for _ in 0..20 {
                        let answer = peer.receive()?;
                        ensure(answer.starts_with(r#"0{"sid":"#), answer)?;
                    }
                }
                Ok(())
            },
        )
        .costs(3000, 8 * MIB),
        Case::new(
            "ATK-56",
            "names are bounded, and nobody joins another's own room",
            names,
        ),
        Case::new(
            "ATK-57",
            "packets that only servers send end the session",
            |server| {
                for packet in [
                    r#"4{"message":"x"}"#,
                    "4",
                    r#"4"x""#,
                    r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#,
                    "7",
                    "9",
                    r#"2["connect"]"#,
                    r#"2["disconnect"]"#,
                    r#"2["connect_error",{}]"#,
                    r#"2["disconnecting"]"#,
                ] {
                    closes(server, packet)?;
                }
                Ok(())
            },
        ),
    ]
}

fn rooms(server: &Server) -> Checked {
    let logged = server.log()?.len();
    let (mut peer, _) = server.connected(Transport::WebSocket)?;
    for hundred in 0..200 {
        let rooms: Vec<_> = (0..100)
            .map(|room| format!("room {hundred} {room}"))
            .collect();
        let answer = peer.ask("join", &json!({ "rooms": rooms }))?;
        let joined = answer
            .pointer("/0/rooms")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        ensure(joined <= 1024, format!("in {joined} rooms"))?;
    }
    ensure(
        server.tell("room 0 0", "count")? == 1,
        "not in the first room",
    )?;
    ensure(
        server.tell("room 199 99", "count")? == 0,
        "in the last room",
    )?;
    let logged = server.log()?.len() - logged;
    ensure(logged < 100_000, format!("{logged} bytes were logged"))?;
    drop(peer);
    server.has_members("room 0 0", 0, Duration::from_secs(5))
}

fn namespaces(server: &Server) -> Checked {
    let auth = json!({ "token": Token::of("many").sign() });
    for transport in Transport::BOTH {
        let (mut peer, _) = server.connected(transport)?;
        for number in 1..16 {
            peer.connect(&format!("/n{number}"), &auth)?;
        }
        peer.send(format!("0/n16,{auth}"))?;
        let refusal = peer.receive()?;
        ensure(refusal.starts_with("4/n16,"), refusal)?;
        peer.send(r#"27["join","still-there"]"#)?;
        let answer = peer.receive()?;
        ensure(answer.starts_with("37["), answer)?;
    }
    let mut peer = server.session(Transport::WebSocket)?;
    for number in 0..350 {
        peer.send(format!("0/x{number},"))?;
        peer.receives(&format!(r#"4/x{number},{{"message":"Invalid namespace"}}"#))?;
    }
    Ok(())
}

/// All of them at once: who says nothing, who says it wrongly again and again, who only answers
/// pings, who enters and never authenticates, who never polls, and who has a token at the last
/// moment.
fn deadline(server: &Server) -> Checked {
    let start = Instant::now();
    let mut silent = server.session(Transport::WebSocket)?;
    let mut chatty = server.session(Transport::WebSocket)?;
    let mut wrong = server.session(Transport::WebSocket)?;
    let mut anonymous = server.session(Transport::WebSocket)?;
    let id = anonymous.connect("/", &json!({}))?;
    let mut late = server.session(Transport::WebSocket)?;
    // These two never poll.
    let mut absent = server.polling()?;
    let mut deaf = server.polling()?;
    for _ in 0..9 {
        deaf.posts(r#"40{"token":"bad"}"#)?;
        chatty.send_engine("3")?;
        wrong.send(r#"0{"token":"bad"}"#)?;
        let refusal = wrong.receive()?;
        ensure(refusal.starts_with("4{"), refusal)?;
        pause(Duration::from_secs(1));
    }
    late.connect("/", &json!({ "token": Token::of("late").sign() }))?;
    for (who, peer) in [
        ("silent", &mut silent),
        ("chatty", &mut chatty),
        ("wrong", &mut wrong),
    ] {
        peer.closes().map_err(|failure| failure.on(who))?;
        in_time(start, who)?;
    }
    let told = anonymous.receive()?;
    let event: Option<Value> = told
        .strip_prefix('2')
        .and_then(|event| serde_json::from_str(event).ok());
    let message = format!("Authentication failure socket {id}");
    let expected = json!(["unauthorized", { "status": 401, "message": message }]);
    ensure(event == Some(expected), told)?;
    anonymous.receives("1")?;
    in_time(start, "anonymous")?;
    for session in [&mut absent, &mut deaf] {
        eventually(Duration::from_millis(500), || {
            session.post("6")?.refuses(1).map(drop)
        })?;
    }
    late.join("late")
}

fn in_time(start: Instant, who: &str) -> Checked {
    let took = start.elapsed();
    let expected = Duration::from_millis(9500)..Duration::from_millis(12_000);
    ensure(expected.contains(&took), format!("{who}: after {took:?}"))
}

fn names(server: &Server) -> Checked {
    let (mut victim, victims_own) = server.connected(Transport::WebSocket)?;
    victim.join("victim")?;
    let (mut peer, _) = server.connected(Transport::WebSocket)?;
    let long = "r".repeat(257);
    for room in [
        "",
        &long,
        "a\u{1}",
        "a\nb",
        "\u{7f}",
        &victims_own,
        "sockeye:authenticated",
        "user:admin",
    ] {
        refused(&mut peer, &json!(room))?;
        refused(&mut peer, &json!({ "rooms": ["fine", room] }))?;
    }
    for wrong in [
        json!(5),
        json!(null),
        json!({}),
        json!({ "rooms": [] }),
        json!({ "rooms": [1] }),
    ] {
        refused(&mut peer, &wrong)?;
    }
    peer.join(&"r".repeat(256))?;
    for room in [&*victims_own, "sockeye:authenticated"] {
        let answer = peer.ask("chat", &json!({ "room": room }))?;
        ensure(
            answer.pointer("/0/status") == Some(&json!("error")),
            answer.to_string(),
        )?;
    }
    server.told_nothing(&mut victim, "victim")?;

    closes(server, &format!(r#"2["{}"]"#, "e".repeat(257)))?;
    for name in ["", &"e".repeat(256), "\\n", "\\u0001", "__proto__", "error"] {
        peer.send(format!(r#"2["{name}"]"#))?;
    }
    peer.join("still-there")
}

fn refused(peer: &mut Peer, wanted: &Value) -> Checked {
    let answer = peer.ask("join", wanted)?;
    let expected = json!([{ "status": "error", "message": "room not allowed" }]);
    ensure(answer == expected, format!("{wanted}: {answer}"))
}
