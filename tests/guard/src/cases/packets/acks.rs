use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Failure, Transport},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-39",
            "an ack counts once, and only from whom it was asked",
            |server| {
                strangers(server)?;
                flood(server)?;
                never_answered(server)
            },
        )
        .under(Profile::Conformance)
        .costs(6000, 32 * MIB),
    ]
}

/// Asks the server to ask for an ack; returns the id that it wants back.
fn asked(peer: &mut crate::kit::Peer) -> Checked<String> {
    peer.send(r#"2["ask","question",1]"#)?;
    let packet = peer.receive()?;
    let id = packet
        .strip_prefix('2')
        .and_then(|rest| rest.strip_suffix(r#"["question",1]"#));
    id.map(str::to_owned)
        .ok_or_else(|| Failure::new("no question").on(&packet))
}

fn connected(server: &Server, transport: Transport) -> Checked<crate::kit::Peer> {
    let (mut peer, _) = server.connected(transport)?;
    // The greeting of the example.
    peer.receive()?;
    Ok(peer)
}

fn strangers(server: &Server) -> Checked {
    for transport in Transport::BOTH {
        let mut peer = connected(server, transport)?;
        let mut other = connected(server, transport)?;
        for early in ["30[1]", "39007199254740991[1]", "3[]", "3999999[2]"] {
            peer.send(early)?;
        }
        let id = asked(&mut peer)?;
        other.send(format!(r#"3{id}["not yours"]"#))?;
        other.send(r#"2["echo",1]"#)?;
        other.receives(r#"2["echo",1]"#)?;
        let large = "x".repeat(900_000);
        peer.send(format!(r#"3{id}["first","{large}"]"#))?;
        peer.send(format!(r#"3{id}["second"]"#))?;
        peer.receives(&format!(r#"2["answered","first","{large}"]"#))?;
        peer.send(r#"2["echo",2]"#)?;
        peer.receives(r#"2["echo",2]"#)?;
    }
    Ok(())
}

fn flood(server: &Server) -> Checked {
    let mut peer = connected(server, Transport::WebSocket)?;
    let hundred: Vec<_> = (0..100).map(|id| format!("3{id}[1]")).collect();
    let hundred: Vec<_> = hundred.iter().map(String::as_str).collect();
    for _ in 0..1000 {
        peer.send_together(&hundred)?;
    }
    peer.send(r#"2["echo",3]"#)?;
    peer.receives(r#"2["echo",3]"#)
}

/// The oldest questions fail for the newest, of which there are never more than 1,024.
fn never_answered(server: &Server) -> Checked {
    let mut peer = connected(server, Transport::WebSocket)?;
    for _ in 0..200 {
        peer.send_together(&[r#"2["ask","question",1]"#; 100])?;
        for _ in 0..100 {
            peer.receive()?;
        }
    }
    peer.send(r#"2["echo",4]"#)?;
    peer.receives(r#"2["echo",4]"#)
}
