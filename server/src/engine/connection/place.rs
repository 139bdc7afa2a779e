//! A session's place among those that there may be.

use super::Connection;
use crate::admission::Permit;

impl Connection {
    /// Notes that the client has authenticated itself: the session is no longer one of the
    /// [unauthenticated](crate::Admission::max_unauthenticated).
    pub fn authenticated(&self) {
        self.with_permit(Permit::authenticated);
    }

    /// Notes that nothing is known of the client any more: the session is one of the
    /// [unauthenticated](crate::Admission::max_unauthenticated) again, even if there are more of
    /// them than there may be then.
    pub fn unauthenticated(&self) {
        self.with_permit(Permit::unauthenticated);
    }

    fn with_permit(&self, change: fn(&mut Permit)) {
        if let Some(mut permit) = self.0.permit.take() {
            change(&mut permit);
            self.0.permit.set(Some(permit));
        }
    }
}
