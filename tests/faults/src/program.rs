//! Programs that are built along with this one.

use std::{env, path::PathBuf};

use sockeye_guard::kit::{Checked, ensure};

/// Returns where one is.
///
/// # Errors
///
/// When it isn't built.
pub fn sibling(name: &str) -> Checked<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    let is_there = program.is_file();
    ensure(is_there, "it isn't built").map_err(|failure| failure.on(program.display()))?;
    Ok(program)
}
