use actix::{Actor, Context, Handler, Message, ResponseFuture};
use sockeye_protocol::{Sid, socket::RawArgs};

use crate::{BroadcastOperator, EmitError, NamespaceRef, selector::RoomName};

/// The actor of a room: the address through which actors reach its members.
///
/// Get its address from [`NamespaceRef::room`]. It lives as long as somebody holds the address,
/// whether the room has members or not. The members themselves are known to the threads that
/// they live on, so a broadcast goes straight to these, and none of it passes through here
/// unless it was sent here.
#[derive(Debug)]
pub struct Room {
    namespace: NamespaceRef,
    name: RoomName,
}

impl Room {
    pub(crate) fn new(namespace: NamespaceRef, name: RoomName) -> Self {
        Self { namespace, name }
    }

    fn members(&self) -> BroadcastOperator {
        self.namespace.to(self.name.clone())
    }
}

impl Actor for Room {
    type Context = Context<Self>;
}

/// Emits an event to the members of a room.
///
/// Sent by anyone. Replies with the number of members on this node once it is queued at each of them.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<usize, EmitError>")]
pub struct Broadcast {
    /// The event's name.
    pub event: String,
    /// Its arguments, encoded once: see [`RawArgs::encode`].
    pub args: RawArgs,
    /// A socket that is left out, such as the sender.
    pub except: Option<Sid>,
}

impl Handler<Broadcast> for Room {
    type Result = ResponseFuture<Result<usize, EmitError>>;

    fn handle(&mut self, message: Broadcast, _: &mut Self::Context) -> Self::Result {
        let mut members = self.members();
        if let Some(sender) = message.except {
            members = members.without_sender(sender);
        }
        // Queued now, so that messages to this actor keep their order; only counting waits.
        let counting = members.emit_raw_counted(&message.event, &message.args);
        Box::pin(async move { counting?.await })
    }
}

/// Asks for the ids of a room's members on this node.
///
/// Sent by anyone. Replies in no particular order.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<Sid>")]
pub struct GetMembers;

impl Handler<GetMembers> for Room {
    type Result = ResponseFuture<Vec<Sid>>;

    fn handle(&mut self, _: GetMembers, _: &mut Self::Context) -> Self::Result {
        let members = self.members();
        Box::pin(async move { members.socket_ids().await })
    }
}

/// Makes every member leave the room.
///
/// Sent by anyone. Replies when those on this node have left.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Empty;

impl Handler<Empty> for Room {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Empty, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.members().leave(self.name.clone()))
    }
}
