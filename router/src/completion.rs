use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

/// Something that has been asked for already; awaiting it waits until it has taken effect.
///
/// On the thread that the socket lives on it has taken effect at once, so handlers need not
/// await what they ask of their own socket. Dropping it changes nothing.
#[derive(Debug)]
pub struct Completion {
    waits: Vec<oneshot::Receiver<()>>,
}

impl Completion {
    pub(crate) fn done() -> Self {
        Self { waits: Vec::new() }
    }

    /// Waits for all of them.
    pub(crate) fn all(completions: impl Iterator<Item = Self>) -> Self {
        Self {
            waits: completions.flat_map(|one| one.waits).collect(),
        }
    }

    pub(crate) fn waiting_for(waits: Vec<oneshot::Receiver<()>>) -> Self {
        Self { waits }
    }
}

impl Future for Completion {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(wait) = self.waits.last_mut() {
            // An error means that the thread has ended, and its sockets with it.
            if Pin::new(wait).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.waits.pop();
        }
        Poll::Ready(())
    }
}
