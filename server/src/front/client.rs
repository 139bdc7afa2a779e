//! A client's connection, which the client has to read from.

use std::{
    fmt,
    io::{self, IoSlice},
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use sockeye_router::Limit;

use super::{FrontStats, crowd::Room};
use crate::admission::AddressKey;

/// A stream whose writes fail once the client has taken too little for too long.
///
/// A client that takes nothing at all is the system's business
/// ([`cut_stuck_clients`](crate::cut_stuck_clients)); one that takes a byte now and then would hold its connection,
/// and what waits for it, for as long as it likes.
pub(super) struct ClientStream {
    stream: TcpStream,
    open: Open,
    /// Since when a write waits; rarely any does.
    stall: Option<Box<Stall>>,
}

/// What the connections of a front have in common.
#[derive(Debug)]
pub(super) struct Shared {
    /// In which a client has to take [`SHARE`], or all that there is.
    pub(super) write_timeout: Duration,
    pub(super) room: Room,
    pub(super) stats: FrontStats,
}

/// A connection that is counted as open.
#[derive(Debug)]
pub(super) struct Open {
    shared: Arc<Shared>,
    address: Option<AddressKey>,
}

impl Open {
    /// Counts one more connection, if there is room for it.
    pub(super) fn new(shared: Arc<Shared>) -> Result<Self, Limit> {
        shared.stats.accepted();
        let entered = shared.stats.crowd().enter(shared.room);
        entered.inspect_err(|limit| shared.stats.turned_away(*limit))?;
        Ok(Self {
            shared,
            address: None,
        })
    }

    /// Counts it as one of this address, if that may have one more.
    pub(super) fn of(mut self, address: IpAddr) -> Result<Self, Limit> {
        let Shared { room, stats, .. } = &*self.shared;
        let taken = stats.crowd().take(address, *room);
        self.address = taken.inspect_err(|limit| stats.turned_away(*limit))?;
        Ok(self)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let crowd = self.shared.stats.crowd();
        if let Some(address) = self.address {
            crowd.give_back(address);
        }
        crowd.leave();
    }
}

struct Stall {
    deadline: Pin<Box<Sleep>>,
    /// How much is still to be taken before the deadline.
    left: usize,
    /// Whether the deadline was passed by a thread that stood still, and has been put off.
    prolonged: bool,
    is_over: bool,
}

impl ClientStream {
    pub(super) fn new(stream: TcpStream, open: Open) -> Self {
        Self {
            stream,
            open,
            stall: None,
        }
    }

    /// Takes the connection apart, to be put together on another thread.
    pub(super) fn into_parts(self) -> (TcpStream, Open) {
        (self.stream, self.open)
    }

    /// Returns whether a write has failed as the client took too little.
    pub(super) fn has_stalled(&self) -> bool {
        self.stall.as_ref().is_some_and(|stall| stall.is_over)
    }

    /// Notes what the system has taken of so many bytes.
    fn wrote(
        &mut self,
        written: Poll<io::Result<usize>>,
        of: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) => {
                self.took(taken, taken == of);
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(Err(error)) => {
                self.failed(&error);
                Poll::Ready(Err(error))
            }
            Poll::Pending => self.poll_stalled(cx),
        }
    }

    /// Notes an error, which may be that the system has cut a client that takes nothing: it begins
    /// to count earlier, with the first byte that isn't taken, and so is most often first.
    fn failed(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::TimedOut && !self.has_stalled() {
            self.open.shared.stats.stalled();
            if let Some(stall) = &mut self.stall {
                stall.is_over = true;
            }
        }
    }

    fn took(&mut self, bytes: usize, all: bool) {
        if let Some(stall) = &mut self.stall {
            stall.left = stall.left.saturating_sub(bytes);
            if all || stall.left == 0 {
                self.stall = None;
            }
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let timeout = self.open.shared.write_timeout;
        let stall = self.stall.get_or_insert_with(|| {
            Box::new(Stall {
                deadline: Box::pin(sleep(timeout)),
                left: SHARE,
                prolonged: false,
                is_over: false,
            })
        });
        if !stall.is_over {
            std::task::ready!(stall.deadline.as_mut().poll(cx));
            let now = Instant::now();
            if !stall.prolonged && now - stall.deadline.deadline() >= LATE {
                // The client may have taken a lot while nobody looked.
                stall.prolonged = true;
                stall.deadline.as_mut().reset(now + timeout);
                std::task::ready!(stall.deadline.as_mut().poll(cx));
            }
            stall.is_over = true;
            self.open.shared.stats.stalled();
            forget_unsent(&self.stream);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Has the system drop what it still holds for a client when the connection is closed, and reset
/// it: it would go on to feed one that doesn't read otherwise, out of memory that is nobody's any
/// more.
pub(super) fn forget_unsent(stream: &TcpStream) {
    // Where the system refuses, only its memory is held a little longer.
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Err(error)) = &read {
            self.failed(error);
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written, bytes.len(), cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        let len = slices.iter().map(|slice| slice.len()).sum();
        self.wrote(written, len, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStream")
            .field("stream", &self.stream)
            .field("has_stalled", &self.has_stalled())
            .finish_non_exhaustive()
    }
}

/// How much a client has to take within the time: with 10 s, 1.6 kB a second.
const SHARE: usize = 16 * 1024;

/// From here on a deadline is looked at much too late, by a thread that has stood still.
const LATE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
