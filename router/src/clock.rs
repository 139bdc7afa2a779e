use std::{cell::Cell, marker::PhantomData, time::Instant};

/// Returns the time by the clock of the runtime, which tests can stop; within a [`Turn`], always the
/// same.
#[must_use]
pub fn now() -> Instant {
    match MOMENT.get() {
        Moment::Passing => read(),
        Moment::NotRead => {
            let now = read();
            MOMENT.set(Moment::Read(now));
            now
        }
        Moment::Read(now) => now,
    }
}

/// A stretch of this thread's work that takes place at one moment, as far as [`now`] tells.
///
/// What a connection has sent is handled message by message, and each step has deadlines to look
/// at: the clock need not be read for each.
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub struct Turn {
    before: Moment,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    /// There is no turn.
    Passing,
    NotRead,
    Read(Instant),
}

impl Turn {
    /// Begins a turn, or goes on with the one that this is a part of.
    pub fn begin() -> Self {
        let before = MOMENT.get();
        if matches!(before, Moment::Passing) {
            MOMENT.set(Moment::NotRead);
        }
        Self {
            before,
            thread: PhantomData,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if matches!(self.before, Moment::Passing) {
            MOMENT.set(Moment::Passing);
        }
    }
}

fn read() -> Instant {
    tokio::time::Instant::now().into_std()
}

thread_local! {
    static MOMENT: Cell<Moment> = const { Cell::new(Moment::Passing) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_one_moment_and_time_goes_on_after_it() {
        let before = now();

        let turn = Turn::begin();
        let first = now();
        let part = Turn::begin();
        let second = now();
        drop(part);
        let third = now();
        drop(turn);

        assert!(before <= first);
        assert_eq!((first, first), (second, third));
        while now() == first {}
    }
}
