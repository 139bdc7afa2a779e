//! Clients that come and go.

use crate::{
    connection::Connection,
    scenario::{After, Scenario},
    tally::Tally,
};

/// Connects, and once let in goes and comes again.
#[derive(Debug, Default)]
pub(crate) struct Churn {
    pub(crate) tally: Tally,
    is_over: bool,
}

impl Churn {
    /// Whoever is let in from now on stays.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }
}

impl Scenario for Churn {
    type State = ();

    fn ready(&mut self, connection: &mut Connection<()>, _: usize, now: u64) -> After {
        self.tally.hit(connection.started(), now);
        match self.is_over {
            true => After::Keep,
            false => After::Renew,
        }
    }
}
