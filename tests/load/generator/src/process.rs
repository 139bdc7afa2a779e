//! CPU time and memory of a process, from `/proc`.

use std::fs;

use rustix::{
    param::clock_ticks_per_second,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Seconds that a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTime {
    pub(crate) total: f64,
    pub(crate) user: f64,
}

impl CpuTime {
    pub(crate) fn of(process: u32) -> Self {
        let (user, system) = ticks(process).unwrap_or_default();
        let on_cpu = on_cpu(process);
        Self {
            // Nanoseconds where the kernel counts them, else ticks.
            total: if on_cpu > 0.0 { on_cpu } else { user + system },
            user,
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            total: self.total - earlier.total,
            user: self.user - earlier.user,
        }
    }
}

/// Returns seconds of user and of system time.
fn ticks(process: u32) -> Option<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut seconds = || {
        let ticks: f64 = fields.next()?.parse().ok()?;
        Some(ticks / clock_ticks_per_second() as f64)
    };
    Some((seconds()?, seconds()?))
}

/// Returns the seconds that the threads of a process were on a CPU.
fn on_cpu(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split_ascii_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// Returns the resident memory of a process, in KiB.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let value = line.and_then(|line| line.split_ascii_whitespace().next());
    value.and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// Raises the limit of open files as far as it goes.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where that is refused, opening too many connections will say so.
    let _ = setrlimit(Resource::Nofile, raised);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_its_time_grows() {
        let own = std::process::id();
        let earlier = CpuTime::of(own);

        let mut later = earlier;
        while later.total <= earlier.total {
            later = CpuTime::of(own);
        }

        assert!(later.since(earlier).total > 0.0);
        assert!(resident_kib(own) > 0);
    }
}
