//! Events to the members of a room.

use std::io;

use super::{
    events::event,
    peer::{ENTER, Peer},
    server::{Host, Server},
};
use crate::{Run, codecs::masked_frame};

/// An event to everyone in a room.
pub(super) fn broadcast(run: &mut Run<'_>) -> io::Result<()> {
    broadcast_in_flight(run, 1)
}

/// The same, four in flight.
pub(super) fn broadcast_pipelined(run: &mut Run<'_>) -> io::Result<()> {
    broadcast_in_flight(run, 4)
}

fn broadcast_in_flight(run: &mut Run<'_>, in_flight: usize) -> io::Result<()> {
    let requests = event("broadcast", None)?.repeat(in_flight);
    compare(run, in_flight, |members| {
        members[0].send(&requests)?;
        for member in members {
            (0..in_flight).try_for_each(|_| member.expect(b"42[\"news\""))?;
        }
        Ok(())
    })
}

/// An event to everyone in a room, which all answer.
pub(super) fn broadcast_ack(run: &mut Run<'_>) -> io::Result<()> {
    let request = event("broadcast-ack", Some(17))?;
    // The ids of acks are the namespace's; the answer names the one that was asked with.
    let mut question = 0;
    compare(run, 1, |members| {
        members[0].send(&request)?;
        let start = format!("42{question}[\"question\"");
        let answer = masked_frame(&format!("43{question}[1]"));
        question += 1;
        for member in members.iter_mut() {
            member.expect(start.as_bytes())?;
            member.send(&answer)?;
        }
        members[0].expect(b"4317[")
    })
}

/// Emits so many events to few members as often as to many.
fn compare(
    run: &mut Run<'_>,
    events: usize,
    mut emit: impl FnMut(&mut [Peer]) -> io::Result<()>,
) -> io::Result<()> {
    let server = Server::start(Host::Front)?;
    let mut members = Vec::new();
    let grow = |members: &mut Vec<Peer>, to| {
        while members.len() < to {
            members.push(Peer::connect(server.address, ENTER)?);
        }
        Ok::<_, io::Error>(())
    };
    let mut rounds = |times, members: &mut [Peer]| (0..times).try_for_each(|_| emit(members));
    grow(&mut members, FEW)?;
    rounds(WARM_UP, &mut members)?;
    run.less(|| rounds(ROUNDS, &mut members))?;
    grow(&mut members, MANY)?;
    rounds(WARM_UP, &mut members)?;
    let units = ((MANY - FEW) * events) as u64 * ROUNDS;
    run.more(units, || rounds(ROUNDS, &mut members))
}

const FEW: usize = 10;
const MANY: usize = 110;
const ROUNDS: u64 = 40;
const WARM_UP: u64 = 10;
