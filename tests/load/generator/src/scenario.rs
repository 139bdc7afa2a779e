//! What a scenario does with the connections of a pool.

use crate::{connection::Connection, pool::Pool};

/// Reacts to what the connections of a pool receive.
pub(crate) trait Scenario {
    /// What is kept about each connection.
    type State: Default;

    /// A connection has been let in.
    fn ready(&mut self, _: &mut Connection<Self::State>, _id: usize, _now: u64) -> After {
        After::Keep
    }

    /// A message arrived, with the `4` of Engine.IO before it.
    fn text(&mut self, _: &mut Connection<Self::State>, _message: &[u8], _now: u64) {}

    /// An attachment arrived.
    fn binary(&mut self, _: &mut Connection<Self::State>, _message: &[u8], _now: u64) {}

    /// A turn of the loop is over.
    fn tick(&mut self, _: &mut Pool<Self::State>, _now: u64) {}

    /// When `tick` has something to do, where that is at a time of its own.
    fn next_at(&self) -> Option<u64> {
        None
    }
}

/// What becomes of a connection that has just been let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum After {
    Keep,
    /// It is closed, and another is opened in its place.
    Renew,
}
