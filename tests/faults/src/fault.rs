//! Something that breaks.

use std::time::Duration;

use sockeye_guard::kit::Checked;

use crate::finding::Finding;

/// One thing that can go wrong around a server.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// By which it is called in the documentation.
    pub id: &'static str,
    /// What breaks, as a row of the table begins.
    pub title: &'static str,
    /// How long it takes.
    pub length: Length,
    /// Breaks it and looks.
    pub run: fn(&Scale) -> Checked<Finding>,
}

/// How long a fault takes, and so when it is tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// Under a minute: with all tests.
    Short,
    /// Minutes, or all that the machine has: on request.
    Long,
}

/// How large the faults are to be.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The part of the clients, and of the time, that the table speaks of; 1 is all.
    pub part: f64,
}

impl Scale {
    /// What fits beside other tests, on a machine that has other things to do.
    pub const SHORT: Self = Self { part: 0.1 };

    /// Returns the one at full size, and the other beside other tests.
    #[must_use]
    pub fn or_short<T>(&self, full: T, short: T) -> T {
        match self.part < 1.0 {
            true => short,
            false => full,
        }
    }

    /// Returns how long something may take that is promised to take so long: no longer at full size,
    /// which has the machine for itself, and ten times as long otherwise.
    #[must_use]
    pub fn allows(&self, promised: Duration) -> Duration {
        match self.part < 1.0 {
            true => promised * 10,
            false => promised,
        }
    }

    /// Returns the part of so many, but at least one.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "counts of clients are small and positive"
    )]
    pub fn of(&self, count: usize) -> usize {
        ((count as f64 * self.part) as usize).max(1)
    }
}
