//! A client that stays on polling.

use std::io;

use super::{
    entering::CONNECTIONS,
    events::{EVENTS, stages},
    peer::Peer,
    server::{Host, Server},
};
use crate::{Run, codecs::Note};

/// An event by POST, whose answer the next GET brings.
pub(super) fn echo(run: &mut Run<'_>) -> io::Result<()> {
    let server = Server::start(Host::Front)?;
    let mut peer = Peer::open(server.address)?;
    let session = Session::open(&mut peer)?;
    let note = serde_json::to_string(&Note::sample())?;
    let event = session.post(&format!("42[\"echo\",{note}]"));
    stages(run, EVENTS, |times| {
        for _ in 0..times {
            peer.send(&event)?;
            peer.body()?;
            peer.send(&session.get)?;
            expect(peer.body()?, b"42[\"echo\"")?;
        }
        Ok(())
    })
}

/// A session that enters a namespace and closes, over one TCP connection.
pub(super) fn connect(run: &mut Run<'_>) -> io::Result<()> {
    let server = Server::start(Host::Front)?;
    let mut peer = Peer::open(server.address)?;
    stages(run, CONNECTIONS, |times| {
        for _ in 0..times {
            let session = Session::open(&mut peer)?;
            peer.send(&session.post("1"))?;
            peer.body()?;
        }
        Ok(())
    })
}

struct Session {
    sid: String,
    get: Vec<u8>,
}

impl Session {
    /// Opens a session and enters the namespace `/`.
    fn open(peer: &mut Peer) -> io::Result<Self> {
        peer.send(OPEN)?;
        let opened = peer.body()?;
        let sid = opened.split(|byte| *byte == b'"').nth(3);
        let sid = String::from_utf8_lossy(sid.unwrap_or_default()).into_owned();
        let get = format!(
            "GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: example.com\r\n\r\n"
        );
        let session = Self {
            sid,
            get: get.into_bytes(),
        };
        peer.send(&session.post("40"))?;
        peer.body()?;
        peer.send(&session.get)?;
        expect(peer.body()?, b"40{")?;
        Ok(session)
    }

    fn post(&self, body: &str) -> Vec<u8> {
        let (sid, length) = (&self.sid, body.len());
        let request = format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: example.com\r\n\
             Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        request.into_bytes()
    }
}

fn expect(body: &[u8], start: &[u8]) -> io::Result<()> {
    if body.starts_with(start) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "unexpected: {}",
        body.escape_ascii()
    )))
}

const OPEN: &[u8] =
    b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: example.com\r\n\r\n";
