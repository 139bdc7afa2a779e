use std::{io::IsTerminal as _, time::Duration};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, dynamic_filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::seldom::Seldom;

/// Writes the log to the standard error: what passes the filter, such as `info`.
///
/// That connections can't be accepted, which is so for as long as there are no file descriptors, is
/// said once a second at most.
///
/// # Panics
///
/// When there is a log already.
pub fn log_to_stderr(filter: &str) {
    let seldom = Seldom::every(Duration::from_secs(1));
    let filter = EnvFilter::new(filter).and(dynamic_filter_fn(move |metadata, _| {
        !is_accept_error(metadata) || seldom.is_due().is_some()
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
