use super::closes;
use crate::{
    case::{Case, MIB},
    kit::{Checked, Transport, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-37",
            "attachments come as announced, up to the limit, or the session ends",
            announced,
        )
        .costs(600, 24 * MIB),
        Case::new(
            "ATK-38",
            "placeholders stand only for attachments of their own packet",
            |server| {
                let numbers = [
                    "1",
                    "5",
                    "-1",
                    "0.5",
                    "1e9",
                    "null",
                    "true",
                    "[]",
                    "{}",
                    "\"0\"",
                    "\"splice\"",
                    "4294967296",
                    "18446744073709551616",
                ];
                for number in numbers {
                    ends_with(
                        server,
                        &format!(r#"{{"_placeholder":true,"num":{number}}}"#),
                    )?;
                }
                ends_with(server, r#"{"_placeholder":true}"#)?;
                unchanged(server)
            },
        ),
    ]
}

/// Expects the end of a session that sends one attachment for this placeholder.
fn ends_with(server: &Server, placeholder: &str) -> Checked {
    for transport in Transport::BOTH {
        let (mut peer, _) = server.connected(transport)?;
        peer.send(format!(r#"51-["chat",{{"room":"x"}},{placeholder}]"#))?;
        peer.send_binary(b"marker")?;
        peer.closes().map_err(|failure| failure.on(placeholder))?;
    }
    Ok(())
}

fn announced(server: &Server) -> Checked {
    let place = r#"{"_placeholder":true,"num":0}"#;
    for count in ["0", "11", "", "-1", "01", "1e0", "45999999999"] {
        closes(server, &format!(r#"5{count}-["chat",{place}]"#))?;
    }
    for transport in Transport::BOTH {
        let peer = || server.connected(transport).map(|(peer, _)| peer);
        let header = format!(r#"51-["chat",{{"room":"sizes","v":{place}}}]"#);

        let mut too_many = peer()?;
        too_many.send(&header)?;
        too_many.send_binary(b"1")?;
        too_many.send_binary(b"2")?;
        too_many.closes()?;

        let mut between = peer()?;
        between.send(&header)?;
        between.send(r#"2["chat",1]"#)?;
        between.closes()?;

        let mut first = peer()?;
        first.send_binary(b"1")?;
        first.closes()?;
    }
    sizes(server)
}

/// Ten attachments of 98 kB fit together, ten of 110 kB don't.
fn sizes(server: &Server) -> Checked {
    let places = (0..10).map(|number| format!(r#",{{"_placeholder":true,"num":{number}}}"#));
    let header = format!(
        r#"510-["chat",{{"room":"sizes"}}{}]"#,
        places.collect::<String>()
    );
    for transport in Transport::BOTH {
        let mut witness = server.member("sizes")?;
        let (mut peer, _) = server.connected(transport)?;
        peer.join("sizes")?;
        peer.send(&header)?;
        for _ in 0..10 {
            peer.send_binary(&vec![7; 98_000])?;
        }
        let heard = witness.receive()?;
        ensure(heard.starts_with("510-["), heard)?;
        for _ in 0..10 {
            witness.receive_engine()?;
        }

        peer.send(&header)?;
        for _ in 0..10 {
            // The last of them may find the session closed.
            let _ = peer.send_binary(&vec![7; 110_000]);
        }
        peer.closes()?;
    }
    Ok(())
}

/// What only looks like a placeholder comes as it was sent, with and without attachments.
fn unchanged(server: &Server) -> Checked {
    let mut witness = server.member("marks")?;
    let (mut peer, _) = server.connected(Transport::WebSocket)?;
    peer.join("marks")?;
    let alike = r#"{"_placeholder":true,"num":0}"#;
    peer.send(format!(r#"2["chat",{{"room":"marks"}},{alike}]"#))?;
    let heard = witness.receive()?;
    ensure(heard.contains(alike), heard)?;

    let alike = r#"{"_placeholder":"true","num":0}"#;
    peer.send(format!(
        r#"51-["chat",{{"room":"marks"}},{{"_placeholder":true,"num":0}},{alike}]"#
    ))?;
    peer.send_binary(b"marker")?;
    let heard = witness.receive()?;
    ensure(heard.contains(alike), heard)?;
    let attachment = witness.receive_engine()?;
    ensure(attachment == "bbWFya2Vy", attachment)
}
