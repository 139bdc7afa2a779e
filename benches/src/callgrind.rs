use std::{
    env,
    ffi::OsString,
    fs, hint, io, path,
    process::{Command, Stdio},
};

use sockeye_benches::Path;

/// Where a stage of a path begins or ends: callgrind begins a new count here.
///
/// It knows the place by this function's name.
#[inline(never)]
pub(crate) fn stage_boundary() {
    hint::black_box(());
}

/// Counts the instructions that one unit of a path takes, on all threads of this process: those of
/// the kernel are not seen, those of a client are.
///
/// # Errors
///
/// When the path or callgrind fails.
pub(crate) fn count(path: &Path) -> io::Result<u64> {
    let counts = tempfile::tempdir()?;
    let mut file = OsString::from("--callgrind-out-file=");
    file.push(counts.path().join(FILE));
    let output = Command::new("valgrind")
        .args(["-q", "--tool=callgrind"])
        .arg("--dump-before=*stage_boundary*")
        .arg(file)
        .arg(env::current_exe()?)
        .args(["run", path.name()])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{} has failed", path.name())));
    }
    let units = String::from_utf8_lossy(&output.stdout).trim().parse();
    let units: u64 = units.map_err(io::Error::other)?;
    let less = total(counts.path(), LESS)?;
    let more = total(counts.path(), MORE)?;
    let rounded = more.saturating_sub(less) + units / 2;
    Ok(rounded.checked_div(units).unwrap_or_default())
}

/// Returns the instructions between two boundaries.
fn total(folder: &path::Path, part: u32) -> io::Result<u64> {
    let file = folder.join(format!("{FILE}.{part}"));
    let text = fs::read_to_string(&file);
    let text = text.map_err(|error| io::Error::other(format!("part {part}: {error}")))?;
    parse_total(&text).ok_or_else(|| io::Error::other(format!("part {part} has no total")))
}

fn parse_total(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("totals:"));
    value?.trim().parse().ok()
}

const FILE: &str = "part";

/// The part that is the first stage; what comes before it, and what is between, counts for nothing.
const LESS: u32 = 2;
/// The part that is the second stage.
const MORE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_ends_with_its_total() {
        let text = "version: 1\npart: 2\nevents: Ir\nfn=(1) a\n1 7\ntotals: 1234\n";

        assert_eq!(parse_total(text), Some(1_234));
        assert_eq!(parse_total("part: 1\n"), None);
    }
}
