//! More sessions than one may have, from one address or from many.

use std::net::Ipv4Addr;

use serde_json::json;

use super::tokens::is_refused;
use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Peer, Polling, Response, Stream, Token, Transport, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-25",
            "an address that fills up with strangers keeps nobody else out",
            strangers,
        )
        .under(Profile::Admission)
        .costs(1000, 8 * MIB),
        Case::new(
            "ATK-49f",
            "bad tokens can't be tried faster than sessions are opened",
            bad_tokens,
        )
        .under(Profile::Admission)
        .costs(500, 8 * MIB),
        Case::new(
            "ATK-81",
            "nobody but a trusted proxy says whose address it is",
            |server| {
                let address = Ipv4Addr::new(127, 0, 0, 81);
                let mut opened = Opened::default();
                for number in 0..60 {
                    let headers = format!(
                        "X-Forwarded-For: 192.0.2.{number}\r\nForwarded: for=192.0.2.{number}\r\n\
                         X-Real-IP: 192.0.2.{number}\r\n"
                    );
                    opened.take(server, handshake(server, address, &headers)?)?;
                }
                // Of one address.
                ensure(opened.0.len() == 30, format!("{} of 60", opened.0.len()))
            },
        )
        .under(Profile::Admission),
    ]
}

/// Three addresses try three times as many as each may have, and a fourth finds its place.
fn strangers(server: &Server) -> Checked {
    let mut opened = Opened::default();
    for host in 1..=3 {
        let address = Ipv4Addr::new(127, 0, 25, host);
        for _ in 0..90 {
            opened.take(server, handshake(server, address, "")?)?;
        }
        let count = opened.0.len();
        ensure(count == usize::from(host) * 30, format!("{count} sessions"))?;
    }
    let (mut peer, _) = server.connected(Transport::WebSocket)?;
    peer.join("let-in")?;

    // 100 of all may be unauthenticated.
    let address = Ipv4Addr::new(127, 0, 25, 4);
    for _ in 0..10 {
        opened.take(server, handshake(server, address, "")?.is(200)?)?;
    }
    handshake(server, address, "")?
        .is(503)?
        .says(r#"{"code":6,"message":"Server overloaded"}"#)?;
    peer.join("still-there")
}

/// Of 300 tries in a row, the burst and what a few seconds add are answered at all.
fn bad_tokens(server: &Server) -> Checked {
    let address = Ipv4Addr::new(127, 0, 0, 49);
    let mut answered = 0;
    for _ in 0..300 {
        let response = handshake(server, address, "")?.is_one_of(&[200, 429])?;
        if response.status == 429 {
            response.says(r#"{"code":7,"message":"Too many requests"}"#)?;
            continue;
        }
        answered += 1;
        let sid = Polling::sid_of(&response)?;
        let post = |payload: &str| {
            let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
            let length = payload.len();
            server.request(format!(
                "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{payload}"
            ))
        };
        let bad = Token::of("a").secret("bad").sign();
        post(&format!("40{}", json!({ "token": bad })))?.is(200)?;
        post("1")?.is(200)?;
    }
    ensure(answered < 290, format!("{answered} of 300 were answered"))?;
    is_refused(server, "bad")
}

/// Sessions of whatever address, closed at the end.
#[derive(Default)]
struct Opened(Vec<Peer>);

impl Opened {
    /// Takes a session that was opened, or sees that it was refused to this address.
    fn take(&mut self, server: &Server, response: Response) -> Checked {
        if response.clone().is_one_of(&[200, 429])?.status == 200 {
            self.0.push(Peer::of_polling(server.address, &response)?);
        }
        Ok(())
    }
}

fn handshake(server: &Server, from: Ipv4Addr, headers: &str) -> Checked<Response> {
    let mut stream = Stream::open_from(server.address, from)?;
    let request = Polling::handshake();
    let request = request.trim_end();
    stream.send(format!("{request}\r\n{headers}\r\n"))?;
    stream.response()
}
