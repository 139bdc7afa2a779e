use std::{cell::RefCell, fmt, rc::Rc};

use sockeye_protocol::Sid;

use crate::engine::{DeskHandle, Engine, Link};

/// Where a service of the App leaves the WebSocket that it has accepted, for the front to serve.
///
/// The front puts one into the extensions of each request that wants to be upgraded.
#[derive(Clone, Default)]
pub(crate) struct Seat(Rc<RefCell<Option<Seated>>>);

/// A WebSocket that was accepted.
pub(crate) enum Seated {
    /// For a session of this thread.
    Here(Link, Engine),
    /// For a session of another thread, which it is to be sent to.
    Elsewhere {
        engine: Engine,
        desk: DeskHandle,
        sid: Sid,
        text_only: bool,
    },
}

impl Seat {
    /// Leaves a WebSocket.
    pub(crate) fn take_place(&self, seated: Seated) {
        *self.0.borrow_mut() = Some(seated);
    }

    pub(super) fn leave(&self) -> Option<Seated> {
        self.0.take()
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("taken", &self.0.borrow().is_some())
            .finish()
    }
}
