use std::{fmt, time::Duration};

use sockeye_protocol::Prepared;

use crate::DisconnectReason;

/// Where the packets of one client go: the only thing that a transport has to provide.
///
/// An outlet belongs to the arbiter that the client was created on and is called there only.
/// Calls come in the order in which the client must see their packets. No call may block, and
/// none may call back into the [`Client`](crate::Client) before it returns.
pub trait Outlet: 'static {
    /// Queues a packet behind all earlier ones.
    ///
    /// # Errors
    ///
    /// [`OutletError::Full`] when the queue's bound is reached, and then nothing is queued: the
    /// router disconnects the client as a slow consumer when the packet is a broadcast, and
    /// tells the caller otherwise. [`OutletError::Closed`] when nothing can be sent any more.
    fn send(&self, packet: &Prepared) -> Result<(), OutletError>;

    /// Queues a packet that goes to nobody else; by default as [`Outlet::send`] does.
    ///
    /// # Errors
    ///
    /// As [`Outlet::send`]; gives the packet back.
    fn send_owned(&self, packet: Prepared) -> Result<(), (OutletError, Prepared)> {
        self.send(&packet).map_err(|error| (error, packet))
    }

    /// Sends a packet if it can leave at once; otherwise drops it and returns `false`.
    fn send_volatile(&self, packet: &Prepared) -> bool;

    /// Returns whether so much is queued that no more of the client's events should be handled until
    /// [`Outlet::when_drained`] calls: a client that sends faster than it reads is slowed down and
    /// loses nothing. Never, by default.
    fn is_congested(&self) -> bool {
        false
    }

    /// Returns whether so many packets, of so many bytes, would find room in the queue. They do, by
    /// default.
    fn fits(&self, packets: usize, bytes: usize) -> bool {
        let _ = (packets, bytes);
        true
    }

    /// Calls `wake` once the queue has room again, after [`OutletError::Full`] or congestion; drops it when the
    /// connection closes. Not before this returns.
    ///
    /// An outlet that can't tell is asked again every 50 ms, which is what the provided method does.
    fn when_drained(&self, wake: Box<dyn FnOnce()>) {
        actix_rt::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            wake();
        });
    }

    /// Closes the connection once all that is queued has left.
    ///
    /// The transport calls [`Client::disconnected`](crate::Client::disconnected) later, which
    /// may find that nothing is left to do.
    fn close(&self, reason: DisconnectReason);

    /// Closes the connection of a client that hasn't reached a namespace in time. It may be one that
    /// is there only to hold a place, so what it doesn't take at once it need not get. By default as
    /// [`Outlet::close`] does.
    fn dismiss(&self) {
        self.close(DisconnectReason::ForcedClose);
    }

    /// Notes that the client may stay: one of its sockets has authenticated itself, or is in a
    /// namespace that doesn't ask for that. May be called again. Does nothing by default.
    fn authenticated(&self) {}

    /// Notes that the client has left its last namespace: until [`Outlet::authenticated`] is called
    /// again it is as unknown as a new one, and gone if that takes longer than the connect timeout.
    /// Does nothing by default.
    fn unauthenticated(&self) {}

    /// Asks the transport to stop delivering messages: a handler has fallen behind.
    fn pause(&self);

    /// Asks the transport to deliver messages again.
    fn resume(&self);
}

/// Why a packet was not queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OutletError {
    /// The queue's bound is reached.
    #[error("the outgoing queue is full")]
    Full,
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
}

impl fmt::Debug for dyn Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}
