use std::{
    rc::Rc,
    time::{Duration, SystemTime},
};

use actix::{Actor, ActorContext as _, AsyncContext as _, Context, Handler, Message, SpawnHandle};
use sockeye_protocol::socket::RawArgs;
use tokio::time::Instant;

use super::{SocketCell, SocketRef};
use crate::{EmitError, outgoing::Outgoing, selector::RoomName};

/// The actor of a socket: the address through which actors and other threads reach it.
///
/// One is started for each connection request and stops when the socket disconnects, after which
/// messages to it fail with a closed mailbox. It lives on the thread of the socket's connection
/// and shares the socket's state with it, so that the client's own events don't pass through the
/// mailbox. Its messages are handled in the order of arrival, each to completion.
///
/// Get its address from [`SocketRef::addr`].
#[derive(Debug)]
pub struct Socket {
    cell: Rc<SocketCell>,
    expiry: Option<SpawnHandle>,
}

impl Socket {
    pub(crate) fn new(cell: Rc<SocketCell>) -> Self {
        Self { cell, expiry: None }
    }

    fn arm(&mut self, at: SystemTime, ctx: &mut Context<Self>) {
        let left = at.duration_since(SystemTime::now()).unwrap_or_default();
        // The wall clock may be set while the timer runs, so a long wait is cut and looked at again.
        let wait = left.min(MAX_WAIT);
        let handle = ctx.run_later(wait, move |socket, ctx| {
            if wait < left {
                socket.arm(at, ctx);
            } else if !socket.cell.expired() {
                // The clock was set back.
                socket.arm(at, ctx);
            }
        });
        if let Some(before) = self.expiry.replace(handle) {
            ctx.cancel_future(before);
        }
    }
}

impl Actor for Socket {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(deadline) = self.cell.deadline.get() {
            let now = Instant::now().into_std();
            let left = deadline.saturating_duration_since(now);
            ctx.run_later(left, |socket, _| socket.cell.deadline_passed());
        }
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
        message
            .rooms
            .into_iter()
            .for_each(|room| self.cell.join(room));
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
        message.rooms.iter().for_each(|room| self.cell.leave(room));
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

/// Looks at the identity again at that time.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ArmExpiry {
    pub(crate) at: SystemTime,
}

impl Handler<ArmExpiry> for Socket {
    type Result = ();

    fn handle(&mut self, message: ArmExpiry, ctx: &mut Self::Context) {
        self.arm(message.at, ctx);
    }
}

impl std::fmt::Debug for SocketCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shared: &SocketRef = self.shared();
        shared.fmt(f)
    }
}

const MAX_WAIT: Duration = Duration::from_secs(3600);
