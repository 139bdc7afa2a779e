//! What one run found, as one line of JSON.

use serde::{Deserialize, Serialize};

/// One run of a scenario against a server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// The scenario, as in the command line.
    pub scenario: String,
    /// What the command line calls the server.
    pub label: String,
    /// Connections open while measuring.
    pub connections: usize,
    /// Bytes of payload of a message.
    pub size: usize,
    /// Messages (of a broadcast: broadcasts) under way at once, where the loop is closed.
    pub window: Option<usize>,
    /// Messages a second that were asked for, where the loop is open.
    pub rate: Option<f64>,
    /// Whether the generator polled without sleeping.
    pub spin: bool,
    /// Seconds measured.
    pub seconds: f64,
    /// Messages, deliveries or connections within them.
    pub count: u64,
    /// What the server used, where its process is known.
    pub server: Option<Usage>,
    /// The part of its core that the generator used.
    pub generator_utilisation: f64,
    /// From sending, or from when sending was due, until the answer.
    pub latency: Option<Latency>,
    /// Wrong answers.
    pub bad: u64,
    /// Connections lost or refused.
    pub errors: u64,
    /// The first wrong answer or error.
    pub first_error: Option<String>,
    /// What was still not answered some time after the end.
    pub unanswered: u64,
    /// The server's memory, in the scenario `idle`.
    pub memory: Option<Memory>,
}

/// What the server's process used while measuring.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Usage {
    /// Seconds on a CPU, of all its threads.
    pub cpu_seconds: f64,
    /// Of these, seconds of its own code, counted in ticks.
    pub user_seconds: f64,
    /// Resident memory at the end, in KiB.
    pub resident_kib: u64,
}

/// Quantiles in microseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// What 99 of 100 stay under.
    pub p99: f64,
    /// What 999 of 1,000 stay under.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// The server's resident memory over what it had before the first connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Memory {
    /// Before the first connection, in KiB.
    pub base_kib: u64,
    /// Now, in KiB.
    pub resident_kib: u64,
    /// Which crowd of connections it is, from 1: they all leave before the next.
    pub crowd: usize,
}

impl Report {
    /// Returns the microseconds of the server's CPU for each message, delivery or connection.
    #[must_use]
    pub fn cpu_us(&self) -> Option<f64> {
        let server = self.server.as_ref().filter(|_| self.count > 0)?;
        Some(server.cpu_seconds * 1e6 / self.count as f64)
    }

    /// Returns messages, deliveries or connections a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds
    }

    /// Returns the part of a core that the server used.
    #[must_use]
    pub fn server_utilisation(&self) -> Option<f64> {
        Some(self.server.as_ref()?.cpu_seconds / self.seconds)
    }

    /// Returns the bytes of memory that each connection costs, where there are any.
    #[must_use]
    pub fn bytes_per_connection(&self) -> Option<f64> {
        let memory = self.memory.as_ref().filter(|_| self.connections > 0)?;
        let grown = memory.resident_kib.saturating_sub(memory.base_kib);
        Some((grown * 1024) as f64 / self.connections as f64)
    }

    /// Returns whether every answer came and was right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.bad == 0 && self.errors == 0
    }
}
