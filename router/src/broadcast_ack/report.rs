use sockeye_protocol::Sid;

use crate::AckError;

/// What a broadcast with ack has brought, when all have answered or the time was over.
#[derive(Debug)]
#[non_exhaustive]
pub struct AckReport<T> {
    /// The answers, in the order of arrival.
    pub replies: Vec<AckReply<T>>,
    /// Who has not answered, and why.
    pub missing: Vec<Missing>,
    /// How many sockets of other nodes have not answered that are known by number only.
    pub unheard: usize,
    /// How many other nodes, or threads of this one, could not be asked or have not said in time
    /// whom they have, if anyone.
    pub silent: usize,
}

impl<T> AckReport<T> {
    pub(crate) fn new() -> Self {
        Self {
            replies: Vec::new(),
            missing: Vec::new(),
            unheard: 0,
            silent: 0,
        }
    }

    /// Returns whether every selected socket has answered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unheard == 0 && self.silent == 0
    }

    /// Returns what was answered, without who did.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.replies.into_iter().map(|reply| reply.value)
    }
}

/// One socket's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AckReply<T> {
    /// Who has answered, unless it is a socket of a node that doesn't tell.
    pub socket: Option<Sid>,
    /// All arguments of the answer, read as [`Args`](crate::Args) are.
    pub value: T,
}

/// A socket without an answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Missing {
    /// Which, unless it is a socket of a node that doesn't tell.
    pub socket: Option<Sid>,
    /// [`AckError::Timeout`], [`AckError::Disconnected`], [`AckError::Decode`] where the answer is
    /// not of the type that was asked for, or [`AckError::Emit`] where its queue was full.
    pub error: AckError,
}
