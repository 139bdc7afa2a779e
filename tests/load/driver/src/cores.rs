//! Which core runs what.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The first core for the server, the last for the generator.
#[derive(Debug)]
pub(crate) struct Cores {
    available: Vec<usize>,
}

impl Cores {
    pub(crate) fn detect() -> io::Result<Self> {
        let set = sched_getaffinity(None)?;
        let available = (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core));
        Ok(Self {
            available: available.collect(),
        })
    }

    /// Returns whether the generator has a core of its own, so that it may spin.
    pub(crate) fn are_apart(&self) -> bool {
        self.available.len() > 1
    }

    /// Returns where the server runs: on one core, and on two only where the generator keeps its own.
    pub(crate) fn server(&self, workers: usize) -> &[usize] {
        let spare = self.available.len().saturating_sub(1).max(1);
        &self.available[..workers.min(spare)]
    }

    pub(crate) fn generator(&self) -> &[usize] {
        &self.available[self.available.len().saturating_sub(1)..]
    }

    /// Calls `spawn` so that the process it starts runs on these cores only.
    pub(crate) fn pinned<T>(
        &self,
        cores: &[usize],
        spawn: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        // A process inherits the cores of the thread that starts it.
        sched_setaffinity(None, &set(cores))?;
        let spawned = spawn();
        sched_setaffinity(None, &set(&self.available))?;
        spawned
    }
}

fn set(cores: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_keeps_a_core_of_its_own_where_there_are_two() {
        for (available, one, two, generator) in [
            (&[3][..], &[3][..], &[3][..], &[3][..]),
            (&[0, 1], &[0], &[0], &[1]),
            (&[0, 1, 2, 3], &[0], &[0, 1], &[3]),
        ] {
            let cores = Cores {
                available: available.to_vec(),
            };

            assert_eq!(cores.server(1), one);
            assert_eq!(cores.server(2), two);
            assert_eq!(cores.generator(), generator);
        }
    }
}
