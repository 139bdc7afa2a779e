use std::{fmt, sync::Arc, time::Duration};

use super::{Dialect, Identity, RoomTemplate, Verifier};
use crate::selector::RoomName;

/// How the sockets of a namespace authenticate.
///
/// A socket has until the deadline, counted from its connection request, to present a token that
/// the verifier accepts: in the handshake, or with the dialect's event. Failing disconnects it, and
/// so does the deadline; it is told why either way. Until then its other events reach no handler,
/// and it receives only what is emitted to everyone.
#[derive(Clone)]
#[must_use = "a namespace has no authentication until it is given one"]
pub struct Auth {
    verifier: Arc<dyn Verifier>,
    deadline: Duration,
    dialect: Dialect,
    rooms: Vec<RoomTemplate>,
    required: bool,
}

impl Auth {
    /// Authenticates with `verifier`, within 10 s, in the default dialect.
    pub fn new(verifier: impl Verifier) -> Self {
        Self {
            verifier: Arc::new(verifier),
            deadline: Duration::from_secs(10),
            dialect: Dialect::default(),
            rooms: Vec::new(),
            required: true,
        }
    }

    /// Sets how long a socket may take, from its connection request; 10 s by default.
    ///
    /// Failures and reconnections to the namespace over one connection do not start it again, and
    /// the verifier's own time counts.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the event names and shapes.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the rooms that an authenticated socket is put in.
    ///
    /// When it authenticates itself again, it leaves those that the new claims don't make.
    pub fn rooms(mut self, templates: impl IntoIterator<Item = RoomTemplate>) -> Self {
        self.rooms = templates.into_iter().collect();
        self
    }

    /// Sets whether sockets must authenticate; they must by default.
    ///
    /// Otherwise a socket without a token stays, its events are handled, and there is no deadline;
    /// a bad token is still refused.
    pub fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    pub(crate) fn verifier(&self) -> &dyn Verifier {
        &*self.verifier
    }

    pub(crate) fn deadline_after(&self) -> Option<Duration> {
        self.required.then_some(self.deadline)
    }

    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    pub(crate) fn the_dialect(&self) -> &Dialect {
        &self.dialect
    }

    pub(crate) fn rooms_of(&self, identity: &Identity) -> Vec<RoomName> {
        self.rooms
            .iter()
            .flat_map(|template| template.rooms(identity))
            .collect()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("deadline", &self.deadline)
            .field("dialect", &self.dialect)
            .field("rooms", &self.rooms)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
