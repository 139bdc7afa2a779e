//! What clients may do by themselves: `join`, `leave` and relayed events.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, json};

use super::{glob::Glob, settings::Settings};
use crate::{
    Ack, Args, EmitError, EventName, HandlerError, Namespace, RESERVED_ROOMS, RawArgs, RoomName,
    Sid, SocketRef, State,
};

/// Which rooms clients may join.
#[derive(Debug)]
pub(super) struct ClientRules {
    allowed: Vec<Glob>,
    /// Rooms that only claims put a socket in.
    reserved: Vec<Glob>,
    /// How many rooms a socket may be in.
    max_rooms: usize,
}

impl ClientRules {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            allowed: settings.client.join.iter().map(Glob::new).collect(),
            reserved: settings
                .auth
                .rooms
                .iter()
                .map(|room| Glob::of_template(room))
                .collect(),
            max_rooms: settings.limits.rooms,
        }
    }

    /// Returns whether a client may join the room. A pattern that is a bare `*` doesn't open the
    /// rooms that are made from claims; nothing opens another socket's own room.
    fn allows(&self, room: &str, socket: &SocketRef) -> bool {
        let well_formed =
            !room.is_empty() && room.len() <= MAX_NAME && !room.chars().any(char::is_control);
        if !well_formed || room.starts_with(RESERVED_ROOMS) || is_a_socket(room, socket) {
            return false;
        }
        let reserved = self.reserved.iter().any(|reserved| reserved.matches(room));
        let opens = |glob: &&Glob| !(reserved && glob.is_any());
        self.allowed
            .iter()
            .filter(opens)
            .any(|glob| glob.matches(room))
    }
}

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
    Args((wanted,)): Args<(Value,)>,
    rules: State<ClientRules>,
    ack: Ack,
) -> Result<(), EmitError> {
    let Some(rooms) = allowed_rooms(&wanted, &rules, &socket) else {
        return ack.send(&failure("room not allowed"));
    };
    let mut all = socket.rooms();
    let new = rooms.iter().filter(|room| !all.contains(room)).cloned();
    all.extend(new.collect::<BTreeSet<_>>());
    if all.len() > rules.max_rooms {
        return ack.send(&failure("too many rooms"));
    }
    socket.join(rooms).await;
    ack.send(&rooms_of(&socket))
}

/// A room that a client may not join isn't its own to leave.
async fn leave(
    socket: SocketRef,
    Args((wanted,)): Args<(Value,)>,
    rules: State<ClientRules>,
    ack: Ack,
) -> Result<(), EmitError> {
    let Some(rooms) = allowed_rooms(&wanted, &rules, &socket) else {
        return ack.send(&failure("room not allowed"));
    };
    socket.leave(rooms).await;
    ack.send(&rooms_of(&socket))
}

/// Sends an event on to the other members of the room that its first argument names.
async fn relay(
    socket: SocketRef,
    event: EventName,
    args: RawArgs,
    ack: Ack,
) -> Result<(), HandlerError> {
    let named: Option<(Named,)> = args.decode().ok();
    let Some(room) = named.and_then(|(Named(room),)| room) else {
        return Ok(ack.send(&failure("no room named"))?);
    };
    // Every authenticated socket is in one of the server's own rooms.
    let is_in = socket.rooms().iter().any(|name| **name == *room);
    if !is_in || room.starts_with(RESERVED_ROOMS) {
        return Ok(ack.send(&failure("not in the room"))?);
    }
    let user = socket
        .identity()
        .map(|identity| identity.subject().to_owned())
        .filter(|subject| !subject.is_empty());
    let sender = json!({"from": socket.id().as_str(), "user": user});
    let others = socket.to(&*room);
    let sent = others
        .emit_raw_counted(event.as_str(), &args.with(&sender)?)?
        .await?;
    Ok(ack.send(&Answer::Sent {
        status: "ok",
        sockets: sent,
    })?)
}

/// The room that an object names; everything else in it is sent on as it is, unread.
///
/// Of several, the last counts, as for a client in JavaScript.
struct Named(Option<String>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Named, A::Error> {
                let mut named = Named(None);
                while let Some(key) = access.next_key::<String>()? {
                    if key == "room" {
                        named = Named(access.next_value::<Value>()?.as_str().map(str::to_owned));
                    } else {
                        access.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(named)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Reads a room, `{room}` or `{rooms}`; none unless the client may join every one of them.
fn allowed_rooms(wanted: &Value, rules: &ClientRules, socket: &SocketRef) -> Option<Vec<RoomName>> {
    let one = wanted.as_str().or_else(|| wanted.get("room")?.as_str());
    let rooms: Vec<RoomName> = match one {
        Some(room) => vec![room.into()],
        None => {
            let rooms = wanted.get("rooms")?.as_array()?;
            rooms
                .iter()
                .map(|room| room.as_str().map(Into::into))
                .collect::<Option<_>>()?
        }
    };
    let allowed = !rooms.is_empty() && rooms.iter().all(|room| rules.allows(room, socket));
    allowed.then_some(rooms)
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

fn is_a_socket(room: &str, socket: &SocketRef) -> bool {
    let id = room.parse::<Sid>().ok();
    id.is_some_and(|id| socket.namespace().socket(id).is_some())
}

const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests;
