//! Socket.IO packets: JSON, attachments, placeholders.

mod acks;
mod attachments;
mod nesting;

use serde_json::Value;

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Failure, Transport, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "ATK-32",
            "JSON that is too deep closes, wherever it is",
            nesting::closes,
        )
        .costs(400, 16 * MIB),
        Case::new(
            "ATK-32-stack",
            "JSON that is too deep closes, on a small stack",
            nesting::closes,
        )
        .under(Profile::SmallStack)
        .costs(400, 16 * MIB),
        Case::new("ATK-33", "keys are only data, however many", keys).costs(400, 32 * MIB),
        Case::new(
            "ATK-34",
            "of a key that is there twice the last counts, and both are sent on",
            |server| {
                let [mut first, mut last] = [server.member("first")?, server.member("last")?];
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                peer.join("first")?;
                peer.join("last")?;
                let data = r#"{"room":"first","a":1,"a":2,"room":"last"}"#;
                peer.send(format!(r#"2["chat",{data}]"#))?;
                heard(&last.receive()?, data)?;
                server.told_nothing(&mut first, "first")
            },
        ),
        Case::new(
            "ATK-35",
            "numbers are sent on as they are written, or refused",
            |server| {
                for number in [
                    "1e999",
                    "-0",
                    "18446744073709551616",
                    "1E+2",
                    "0.10",
                    &"9".repeat(400),
                ] {
                    relayed(server, &format!(r#"{{"room":"values","v":{number}}}"#))?;
                }
                for number in ["NaN", "Infinity", "01", "+1", "0x1", ".5", "1."] {
                    closes(
                        server,
                        &format!(r#"2["chat",{{"room":"values","v":{number}}}]"#),
                    )?;
                }
                Ok(())
            },
        ),
        Case::new("ATK-36", "text is sent on byte by byte", |server| {
            let texts = [
                r"\u0000",
                r"\ud800",
                r"\ud83d\ude00",
                "😀",
                "\u{2028}",
                "\u{feff}",
                "\u{fffd}",
                r"\/",
            ];
            for text in texts {
                relayed(server, &format!(r#"{{"room":"values","v":"{text}"}}"#))?;
            }
            closes(server, "\u{feff}2[\"chat\"]")?;
            closes(server, "2[\"chat\",\"a\u{0}b\"]")
        }),
    ];
    cases.extend(attachments::cases());
    cases.extend(acks::cases());
    cases
}

/// Expects that this packet ends its session, over both transports.
pub(super) fn closes(server: &Server, packet: &str) -> Checked {
    for transport in Transport::BOTH {
        let (mut peer, _) = server.connected(transport)?;
        let outcome = peer.send(packet).and_then(|()| peer.closes());
        outcome.map_err(|failure| failure.on(format!("{transport:?}, {packet}")))?;
    }
    Ok(())
}

/// Expects that this object comes to another member of the room `values` as it was sent.
fn relayed(server: &Server, data: &str) -> Checked {
    let mut witness = server.member("values")?;
    for transport in Transport::BOTH {
        let (mut peer, _) = server.connected(transport)?;
        peer.join("values")?;
        peer.send(format!(r#"2["chat",{data}]"#))?;
        heard(&witness.receive()?, data).map_err(|failure| failure.on(data))?;
    }
    Ok(())
}

/// Expects the packet to be a `chat` with these bytes.
fn heard(packet: &str, data: &str) -> Checked {
    let rest = packet
        .strip_prefix(r#"2["chat","#)
        .and_then(|packet| packet.strip_prefix(data));
    let sender = rest.and_then(|rest| rest.strip_prefix(r#",{"from":"#));
    ensure(
        sender.is_some(),
        format!("{packet:.200} is not what was sent"),
    )
}

fn keys(server: &Server) -> Checked {
    relayed(
        server,
        r#"{"room":"values","__proto__":{"a":1},"constructor":2,"toString":3,"":4}"#,
    )?;
    let keys = |name: fn(usize) -> String| {
        let keys: Vec<_> = (0..60_000)
            .map(|number| format!("\"{}\":0", name(number)))
            .collect();
        format!(r#"27["join",{{{},"room":"keys"}}]"#, keys.join(","))
    };
    let names: [fn(usize) -> String; 2] = [
        |number| format!("{number:x}"),
        // All of one length, with the same beginning and end.
        |number| format!("a{number:06}a"),
    ];
    for name in names {
        let (mut peer, _) = server.connected(Transport::WebSocket)?;
        peer.send(keys(name))?;
        let answer = peer.receive()?;
        let answer: Option<Value> = answer
            .strip_prefix("37")
            .and_then(|answer| serde_json::from_str(answer).ok());
        let answer = answer.ok_or_else(|| Failure::new("no ack"))?;
        ensure(
            answer.pointer("/0/status").is_some(),
            format!("it is answered {answer}"),
        )?;
    }
    Ok(())
}
