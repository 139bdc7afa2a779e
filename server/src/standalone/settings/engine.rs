use std::time::Duration;

use serde::Deserialize;

use super::{duration, problems::Problems};

/// The table `[engine]`: Engine.IO's timers, limits and transports.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// How long after a pong, or the handshake, the next ping is sent; 25 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping; 20 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub ping_timeout: Duration,
    /// How long an upgrade may take once its probe has begun; 10 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub upgrade_timeout: Duration,
    /// The largest body or message that a client may send, in bytes; 1,000,000 by default.
    pub max_http_buffer_size: usize,
    /// The transports that a session may begin with or upgrade to; both by default.
    pub transports: Vec<TransportName>,
    /// Whether a polling session may upgrade to WebSocket; true by default.
    pub allow_upgrades: bool,
    /// How long a session may stay in no namespace; 10 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub connect_timeout: Duration,
    /// How long a client may take nothing of what was written before its connection is cut; 10 s by
    /// default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub write_timeout: Duration,
    /// How many bytes may wait for one slow client before it is dropped; 1 MiB by default.
    pub send_queue_bytes: usize,
    /// How many packets may wait for one slow client before it is dropped; 4,096 by default.
    pub send_queue_packets: usize,
}

/// A transport, as the setting `engine.transports` names it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TransportName {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

impl EngineSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        problems.require_timer("engine.ping_interval", self.ping_interval);
        problems.require_timer("engine.ping_timeout", self.ping_timeout);
        problems.require_timer("engine.upgrade_timeout", self.upgrade_timeout);
        problems.require_timer("engine.connect_timeout", self.connect_timeout);
        problems.require_timer("engine.write_timeout", self.write_timeout);
        for (key, limit) in [
            ("engine.max_http_buffer_size", self.max_http_buffer_size),
            ("engine.send_queue_bytes", self.send_queue_bytes),
            ("engine.send_queue_packets", self.send_queue_packets),
        ] {
            problems.require(limit > 0, key, "must not be 0");
        }
        let transports = &self.transports;
        problems.require(
            !transports.is_empty(),
            "engine.transports",
            "must name at least one",
        );
        problems.require_distinct("engine.transports", transports);
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_http_buffer_size: 1_000_000,
            transports: vec![TransportName::Polling, TransportName::WebSocket],
            allow_upgrades: true,
            connect_timeout: Duration::from_secs(10),
            send_queue_bytes: 1024 * 1024,
            send_queue_packets: 4096,
            write_timeout: Duration::from_secs(10),
        }
    }
}
