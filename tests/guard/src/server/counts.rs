use std::collections::BTreeMap;

use super::Server;
use crate::kit::{Checked, Failure, ensure};

impl Server {
    /// Returns what is alive in the server by its own count, as far as healthy clients don't
    /// change it from one moment to the next.
    ///
    /// # Errors
    ///
    /// When it doesn't answer.
    pub fn gauges(&self) -> Checked<BTreeMap<String, f64>> {
        if self.internal.is_none() {
            return Ok(BTreeMap::new());
        }
        let answer = self.internal("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let metrics = answer.is(200)?.text();
        let steady = metrics.lines().filter_map(|line| {
            let (metric, value) = line.strip_prefix("sockeye_")?.rsplit_once(' ')?;
            let name = metric.split('{').next()?;
            let is_steady = STEADY_GAUGES.contains(&name);
            Some((metric.to_owned(), is_steady.then(|| value.parse().ok())??))
        });
        let steady: BTreeMap<_, _> = steady.collect();
        ensure(steady.len() >= STEADY_GAUGES.len(), "a gauge is missing")?;
        Ok(steady)
    }

    /// Returns the sum of a metric, whatever its labels.
    ///
    /// # Errors
    ///
    /// When it isn't there.
    pub fn metric(&self, name: &str) -> Checked<f64> {
        let answer = self.internal("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let metrics = answer.is(200)?.text();
        let values = metrics.lines().filter_map(|line| {
            let (metric, value) = line.strip_prefix("sockeye_")?.rsplit_once(' ')?;
            let is_this = metric.split('{').next() == Some(name);
            is_this.then(|| value.parse::<f64>().ok())?
        });
        values
            .reduce(|sum, value| sum + value)
            .ok_or_else(|| Failure::new("no such metric").on(name))
    }
}

/// The gauges that are the same whenever nothing but the canaries is there.
const STEADY_GAUGES: [&str; 13] = [
    "connections",
    "sessions",
    "sessions_held",
    "websockets",
    "clients",
    "sockets",
    "sockets_held",
    "rooms",
    "dynamic_namespaces",
    "pending_acks",
    "admitted_sessions",
    "unauthenticated_sessions",
    "addresses",
];
