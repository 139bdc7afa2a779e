//! Of socket.io-parser.

use std::time::{Duration, Instant};

use super::super::packets::closes;
use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Transport, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "CVE-2020-36049",
            "900,000 characters of a namespace or a number are read once",
            |server| {
                let (letters, digits) = ("a".repeat(900_000), "1".repeat(900_000));
                for packet in [
                    format!("2/{letters}"),
                    format!("2{digits}"),
                    format!("5{digits}"),
                    format!("2/a,{digits}"),
                    format!("0/{letters},"),
                ] {
                    closes(server, &packet)?;
                }
                Ok(())
            },
        )
        .costs(300, 16 * MIB),
        Case::new(
            "CVE-2022-2421",
            "a placeholder's number is an index or nothing",
            |server| {
                let mut witness = server.member("indices")?;
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                peer.join("indices")?;
                let event = |number| {
                    format!(
                        r#"51-["chat",{{"room":"indices"}},{{"_placeholder":true,"num":{number}}}]"#
                    )
                };
                peer.send(event("0"))?;
                peer.send_binary(b"marker")?;
                let heard = witness.receive()?;
                ensure(heard.starts_with("51-["), heard)?;
                witness.receive_engine()?;
                for number in [
                    r#""splice""#,
                    r#""constructor""#,
                    "-1",
                    "1",
                    "1e9",
                    "0.0",
                    "00",
                ] {
                    let (mut peer, _) = server.connected(Transport::WebSocket)?;
                    peer.send(event(number))?;
                    peer.send_binary(b"marker")?;
                    peer.closes().map_err(|failure| failure.on(number))?;
                }
                server.told_nothing(&mut witness, "indices")
            },
        ),
        Case::new(
            "CVE-2023-32695",
            "an event's name is a string or a number",
            |server| {
                for name in [
                    r#"{"toString":"foo"}"#,
                    "null",
                    "true",
                    r#"["a"]"#,
                    "{}",
                    "[]",
                ] {
                    closes(server, &format!("2[{name}]"))?;
                }
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                peer.send("2[1.5]")?;
                peer.send("2[1]")?;
                peer.join("still-there")
            },
        ),
        Case::new(
            "CVE-2026-33151",
            "attachments are bounded in number and in time",
            attachments_in_time,
        )
        .under(Profile::Waiting)
        .costs(100, 8 * MIB),
        Case::new(
            "GHSA-2m8v-j782-fhvr",
            "no attachments are announced by none at all",
            |server| {
                for transport in Transport::BOTH {
                    let (mut peer, _) = server.connected(transport)?;
                    peer.send(r#"50-["a"]"#)?;
                    peer.closes()?;
                }
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                peer.send(r#"50-["a"]"#)?;
                for _ in 0..10_000 {
                    // The session has ended at the first.
                    if peer.send_binary(&[0; 1000]).is_err() {
                        break;
                    }
                }
                peer.closes()
            },
        )
        .costs(300, 4 * MIB),
    ]
}

fn attachments_in_time(server: &Server) -> Checked {
    let (mut peer, _) = server.connected(Transport::WebSocket)?;
    peer.join("waiting")?;
    let places = (0..10).map(|number| format!(r#",{{"_placeholder":true,"num":{number}}}"#));
    peer.send(format!(
        r#"510-["chat",{{"room":"waiting"}}{}]"#,
        places.collect::<String>()
    ))?;
    let start = Instant::now();
    for _ in 0..9 {
        peer.send_binary(&[1; 90_000])?;
    }
    peer.websocket()?
        .stream
        .ends_within(Duration::from_secs(25))?;
    let took = start.elapsed();
    let expected = Duration::from_secs(19)..Duration::from_secs(23);
    ensure(expected.contains(&took), format!("it took {took:?}"))
}
