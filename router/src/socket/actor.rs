use std::rc::Rc;

use actix::{Actor, ActorContext as _, Context, Handler, Message, dev::channel::AddressReceiver};
use sockeye_protocol::socket::RawArgs;

use super::{SocketCell, SocketRef};
use crate::{EmitError, outgoing::Outgoing, selector::RoomName};

/// The actor of a socket: the address through which actors and other threads reach it.
///
/// It is started when its address is first asked for and stops when the socket disconnects, after
/// which messages to it fail with a closed mailbox. It lives on the thread of the socket's connection
/// and shares the socket's state with it, so that the client's own events don't pass through the
/// mailbox. Its messages are handled in the order of arrival, each to completion.
///
/// Get its address from [`SocketRef::addr`].
#[derive(Debug)]
pub struct Socket {
    cell: Rc<SocketCell>,
}

impl Actor for Socket {
    type Context = Context<Self>;
}

/// The mailbox of a socket's actor that is still to be started.
pub(crate) struct Mailbox(pub(crate) AddressReceiver<Socket>);

impl Mailbox {
    /// Starts the actor, on the socket's own thread.
    pub(crate) fn start(self, cell: Rc<SocketCell>) {
        // The socket keeps the address.
        let _ = Context::with_receiver(self.0).run(Socket { cell });
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox")
    }
}

/// Emits an event to the socket.
///
/// Sent by anyone. Replies when the packet is queued, behind all that was emitted before.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), EmitError>")]
pub struct Emit {
    /// The event's name.
    pub event: String,
    /// Its arguments, encoded once: see [`RawArgs::encode`].
    pub args: RawArgs,
}

impl Handler<Emit> for Socket {
    type Result = Result<(), EmitError>;

    fn handle(&mut self, message: Emit, _: &mut Self::Context) -> Self::Result {
        let namespace = self.cell.namespace();
        let event = Outgoing::event_raw(namespace, None, &message.event, &message.args)?;
        self.cell.shared().send_here(&self.cell, &event)
    }
}

/// Makes the socket join rooms.
///
/// Sent by anyone. When it is answered, broadcasts to the rooms reach the socket.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Join {
    /// The rooms; those that it is in already are ignored.
    pub rooms: Vec<RoomName>,
}

impl Handler<Join> for Socket {
    type Result = ();

    fn handle(&mut self, message: Join, _: &mut Self::Context) {
        self.cell.join_all(message.rooms);
    }
}

/// Makes the socket leave rooms.
///
/// Sent by anyone. When it is answered, broadcasts to the rooms don't reach the socket.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Leave {
    /// The rooms; those that it is not in are ignored.
    pub rooms: Vec<RoomName>,
}

impl Handler<Leave> for Socket {
    type Result = ();

    fn handle(&mut self, message: Leave, _: &mut Self::Context) {
        self.cell.leave_all(&message.rooms);
    }
}

/// Asks which rooms the socket is in, its own not counted.
///
/// Sent by anyone. Replies with the names in the order of joining.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<RoomName>")]
pub struct GetRooms;

impl Handler<GetRooms> for Socket {
    type Result = Vec<RoomName>;

    fn handle(&mut self, _: GetRooms, _: &mut Self::Context) -> Self::Result {
        self.cell.shared().rooms()
    }
}

/// Disconnects the socket from its namespace, after what was emitted before.
///
/// Sent by anyone. The actor stops.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Disconnect {
    /// Whether the client's other sockets and its connection are closed too.
    pub close: bool,
}

impl Handler<Disconnect> for Socket {
    type Result = ();

    fn handle(&mut self, message: Disconnect, _: &mut Self::Context) {
        self.cell.disconnect(message.close);
    }
}

/// Ends the actor: its socket is disconnected.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StopSocket;

impl Handler<StopSocket> for Socket {
    type Result = ();

    fn handle(&mut self, _: StopSocket, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl std::fmt::Debug for SocketCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shared: &SocketRef = self.shared();
        shared.fmt(f)
    }
}
