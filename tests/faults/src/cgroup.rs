//! Bounds that the system sets a process.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use sockeye_guard::kit::eventually;

/// A control group, which goes with this value once its processes have gone.
#[derive(Debug)]
pub struct Group {
    directory: PathBuf,
}

/// What a group's processes share.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// So many bytes of memory; who needs more is killed.
    Memory(u64),
    /// So many thousandths of a core, 50 at least.
    Processor(u64),
}

impl Group {
    /// Makes a group with a bound, in whichever of the two hierarchies the system has.
    ///
    /// # Errors
    ///
    /// When this process may not, or there are no such groups.
    pub fn new(bound: Bound) -> io::Result<Self> {
        let (controller, settings) = match bound {
            Bound::Memory(bytes) => (
                "memory",
                [
                    ("memory.max", bytes.to_string()),
                    ("memory.limit_in_bytes", bytes.to_string()),
                ],
            ),
            // In periods of 20 ms, so that it is never stopped for long.
            Bound::Processor(thousandths) => (
                "cpu",
                [
                    ("cpu.max", format!("{} 20000", thousandths * 20)),
                    ("cpu.cfs_quota_us", (thousandths * 20).to_string()),
                ],
            ),
        };
        let root = Path::new("/sys/fs/cgroup");
        let is_unified = root.join("cgroup.controllers").exists();
        let parent = match is_unified {
            true => {
                fs::write(
                    root.join("cgroup.subtree_control"),
                    format!("+{controller}"),
                )?;
                root.to_owned()
            }
            false => root.join(controller),
        };
        let group = Self {
            directory: parent.join(format!("faults-{}-{controller}", process::id())),
        };
        match fs::create_dir(&group.directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let [unified, single] = settings;
        if controller == "cpu" && !is_unified {
            fs::write(group.directory.join("cpu.cfs_period_us"), "20000")?;
        }
        let (file, value) = if is_unified { unified } else { single };
        fs::write(group.directory.join(file), value)?;
        Ok(group)
    }

    /// Puts a process in.
    ///
    /// # Errors
    ///
    /// When it has gone.
    pub fn add(&self, process: u32) -> io::Result<()> {
        fs::write(self.directory.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The last process may still be on its way out.
        let _ = eventually(Duration::from_secs(2), || {
            Ok(fs::remove_dir(&self.directory)?)
        });
    }
}
