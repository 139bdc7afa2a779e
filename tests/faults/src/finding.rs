//! What came of a fault.

use std::fmt::Display;

/// What was done, what was lost, how long it took, and which promises held.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// What was done, with its numbers: `1,000 clients at 20 events/s, kill -9 after 5 s`.
    pub done: String,
    /// What was lost: `nothing`, or how much of what.
    pub lost: String,
    /// How long it took, or what else was measured.
    pub figures: Vec<String>,
    /// What was promised and didn't hold.
    pub broken: Vec<String>,
    /// A picture as SVG, and the name of its file.
    pub picture: Option<(&'static str, String)>,
    /// Why it couldn't be tried here; nothing else is said then.
    pub skipped: Option<String>,
}

impl Finding {
    /// Begins with what is done.
    #[must_use]
    pub fn of(done: impl Into<String>) -> Self {
        Self {
            done: done.into(),
            ..Self::default()
        }
    }

    /// Says that it can't be tried on this machine.
    #[must_use]
    pub fn skipped(why: impl Into<String>) -> Self {
        Self {
            skipped: Some(why.into()),
            ..Self::default()
        }
    }

    /// Notes a figure: `figure("99 % back after", "2.1 s")`.
    pub fn figure(&mut self, what: &str, value: impl Display) {
        self.figures.push(format!("{what} {value}"));
    }

    /// Notes a promise that doesn't hold.
    pub fn promise(&mut self, holds: bool, promise: impl Into<String>) {
        if !holds {
            self.broken.push(promise.into());
        }
    }
}
