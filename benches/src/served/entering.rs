//! Clients that come and go.

use std::io;

use super::{
    events::stages,
    peer::{ENTER, Peer},
    server::{CLOSED, Host, Server, token},
};
use crate::Run;

/// A client connects by WebSocket, enters a namespace, and leaves.
pub(super) fn websocket(run: &mut Run<'_>) -> io::Result<()> {
    come_and_go(run, ENTER)
}

/// The same with a token, which is verified.
pub(super) fn jwt(run: &mut Run<'_>) -> io::Result<()> {
    let token = token()?;
    come_and_go(run, &format!("40{CLOSED},{{\"token\":\"{token}\"}}"))
}

fn come_and_go(run: &mut Run<'_>, packet: &str) -> io::Result<()> {
    let server = Server::start(Host::Front)?;
    stages(run, CONNECTIONS, |times| {
        (0..times).try_for_each(|_| Peer::connect(server.address, packet)?.leave())
    })
}

/// How many connections the first stage has.
pub(super) const CONNECTIONS: u64 = 60;
