use sockeye_protocol::Sid;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use super::actor::Mailbox;
use crate::{EmitError, ack::AckSender, outgoing::Outgoing, selector::RoomName};

/// What can be asked of a socket from another thread.
#[derive(Debug)]
pub(crate) enum Operation {
    Emit {
        outgoing: Outgoing,
        volatile: bool,
    },
    /// Answers an event of the client, as soon as there is room in the queue.
    Answer {
        outgoing: Outgoing,
    },
    /// Waits for room in the queue.
    EmitWhenReady {
        outgoing: Outgoing,
        done: oneshot::Sender<Result<(), EmitError>>,
    },
    EmitWithAck {
        id: u64,
        outgoing: Outgoing,
        sender: AckSender,
    },
    ForgetAck {
        id: u64,
    },
    Join {
        rooms: Vec<RoomName>,
    },
    Leave {
        rooms: Vec<RoomName>,
    },
    Disconnect {
        close: bool,
    },
    /// Closes the connection, as its client has come back by another.
    Break,
    /// Starts the socket's actor.
    StartActor(Mailbox),
    /// Tells the id of the socket. As many ids are sent as sockets are selected.
    Report {
        to: UnboundedSender<Sid>,
    },
}

impl Operation {
    /// Returns whether this takes a place in the courier's bounded mailbox.
    pub(crate) fn is_packet(&self) -> bool {
        matches!(
            self,
            Self::Emit { .. } | Self::EmitWhenReady { .. } | Self::EmitWithAck { .. }
        )
    }

    /// Drops a packet that finds no place, and tells whoever waits for its answer.
    pub(crate) fn refuse(self) {
        // Whoever waited may have stopped.
        match self {
            Self::EmitWithAck { sender, .. } => {
                sender.resolve(Err(EmitError::QueueFull.into()));
            }
            Self::EmitWhenReady { done, .. } => {
                let _ = done.send(Err(EmitError::QueueFull));
            }
            _ => {}
        }
    }

    /// Returns a copy, for operations that make sense for several sockets.
    pub(crate) fn for_many(&self) -> Option<Self> {
        Some(match self {
            Self::Join { rooms } => Self::Join {
                rooms: rooms.clone(),
            },
            Self::Leave { rooms } => Self::Leave {
                rooms: rooms.clone(),
            },
            Self::Disconnect { close } => Self::Disconnect { close: *close },
            Self::Report { to } => Self::Report { to: to.clone() },
            Self::Emit { .. }
            | Self::Answer { .. }
            | Self::EmitWhenReady { .. }
            | Self::EmitWithAck { .. }
            | Self::ForgetAck { .. }
            | Self::StartActor(_)
            | Self::Break => return None,
        })
    }
}
