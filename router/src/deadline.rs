use std::{
    rc::{Rc, Weak},
    time::Instant,
};

use crate::{client::ClientCell, socket::SocketCell, timers::Timed};

/// What the timers of a courier's thread are for.
pub(crate) enum Deadline {
    /// The client's packets: the first CONNECT, the attachments that a packet lacks.
    Machine(Weak<ClientCell>),
    /// A client that has left without being authenticated is to come back.
    Return(Weak<ClientCell>),
    /// A socket is to be authenticated, or its identity ends.
    Identity(Weak<SocketCell>),
}

impl Timed for Deadline {
    fn is_over(&self) -> bool {
        match self {
            Self::Machine(client) | Self::Return(client) => client.strong_count() == 0,
            Self::Identity(socket) => socket.strong_count() == 0,
        }
    }

    fn fire(self, at: Instant) {
        match self {
            Self::Machine(client) => with(client, |client| client.timer_fired(at)),
            Self::Return(client) => with(client, |client| client.return_is_due()),
            Self::Identity(socket) => with(socket, |socket| socket.identity_is_due(at)),
        }
    }
}

fn with<T>(weak: Weak<T>, call: impl FnOnce(&Rc<T>)) {
    if let Some(strong) = weak.upgrade() {
        call(&strong);
    }
}
