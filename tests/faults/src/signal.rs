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
    end_of_while(server, cap, || {})
}

/// Does something again and again until a server has ended; returns as [`end_of`] does.
///
/// # Errors
///
/// When it hasn't ended after `cap`.
pub fn end_of_while(
    server: &Server,
    cap: Duration,
    mut meanwhile: impl FnMut(),
) -> Checked<(String, Duration)> {
    let start = Instant::now();
    let how = eventually(cap, || {
        meanwhile();
        server.ended().ok_or_else(|| Failure::new("it runs"))
    })?;
    Ok((how, start.elapsed()))
}
