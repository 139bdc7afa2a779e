//! Signals to processes.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use sockeye_guard::{
    kit::{Checked, Failure, ensure, eventually},
    server::Server,
};

/// Sends a signal, such as `TERM`, to a process.
///
/// # Errors
///
/// When there is no such process.
pub fn send(signal: &str, process: u32) -> Checked {
    let mut shell = Command::new("sh");
    let script = format!("kill -{signal} {process}");
    let status = shell.args(["-c", &script]).status()?;
    ensure(status.success(), format!("no process takes SIG{signal}"))
}

/// Waits until a server has ended; returns how, such as `exit status: 0`, and how long it took.
///
/// # Errors
///
/// When it hasn't after `cap`.
pub fn end_of(server: &Server, cap: Duration) -> Checked<(String, Duration)> {
    let start = Instant::now();
    let ended = || server.ended().ok_or_else(|| Failure::new("it runs"));
    let how = eventually(cap, ended)?;
    Ok((how, start.elapsed()))
}
