use bytestring::ByteString;

use super::{args::RawArgs, packet::EventPacket};

/// What a [`Connection`](super::Connection) asks its driver to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The client asks to enter a namespace; to be answered by
    /// [`admit`](super::Connection::admit) or [`refuse`](super::Connection::refuse).
    Connect {
        /// What stands for the namespace from now on.
        slot: Slot,
        /// The name, which starts with `/`; it is known to the client only.
        namespace: ByteString,
        /// The JSON object that the client sent to prove who it is.
        auth: Option<ByteString>,
    },
    /// The client asks to enter a namespace and can't; to be answered by a CONNECT_ERROR.
    ConnectRefused {
        /// The name.
        namespace: ByteString,
        /// Why.
        reason: RefusedReason,
    },
    /// The client has left a namespace; the slot is void.
    Disconnect {
        /// What stood for the namespace.
        slot: Slot,
    },
    /// The client has emitted an event.
    Event {
        /// What stands for the namespace.
        slot: Slot,
        /// The event.
        packet: EventPacket,
    },
    /// The client has answered an event, perhaps one that nobody sent.
    Ack {
        /// What stands for the namespace.
        slot: Slot,
        /// The id of the answered event.
        id: u64,
        /// The answer.
        args: RawArgs,
    },
}

impl Event {
    /// Returns what stands for the namespace; nothing if it could not be asked for.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        match *self {
            Self::Connect { slot, .. }
            | Self::Disconnect { slot }
            | Self::Event { slot, .. }
            | Self::Ack { slot, .. } => Some(slot),
            Self::ConnectRefused { .. } => None,
        }
    }

    /// Copies what it came with out of the messages that it came in.
    pub(super) fn detach(&mut self) {
        match self {
            Self::Connect { auth, .. } => {
                *auth = auth.take().map(|auth| String::from(&*auth).into());
            }
            Self::Event { packet, .. } => packet.detach(),
            Self::Ack { args, .. } => args.detach(),
            Self::ConnectRefused { .. } | Self::Disconnect { .. } => {}
        }
    }

    pub(super) fn set_slot(&mut self, new: Slot) {
        match self {
            Self::Connect { slot, .. }
            | Self::Disconnect { slot }
            | Self::Event { slot, .. }
            | Self::Ack { slot, .. } => *slot = new,
            Self::ConnectRefused { .. } => {}
        }
    }
}

/// Why a namespace could not even be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedReason {
    /// The session is in as many namespaces as [`Limits`](super::Limits) allow.
    #[error("too many namespaces")]
    TooManyNamespaces,
    /// What the client sent along has more bytes than [`Limits`](super::Limits) allow.
    #[error("handshake payload too large")]
    AuthTooLarge,
}

/// What stands for a namespace in one session, from CONNECT to leaving.
///
/// A number that is given out again only after all 65,536 have been, so that a command about
/// a namespace that was left meanwhile finds nothing rather than its successor.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(pub(super) u16);

/// Which time limit has passed; the session must be closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expired {
    /// No namespace has admitted the session in time.
    ConnectTimeout,
    /// The attachments of a packet have not all arrived in time.
    Reassembly,
}
