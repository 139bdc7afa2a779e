//! What clients may do by themselves: `join`, `leave` and relayed events.

mod allowance;
mod harmful;
mod rules;
mod wanted;

use std::collections::HashSet;

use serde::Serialize;
use serde_json::json;

pub(super) use self::rules::ClientRules;
use self::{
    harmful::breaks_old_clients,
    wanted::{NoRooms, Rooms, wanted_rooms},
};
use super::settings::Settings;
use crate::{
    Ack, EmitError, EventName, HandlerError, Limit, Namespace, RESERVED_ROOMS, RawArgs, RoomName,
    SocketRef, State, json_members, json_text,
};

/// Registers the events on a namespace.
pub(super) fn register(mut namespace: Namespace, settings: &Settings) -> Namespace {
    // Without any room allowed, these still say so, instead of leaving a client to wait.
    namespace = namespace.on("join", join).on("leave", leave);
    for event in &settings.client.relay {
        namespace = namespace.on(event, relay);
    }
    namespace
}

async fn join(
    socket: SocketRef,
    args: RawArgs,
    rules: State<ClientRules>,
    ack: Ack,
) -> Result<(), EmitError> {
    let mut rooms = match allowed_rooms(&args, &rules, &socket) {
        Ok(rooms) => rooms,
        Err(refusal) => return ack.send(&refusal),
    };
    let before: HashSet<_> = socket.rooms().into_iter().collect();
    rooms.retain(|room| !before.contains(room));
    if before.len() + rooms.len() > rules.max_rooms {
        return ack.send(&too_many(&socket));
    }
    socket.join(rooms).await;
    ack.send(&rooms_of(&socket))
}

/// A room that a client may not join isn't its own to leave.
async fn leave(
    socket: SocketRef,
    args: RawArgs,
    rules: State<ClientRules>,
    ack: Ack,
) -> Result<(), EmitError> {
    let rooms = match allowed_rooms(&args, &rules, &socket) {
        Ok(rooms) => rooms,
        Err(refusal) => return ack.send(&refusal),
    };
    socket.leave(rooms).await;
    ack.send(&rooms_of(&socket))
}

/// Sends an event on to the other members of the room that its first argument names.
///
/// Who sends more than a client may relay waits here, and so does everything that it sends later:
/// the members of the room have to take what it sends, so they are not the ones who pay for it.
async fn relay(
    socket: SocketRef,
    event: EventName,
    args: RawArgs,
    rules: State<ClientRules>,
    ack: Ack,
) -> Result<(), HandlerError> {
    let Some(room) = named_room(&args) else {
        return Ok(ack.send(&failure("no room named"))?);
    };
    if !is_member(&socket, &room) {
        return Ok(ack.send(&failure("not in the room"))?);
    }
    if args.len() > rules.max_arguments {
        socket.hub().limits().count(Limit::RelayArguments);
        return Ok(ack.send(&failure("too many arguments"))?);
    }
    if breaks_old_clients(&args) {
        return Ok(ack.send(&failure("key not allowed"))?);
    }
    let user = socket
        .identity()
        .map(|identity| identity.subject().to_owned())
        .filter(|subject| !subject.is_empty());
    let sender = json!({"from": socket.id().as_str(), "user": user});
    let args = args.with(&sender)?;
    let bytes = event.as_str().len() + args.byte_len();
    if !rules.allowance.wait(&socket, bytes).await {
        return Ok(());
    }
    // It may have been taken out meanwhile.
    if !is_member(&socket, &room) {
        return Ok(ack.send(&failure("not in the room"))?);
    }
    let others = socket.to(&*room);
    let sent = others.emit_raw_counted(event.as_str(), &args)?.await?;
    Ok(ack.send(&Answer::Sent {
        status: "ok",
        sockets: sent,
    })?)
}

/// Returns whether the socket is in a room that clients know; every authenticated socket is in one
/// of the server's own.
fn is_member(socket: &SocketRef, room: &str) -> bool {
    let is_known = !room.starts_with(RESERVED_ROOMS) && room != socket.id().as_str();
    is_known && socket.is_in(room)
}

/// Returns the room that the first argument names; everything else in it is sent on as it is, unread.
fn named_room(args: &RawArgs) -> Option<String> {
    let [room] = json_members(args.iter().next()?, ["room"])?;
    json_text(room?)
}

/// Reads which rooms a client wants, all of which it must be allowed to join.
fn allowed_rooms(args: &RawArgs, rules: &ClientRules, socket: &SocketRef) -> Result<Rooms, Answer> {
    let argument = args.iter().next().unwrap_or_default();
    match wanted_rooms(argument, rules.max_rooms) {
        Ok(rooms) if rooms.iter().all(|room| rules.allows(room, socket)) => Ok(rooms),
        Ok(_) | Err(NoRooms::NotNamed) => Err(failure("room not allowed")),
        Err(NoRooms::TooMany) => Err(too_many(socket)),
    }
}

fn too_many(socket: &SocketRef) -> Answer {
    socket.hub().limits().count(Limit::Rooms);
    failure("too many rooms")
}

/// What a client is told, its status first.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Rooms {
        status: &'static str,
        rooms: Vec<RoomName>,
    },
    Sent {
        status: &'static str,
        sockets: usize,
    },
    Failure {
        status: &'static str,
        message: &'static str,
    },
}

/// Returns what a client is told of the rooms that it is in.
fn rooms_of(socket: &SocketRef) -> Answer {
    let mut rooms = socket.rooms();
    rooms.retain(|room| !room.starts_with(RESERVED_ROOMS));
    Answer::Rooms {
        status: "ok",
        rooms,
    }
}

fn failure(message: &'static str) -> Answer {
    Answer::Failure {
        status: "error",
        message,
    }
}

#[cfg(test)]
mod tests;
