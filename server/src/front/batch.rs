//! What leaves in one write.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite as _;

use super::client::ClientStream;

/// Memory that the connections of a thread share, so that none keeps any while it has nothing to
/// write.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) chunks: VecDeque<Bytes>,
    joined: Vec<u8>,
}

impl Batch {
    /// Calls `fill` with the thread's batch, which is empty before and after.
    pub(super) fn with<R>(fill: impl FnOnce(&mut Self) -> R) -> R {
        BATCH.with_borrow_mut(|batch| {
            // Also if it ended in a panic before: the bytes are another client's.
            batch.clear();
            let result = fill(batch);
            batch.clear();
            result
        })
    }

    fn clear(&mut self) {
        self.chunks.clear();
        self.joined.clear();
    }

    /// Writes the chunks; those that are left when the stream takes no more stay.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut ClientStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        poll_write(&mut self.chunks, &mut self.joined, stream, cx)
    }
}

/// Writes chunks that were left over.
pub(super) fn poll_write_rest(
    chunks: &mut VecDeque<Bytes>,
    stream: &mut ClientStream,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    Batch::with(|batch| poll_write(chunks, &mut batch.joined, stream, cx))
}

fn poll_write(
    chunks: &mut VecDeque<Bytes>,
    joined: &mut Vec<u8>,
    stream: &mut ClientStream,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while let Some(first) = chunks.front() {
        let stream = Pin::new(&mut *stream);
        let written = if chunks.len() == 1 || first.len() >= LARGE {
            ready!(stream.poll_write(cx, first))?
        } else {
            match join(chunks, joined) {
                None => ready!(stream.poll_write(cx, joined))?,
                Some(large) => {
                    let slices = [IoSlice::new(joined), IoSlice::new(large)];
                    ready!(stream.poll_write_vectored(cx, &slices))?
                }
            }
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        advance(chunks, written);
    }
    Poll::Ready(Ok(()))
}

/// Copies small chunks behind one another, and returns a large one behind them.
fn join<'a>(chunks: &'a VecDeque<Bytes>, joined: &mut Vec<u8>) -> Option<&'a Bytes> {
    joined.clear();
    for chunk in chunks {
        if chunk.len() >= LARGE {
            return Some(chunk);
        }
        if joined.len() >= JOINED {
            return None;
        }
        joined.extend_from_slice(chunk);
    }
    None
}

fn advance(chunks: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = chunks.front_mut() {
        if written < first.len() {
            first.advance(written);
            return;
        }
        written -= first.len();
        chunks.pop_front();
    }
}

thread_local! {
    static BATCH: RefCell<Batch> = RefCell::default();
}

/// How many bytes of small chunks are put together.
const JOINED: usize = 64 * 1024;

/// A chunk of this size is written from where it is: copying it costs more than another slice.
const LARGE: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn what_a_panic_has_left_is_nobody_elses() {
        let _ = catch_unwind(|| {
            Batch::with(|batch| {
                batch.chunks.push_back(Bytes::from_static(b"secret"));
                panic!("on purpose");
            })
        });

        assert!(Batch::with(|batch| batch.chunks.is_empty()));
    }
}
