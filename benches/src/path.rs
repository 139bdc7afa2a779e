use std::{fmt, io};

use crate::{
    codecs::{self, Make},
    served,
};

/// Something that the server does over and over, and whose cost is watched.
#[derive(Clone, Copy)]
pub struct Path {
    name: &'static str,
    unit: Unit,
    work: Work,
}

/// What the cost of a path is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// One call of a codec.
    Call,
    /// One event, its answer included.
    Event,
    /// One more member of a room that is emitted to.
    Member,
    /// One connection, from the first byte to the last.
    Connection,
}

#[derive(Clone, Copy)]
enum Work {
    Codec(Make),
    Served(fn(&mut Run<'_>) -> io::Result<()>),
}

/// One run of a path, in two stages: the second is more of the same, and the difference is what the
/// units between them cost.
///
/// So what a stage costs once, such as its first wake-up, counts for nothing.
pub struct Run<'a> {
    boundary: &'a mut dyn FnMut(),
    units: u64,
}

/// Returns every path.
pub fn paths() -> impl Iterator<Item = Path> {
    let codecs = codecs::ALL.iter().map(|&(name, codec)| Path {
        name,
        unit: Unit::Call,
        work: Work::Codec(codec),
    });
    let served = served::ALL.iter().map(|&(name, unit, run)| Path {
        name,
        unit,
        work: Work::Served(run),
    });
    codecs.chain(served)
}

impl Path {
    /// Returns its name, which no other path has.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what its cost is for.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Runs it, calls `boundary` before and after each of the two stages, and returns by how many
    /// units the second was longer.
    ///
    /// # Errors
    ///
    /// When the client doesn't get what it waits for.
    pub fn run(&self, boundary: &mut dyn FnMut()) -> io::Result<u64> {
        let mut run = Run { boundary, units: 0 };
        match self.work {
            Work::Codec(make) => {
                let mut codec = make();
                let mut repeat = |times| {
                    for _ in 0..times {
                        codec();
                    }
                };
                repeat(CALLS);
                run.less(|| repeat(CALLS));
                run.more(CALLS, || repeat(2 * CALLS));
            }
            Work::Served(served) => served(&mut run)?,
        }
        Ok(run.units)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Event => "event",
            Self::Member => "member",
            Self::Connection => "connection",
        })
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Path").field(&self.name).finish()
    }
}

impl Run<'_> {
    pub(crate) fn less<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.stage(work)
    }

    /// Does the second stage, which has so many units more than the first.
    pub(crate) fn more<T>(&mut self, units: u64, work: impl FnOnce() -> T) -> T {
        self.units = units;
        self.stage(work)
    }

    fn stage<T>(&mut self, work: impl FnOnce() -> T) -> T {
        (self.boundary)();
        let done = work();
        (self.boundary)();
        done
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

/// How often a codec is called in the first stage.
const CALLS: u64 = 500;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_path_has_a_name_of_its_own() {
        let mut seen = HashSet::new();

        assert!(paths().all(|path| seen.insert(path.name())));
    }
}
