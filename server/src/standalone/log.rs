use std::{
    io::IsTerminal as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, dynamic_filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Writes the log to the standard error: what passes the filter, such as `info`.
///
/// That connections can't be accepted, which is so for as long as there are no file descriptors, is
/// said once a second at most.
///
/// # Panics
///
/// When there is a log already.
pub fn log_to_stderr(filter: &str) {
    let seldom = Seldom::new();
    let filter = EnvFilter::new(filter).and(dynamic_filter_fn(move |metadata, _| {
        !is_accept_error(metadata) || seldom.is_time()
    }));
    let layer = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();
}

/// Whether this is what the HTTP server says each time when it can't accept.
fn is_accept_error(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "actix_server::accept" && *metadata.level() == Level::ERROR
}

/// Something that happens once a second at most.
struct Seldom {
    started: Instant,
    /// In milliseconds from the start.
    next: AtomicU64,
}

impl Seldom {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    fn is_time(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let after = now.saturating_add(1000);
        now >= next
            && self
                .next
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}
