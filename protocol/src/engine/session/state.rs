use std::time::Instant;

use bytes::Bytes;

use super::{Transmit, heartbeat::Heartbeat, poll::Poll, upgrade::Candidate};
use crate::engine::Transport;

#[derive(Debug)]
pub(super) enum State {
    Open { link: Link, heartbeat: Heartbeat },
    Closing { drain: Drain, grace: Grace },
    Closed { last: Transport },
}

#[derive(Debug)]
pub(super) enum Link {
    Polling {
        poll: Poll,
        candidate: Option<Candidate>,
    },
    WebSocket {
        text_only: bool,
    },
}

/// Where the queue of a closing session goes.
#[derive(Debug)]
pub(super) enum Drain {
    Polling {
        waiting: bool,
        /// A WebSocket whose client may have stopped polling for it: the queue can't do without.
        candidate: Option<Candidate>,
    },
    WebSocket {
        text_only: bool,
    },
}

/// How long a closing session waits for its peer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Grace {
    /// The session was closed by a command, which tells no time: the next input does.
    Unarmed(Instant),
    Until(Instant),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Noop,
    Close,
    NoopAndClose,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    pub(super) code: Option<u16>,
}

impl Link {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Polling { .. } => Transport::Polling,
            Self::WebSocket { .. } => Transport::WebSocket,
        }
    }
}

impl Drain {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Polling { .. } => Transport::Polling,
            Self::WebSocket { .. } => Transport::WebSocket,
        }
    }
}

impl Grace {
    pub(super) fn deadline(self) -> Instant {
        match self {
            Self::Unarmed(at) | Self::Until(at) => at,
        }
    }
}

impl Answer {
    pub(super) fn transmit(self) -> Transmit {
        let body = match self {
            Self::Noop => &b"6"[..],
            Self::Close => b"1",
            Self::NoopAndClose => b"6\x1e1",
        };
        Transmit::PollResponse {
            body: Bytes::from_static(body),
            compressible: true,
        }
    }
}
