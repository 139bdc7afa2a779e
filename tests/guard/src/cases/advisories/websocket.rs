//! Of ws, and of WebSockets elsewhere.

use std::time::Duration;

use crate::{
    case::{Case, MIB},
    kit::{Checked, Frame, Peer, Received, Transport, Upgrade, WebSocket, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "CVE-2016-10518",
            "a pong has the bytes of its ping and no more",
            |server| {
                let mut peer = connected(server)?;
                for length in [0, 1, 125] {
                    let payload = vec![0xa5; length];
                    peer.websocket()?.send(&Frame::of(0x89, payload.clone()))?;
                    let received = peer.websocket()?.receive()?;
                    ensure(received == Received::Pong(payload), format!("{received:?}"))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "CVE-2016-10542",
            "a declared length allocates nothing",
            |server| {
                for (length, code) in [
                    (1_000_001, 1009),
                    (1 << 31, 1009),
                    ((1 << 63) - 1, 1009),
                    (u64::MAX, 1002),
                ] {
                    for first in [0x81, 0x82, 0x01] {
                        let mut peer = connected(server)?;
                        let websocket = peer.websocket()?;
                        websocket.stream.send(Frame::header(first, true, length))?;
                        let outcome = websocket.closes_with(code);
                        outcome.map_err(|failure| failure.on(format!("{length} bytes")))?;
                    }
                }
                Ok(())
            },
        )
        .costs(100, MIB),
        Case::new(
            "GHSA-5v72-xg48-5rpm",
            "no extension is taken, however it is spelled",
            |server| {
                let long = ";".repeat(8 * 1024);
                for offer in [
                    "constructor",
                    "__proto__; a",
                    "permessage-deflate; client_max_window_bits=99999",
                    "\"unterminated",
                    ",,,;;;===",
                    &long,
                ] {
                    let upgrade = Upgrade::new().header("Sec-WebSocket-Extensions", offer);
                    let (response, _) = upgrade.attempt(server.address)?;
                    response
                        .is_one_of(&[101, 400])?
                        .has_no("sec-websocket-extensions")?;
                }
                Ok(())
            },
        ),
        Case::new("CVE-2021-32640", "subprotocols cost no time", |server| {
            for offer in [
                format!("a{}b", " ".repeat(12_000)),
                ",".repeat(12_000),
                "a,".repeat(6_000),
            ] {
                let upgrade = Upgrade::new().header("Sec-WebSocket-Protocol", offer);
                let (response, _) = upgrade.attempt(server.address)?;
                response.is_one_of(&[101, 400])?;
            }
            Ok(())
        })
        .costs(20, 2 * MIB),
        Case::new(
            "CVE-2024-37890",
            "headers that are too many hide nothing",
            |server| {
                for count in [65, 100, 101, 2001] {
                    let upgrade = (0..count).fold(Upgrade::new(), |upgrade, number| {
                        upgrade.header(&format!("X-{number}"), "1")
                    });
                    let (response, _) = upgrade.attempt(server.address)?;
                    response.is_one_of(&[400, 431])?;
                }
                let upgrade = (0..50).fold(Upgrade::new(), |upgrade, number| {
                    upgrade.header(&format!("X-{number}"), "1")
                });
                upgrade.open(server.address).map(drop)
            },
        ),
        Case::new(
            "CVE-2026-45736",
            "a close frame says what it is for and nothing else",
            |server| {
                for (frame, code) in [
                    (Frame::text(vec![b'4'; 1_000_001]), 1009),
                    (Frame::text([0x34, 0xff]), 1007),
                    (Frame::of(0x83, ""), 1002),
                    (Frame::of(0x88, [0]), 1002),
                    (Frame::of(0x88, [0x03, 0xed]), 1002),
                    (Frame::of(0x88, [0x03, 0xe8, 0xff]), 1007),
                ] {
                    let mut peer = connected(server)?;
                    let websocket = peer.websocket()?;
                    // The end may come before the last byte is sent.
                    let _ = websocket.send(&frame);
                    let outcome = websocket.closes_with(code);
                    outcome.map_err(|failure| failure.on(format!("{code}")))?;
                }
                Ok(())
            },
        )
        .costs(200, 4 * MIB),
        Case::new(
            "CVE-2026-48779",
            "fragments are bounded, and bytes may come one by one",
            fragments,
        )
        .costs(1500, 4 * MIB),
    ]
}

fn connected(server: &Server) -> Checked<Peer> {
    server.connected(Transport::WebSocket).map(|(peer, _)| peer)
}

fn fragments(server: &Server) -> Checked {
    for payload in ["x", ""] {
        let mut peer = connected(server)?;
        let websocket = peer.websocket()?;
        websocket.send(&Frame::of(0x01, "4"))?;
        let thousand = Frame::of(0x00, payload).bytes().repeat(1000);
        for _ in 0..200 {
            if websocket.stream.send(&thousand).is_err() {
                break;
            }
        }
        gone(websocket)?;
    }
    let mut peer = connected(server)?;
    let frame = Frame::text(r#"427["join","one-by-one"]"#).bytes();
    for byte in frame {
        peer.websocket()?.stream.send([byte])?;
    }
    let answer = peer.receive()?;
    ensure(answer.starts_with("37["), answer)?;

    let event = format!(r#"42["chat",{{"room":"a","t":"{}"}}]"#, "x".repeat(200_000));
    for piece in Frame::text(event).bytes().chunks(7) {
        peer.websocket()?.stream.send(piece)?;
    }
    peer.join("still-there")
}

/// Closed with 1008; where much was sent behind, the system may have cut the connection before the
/// frame could be read.
fn gone(websocket: &mut WebSocket) -> Checked {
    let code = websocket.closes()?;
    ensure(
        code.is_none_or(|code| code == 1008),
        format!("closed with {code:?}"),
    )?;
    websocket
        .stream
        .ends_within(Duration::from_secs(3))
        .map(drop)
}
