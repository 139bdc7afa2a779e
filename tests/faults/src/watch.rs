//! A look at the server every few seconds.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use sockeye_guard::{
    kit::{Checked, Failure},
    process::Reading,
    server::Server,
};

/// How the server was at one moment.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Since the first look.
    pub at: Duration,
    /// What the system knows of the process.
    pub reading: Reading,
    /// What the server counts as alive.
    pub gauges: BTreeMap<String, f64>,
}

/// Looks at a server until it is told to stop.
#[derive(Debug)]
pub struct Watch<'scope> {
    stop: Sender<()>,
    looks: thread::ScopedJoinHandle<'scope, Checked<Vec<Sample>>>,
}

impl<'scope> Watch<'scope> {
    /// Begins.
    #[must_use]
    pub fn start<'env>(
        scope: &'scope thread::Scope<'scope, 'env>,
        server: &'env Server,
        every: Duration,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let looks = scope.spawn(move || {
            let (mut samples, start) = (Vec::new(), Instant::now());
            loop {
                samples.push(Sample {
                    at: start.elapsed(),
                    reading: server.process().read()?,
                    gauges: gauges(server)?,
                });
                let next = every * samples.len() as u32;
                match stopped.recv_timeout(next.saturating_sub(start.elapsed())) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return Ok(samples),
                }
            }
        });
        Self { stop, looks }
    }

    /// Ends, and returns what was seen.
    ///
    /// # Errors
    ///
    /// When the server has gone meanwhile.
    pub fn stop(self) -> Checked<Vec<Sample>> {
        let _ = self.stop.send(());
        let looks = self.looks.join();
        looks.map_err(|_| Failure::new("the watch has broken"))?
    }
}

/// Returns every gauge of a server's metrics, by its name and labels.
///
/// # Errors
///
/// When it doesn't answer.
pub fn gauges(server: &Server) -> Checked<BTreeMap<String, f64>> {
    let answer = server.internal("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let metrics = answer.is(200)?.text();
    let mut gauges = BTreeMap::new();
    let mut is_gauge = false;
    for line in metrics.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            is_gauge = kind.ends_with(" gauge");
        } else if let Some((name, value)) = line.rsplit_once(' ')
            && is_gauge
            && !line.starts_with('#')
        {
            let name = name.strip_prefix("sockeye_").unwrap_or(name).to_owned();
            let value = value
                .parse()
                .map_err(|_| Failure::new("no number").on(line))?;
            gauges.insert(name, value);
        }
    }
    Ok(gauges)
}

/// Returns how many sessions were closed for a reason.
///
/// # Errors
///
/// When the server doesn't answer.
pub fn closed(server: &Server, reason: &str) -> Checked<f64> {
    let answer = server.internal("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let metrics = answer.is(200)?.text();
    let start = format!("sockeye_sessions_closed_total{{reason=\"{reason}\"}} ");
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(&start)?.parse().ok());
    value.ok_or_else(|| Failure::new("no such reason").on(reason))
}
