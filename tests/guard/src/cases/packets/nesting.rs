use serde_json::json;

use crate::{
    kit::{Checked, Peer, Token, Transport},
    server::Server,
};

/// Each depth as arrays and as objects, closed and not, in an event, an ack and the payload of
/// CONNECT; just within the limit it is accepted.
pub(super) fn closes(server: &Server) -> Checked {
    for transport in Transport::BOTH {
        for depth in [129, 20_000, 80_000] {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let unclosed = open.repeat(depth);
                let closed = format!("{unclosed}0{}", close.repeat(depth));
                for deep in [&unclosed, &closed] {
                    each(server, transport, deep)?;
                }
            }
        }
        each(server, transport, &"[".repeat(400_000))?;

        let mut witness = server.member("deep")?;
        let (mut peer, _) = server.connected(transport)?;
        let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
        peer.join("deep")?;
        peer.send(format!(r#"2["chat",{{"room":"deep","v":{deep}}}]"#))?;
        witness.receive()?;
    }
    Ok(())
}

fn each(server: &Server, transport: Transport, deep: &str) -> Checked {
    let (mut peer, _) = server.connected(transport)?;
    ends(&mut peer, &format!(r#"2["chat",{deep}]"#))?;
    let (mut peer, _) = server.connected(transport)?;
    ends(&mut peer, &format!("30[{deep}]"))?;
    let mut peer = server.session(transport)?;
    let token = json!(Token::of("deep").sign());
    ends(&mut peer, &format!(r#"0{{"token":{token},"a":{deep}}}"#))
}

fn ends(peer: &mut Peer, packet: &str) -> Checked {
    let outcome = peer.send(packet).and_then(|()| peer.closes());
    outcome.map_err(|failure| failure.on(packet))
}
