mod lines;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::IsTerminal as _,
    panic::{self, PanicHookInfo},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, dynamic_filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::lines::Lines;
pub use self::lines::Log;
use crate::seldom::Seldom;

/// Writes the log to the standard error: what passes the filter, such as `info`; and panics.
///
/// A thread of its own writes it, as whoever should take it may not: up to 4,096 lines wait, and more
/// are dropped and counted, as is what can't be written.
///
/// That connections can't be accepted, which is so for as long as there are no file descriptors, is
/// said once a second at most; that a client has sent what is no HTTP, which anybody may do at any
/// rate, once a minute.
///
/// # Panics
///
/// When there is a log already, or no thread to be had.
pub fn log_to_stderr(filter: &str) -> Log {
    let (lines, log) = lines::write_to(std::io::stderr());
    let _ = LINES.set(lines.clone());
    let accepting = Seldom::every(Duration::from_secs(1));
    let parsing = Seldom::every(Duration::from_secs(60));
    let filter = EnvFilter::new(filter).and(dynamic_filter_fn(move |metadata, _| {
        match (metadata.target(), *metadata.level()) {
            ("actix_server::accept", Level::ERROR) => accepting.is_due().is_some(),
            ("actix_http::h1::dispatcher", Level::ERROR) => parsing.is_due().is_some(),
            _ => true,
        }
    }));
    let layer = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(lines);
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
    // By default a panic is written by the thread that panics.
    panic::set_hook(Box::new(log_panic));
    log
}

/// Returns how many lines were dropped since the start, as they couldn't be written, or not in time.
pub(super) fn dropped_lines() -> u64 {
    LINES.get().map_or(0, |lines| lines.dropped())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = panic.location().map(ToString::to_string);
    let what = panic.payload_as_str().unwrap_or("no text");
    tracing::error!(thread = name, place, what, "panicked");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!("{backtrace}");
    }
}

/// Those of the process's log.
static LINES: OnceLock<Arc<Lines>> = OnceLock::new();
