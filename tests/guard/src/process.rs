//! What the system knows of the server's process.

use std::{fs, io, path::PathBuf, time::Duration};

/// The process under test, as `/proc` shows it.
#[derive(Clone, Debug)]
pub struct Process {
    directory: PathBuf,
}

/// Readings of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The most memory that was resident since the last [`Process::reset_peak`], in bytes.
    pub peak: u64,
    /// What is resident now, in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Time on the processors, of all threads, to 10 ms.
    pub cpu: Duration,
}

impl Process {
    /// Looks at a process by its id.
    #[must_use]
    pub fn new(id: u32) -> Self {
        Self {
            directory: PathBuf::from(format!("/proc/{id}")),
        }
    }

    /// Reads everything.
    ///
    /// # Errors
    ///
    /// When the process has gone.
    pub fn read(&self) -> io::Result<Reading> {
        let status = fs::read_to_string(self.directory.join("status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.ok_or_else(|| io::Error::other(format!("no {name} in the status")))
        };
        Ok(Reading {
            peak: field("VmHWM:")? * 1024,
            resident: field("VmRSS:")? * 1024,
            threads: field("Threads:")?,
            descriptors: fs::read_dir(self.directory.join("fd"))?.count(),
            cpu: self.cpu()?,
        })
    }

    fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(self.directory.join("stat"))?;
        // The name, in parentheses, may hold anything; behind it the fields are numbers.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(USER_TIME).take(2);
        let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }

    /// Lets the peak of the memory begin anew, where the system permits it.
    pub fn reset_peak(&self) {
        let _ = fs::write(self.directory.join("clear_refs"), "5");
    }
}

/// Where `utime` and `stime` are behind the name.
const USER_TIME: usize = 11;

/// `USER_HZ`, which is the same on every Linux of today.
const TICKS_PER_SECOND: u64 = 100;
