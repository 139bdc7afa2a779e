//! Events of one client, and their answers.

use std::io;

use sockeye_protocol::socket::encode;

use super::{
    peer::{ENTER, Peer},
    server::{Host, Server},
};
use crate::{
    Run,
    codecs::{Note, masked_binary_frame, masked_frame},
};

/// An event whose typed handler emits its argument back, one at a time.
pub(super) fn echo(run: &mut Run<'_>) -> io::Result<()> {
    exchange(run, Host::Front, 1, &event("echo", None)?, b"42[\"echo\"")
}

/// The same, sixteen in flight.
pub(super) fn echo_pipelined(run: &mut Run<'_>) -> io::Result<()> {
    exchange(run, Host::Front, 16, &event("echo", None)?, b"42[\"echo\"")
}

/// The same as [`echo`], in an App of actix-web.
pub(super) fn echo_mounted(run: &mut Run<'_>) -> io::Result<()> {
    exchange(run, Host::App, 1, &event("echo", None)?, b"42[\"echo\"")
}

/// An event with an attachment of 1 KiB, which comes back.
pub(super) fn echo_binary(run: &mut Run<'_>) -> io::Result<()> {
    let mut request = masked_frame(r#"451-["echo-bytes",{"_placeholder":true,"num":0}]"#);
    request.extend(masked_binary_frame(&[7; 1_024]));
    let server = Server::start(Host::Front)?;
    let mut peer = Peer::connect(server.address, ENTER)?;
    stages(run, EVENTS, |times| {
        for _ in 0..times {
            peer.send(&request)?;
            peer.expect(b"451-[\"echo-bytes\"")?;
            peer.expect(&[7; 1_024])?;
        }
        Ok(())
    })
}

/// An event whose typed handler answers with its argument, one at a time.
pub(super) fn ack(run: &mut Run<'_>) -> io::Result<()> {
    exchange(run, Host::Front, 1, &event("ack", Some(17))?, b"4317[")
}

/// The same, sixteen in flight.
pub(super) fn ack_pipelined(run: &mut Run<'_>) -> io::Result<()> {
    exchange(run, Host::Front, 16, &event("ack", Some(17))?, b"4317[")
}

/// An event whose handler joins a room and leaves it, and answers.
pub(super) fn join_leave(run: &mut Run<'_>) -> io::Result<()> {
    let request = masked_frame(r#"4217["join-leave"]"#);
    exchange(run, Host::Front, 1, &request, b"4317[")
}

/// Returns the frame of an event with the usual argument.
pub(super) fn event(name: &str, id: Option<u64>) -> io::Result<Vec<u8>> {
    let packet = encode::event("/", id, name, &Note::sample()).map_err(io::Error::other)?;
    let text = packet.text_packet().unwrap_or_default();
    Ok(masked_frame(
        str::from_utf8(&text).map_err(io::Error::other)?,
    ))
}

/// Sends a request over and over, `in_flight` in one write, and waits for the answers to all.
fn exchange(
    run: &mut Run<'_>,
    host: Host,
    in_flight: u64,
    request: &[u8],
    answer: &[u8],
) -> io::Result<()> {
    let mut requests = Vec::new();
    (0..in_flight).for_each(|_| requests.extend_from_slice(request));
    let server = Server::start(host)?;
    let mut peer = Peer::connect(server.address, ENTER)?;
    stages(run, EVENTS, |events| {
        for _ in 0..events / in_flight {
            peer.send(&requests)?;
            for _ in 0..in_flight {
                peer.expect(answer)?;
            }
        }
        Ok(())
    })
}

/// Runs both stages of what can be done any number of times, each time for one unit.
pub(super) fn stages(
    run: &mut Run<'_>,
    times: u64,
    mut work: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<()> {
    work(times)?;
    run.less(|| work(times))?;
    run.more(times, || work(2 * times))
}

/// How many events the first stage has.
pub(super) const EVENTS: u64 = 480;
