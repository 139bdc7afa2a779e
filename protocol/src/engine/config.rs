use std::time::Duration;

use super::{Transport, Transports};
use crate::Prepared;

/// The timers and bounds of a session.
///
/// Setters take and return the value, so that a configuration reads as one expression;
/// [`EngineConfig::validate`] tells whether the result makes sense.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineConfig {
    ping_interval: Duration,
    ping_timeout: Duration,
    upgrade_timeout: Duration,
    close_grace: Duration,
    max_payload: usize,
    max_payload_packets: usize,
    max_fragments: usize,
    send_queue_bytes: usize,
    send_queue_packets: usize,
    transports: Transports,
    allow_upgrades: bool,
    initial_packet: Option<Prepared>,
}

impl Default for EngineConfig {
    /// The defaults of the reference server, and bounds where it has none.
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            close_grace: Duration::from_secs(30),
            max_payload: 1_000_000,
            max_payload_packets: 4096,
            max_fragments: 1024,
            send_queue_bytes: 1024 * 1024,
            send_queue_packets: 4096,
            transports: Transports::ALL,
            allow_upgrades: true,
            initial_packet: None,
        }
    }
}

impl EngineConfig {
    /// Sets the time from a pong, or from the handshake, to the next ping; 25 s by default.
    #[must_use]
    pub fn with_ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Sets the time in which a ping must be answered; 20 s by default.
    #[must_use]
    pub fn with_ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }

    /// Sets the time that an upgrade may take from its WebSocket's opening; 10 s by default.
    #[must_use]
    pub fn with_upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.upgrade_timeout = timeout;
        self
    }

    /// Sets how long a session which the server closed waits for the peer to fetch what is
    /// queued; 30 s by default.
    #[must_use]
    pub fn with_close_grace(mut self, grace: Duration) -> Self {
        self.close_grace = grace;
        self
    }

    /// Sets the most bytes of one POST body or one WebSocket message; 1,000,000 by default.
    ///
    /// The open packet announces it as `maxPayload`.
    #[must_use]
    pub fn with_max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets the most packets of one POST body; 4,096 by default.
    #[must_use]
    pub fn with_max_payload_packets(mut self, packets: usize) -> Self {
        self.max_payload_packets = packets;
        self
    }

    /// Sets the most fragments of one WebSocket message; 1,024 by default.
    #[must_use]
    pub fn with_max_fragments(mut self, fragments: usize) -> Self {
        self.max_fragments = fragments;
        self
    }

    /// Sets the most bytes that wait to be sent on one session; 1 MiB by default.
    #[must_use]
    pub fn with_send_queue_bytes(mut self, bytes: usize) -> Self {
        self.send_queue_bytes = bytes;
        self
    }

    /// Sets the most packets that wait to be sent on one session; 4,096 by default.
    #[must_use]
    pub fn with_send_queue_packets(mut self, packets: usize) -> Self {
        self.send_queue_packets = packets;
        self
    }

    /// Sets the transports that a handshake may ask for; all by default.
    #[must_use]
    pub fn with_transports(mut self, transports: impl Into<Transports>) -> Self {
        self.transports = transports.into();
        self
    }

    /// Sets whether the open packet announces upgrades; true by default.
    ///
    /// As in the reference server, a client which upgrades unasked is still served.
    #[must_use]
    pub fn with_allow_upgrades(mut self, allow: bool) -> Self {
        self.allow_upgrades = allow;
        self
    }

    /// Sends messages to every client right behind its open packet; none by default.
    #[must_use]
    pub fn with_initial_packet(mut self, packet: Prepared) -> Self {
        self.initial_packet = Some(packet);
        self
    }

    /// Returns the time from a pong to the next ping.
    #[must_use]
    pub fn ping_interval(&self) -> Duration {
        self.ping_interval
    }

    /// Returns the time in which a ping must be answered.
    #[must_use]
    pub fn ping_timeout(&self) -> Duration {
        self.ping_timeout
    }

    /// Returns the time that an upgrade may take.
    #[must_use]
    pub fn upgrade_timeout(&self) -> Duration {
        self.upgrade_timeout
    }

    /// Returns how long a closed session waits for the peer to fetch what is queued.
    #[must_use]
    pub fn close_grace(&self) -> Duration {
        self.close_grace
    }

    /// Returns the most bytes of one POST body or one WebSocket message.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// Returns the most packets of one POST body.
    #[must_use]
    pub fn max_payload_packets(&self) -> usize {
        self.max_payload_packets
    }

    /// Returns the most fragments of one WebSocket message.
    #[must_use]
    pub fn max_fragments(&self) -> usize {
        self.max_fragments
    }

    /// Returns the most bytes that wait to be sent on one session.
    #[must_use]
    pub fn send_queue_bytes(&self) -> usize {
        self.send_queue_bytes
    }

    /// Returns the most packets that wait to be sent on one session.
    #[must_use]
    pub fn send_queue_packets(&self) -> usize {
        self.send_queue_packets
    }

    /// Returns the transports that a handshake may ask for.
    #[must_use]
    pub fn transports(&self) -> Transports {
        self.transports
    }

    /// Returns whether the open packet announces upgrades.
    #[must_use]
    pub fn allow_upgrades(&self) -> bool {
        self.allow_upgrades
    }

    /// Returns the messages that follow the open packet, if there are any.
    #[must_use]
    pub fn initial_packet(&self) -> Option<&Prepared> {
        self.initial_packet.as_ref()
    }

    /// Returns whether a session on `transport` announces that it can move to WebSocket.
    #[must_use]
    pub fn announces_upgrade(&self, transport: Transport) -> bool {
        transport == Transport::Polling
            && self.allow_upgrades
            && self.transports.contains(Transport::WebSocket)
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// The first field whose value makes no sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let durations = [
            ("ping_interval", self.ping_interval),
            ("ping_timeout", self.ping_timeout),
            ("upgrade_timeout", self.upgrade_timeout),
            ("close_grace", self.close_grace),
        ];
        for (field, duration) in durations {
            if !(MIN_DURATION..=MAX_DURATION).contains(&duration) {
                return Err(ConfigError::Duration { field });
            }
        }
        let counts = [
            ("max_payload", self.max_payload),
            ("max_payload_packets", self.max_payload_packets),
            ("max_fragments", self.max_fragments),
            ("send_queue_bytes", self.send_queue_bytes),
            ("send_queue_packets", self.send_queue_packets),
        ];
        for (field, count) in counts {
            if count == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        if self.transports.is_empty() {
            return Err(ConfigError::Empty {
                field: "transports",
            });
        }
        Ok(())
    }
}

/// A field of an [`EngineConfig`] makes no sense.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The duration is out of range.
    #[error("`{field}` must be from 1 ms to 12 days")]
    Duration {
        /// The name of the field.
        field: &'static str,
    },
    /// The bound is zero.
    #[error("`{field}` must be at least 1")]
    Zero {
        /// The name of the field.
        field: &'static str,
    },
    /// The set is empty.
    #[error("`{field}` must name at least one")]
    Empty {
        /// The name of the field.
        field: &'static str,
    },
}

impl ConfigError {
    /// Returns the name of the field.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Duration { field } | Self::Zero { field } | Self::Empty { field } => field,
        }
    }
}

const MIN_DURATION: Duration = Duration::from_millis(1);
/// A client adds ping interval and ping timeout up in one timer, and the timers of browsers
/// hold at most 2^31 - 1 ms, which is a little more than 24 days.
const MAX_DURATION: Duration = Duration::from_secs(12 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid() {
        assert_eq!(EngineConfig::default().validate(), Ok(()));
    }

    #[test]
    fn a_senseless_value_is_refused_by_name() {
        let config = EngineConfig::default;
        let cases = [
            ("ping_interval", config().with_ping_interval(Duration::ZERO)),
            ("ping_timeout", config().with_ping_timeout(Duration::MAX)),
            (
                "upgrade_timeout",
                config().with_upgrade_timeout(Duration::ZERO),
            ),
            ("close_grace", config().with_close_grace(Duration::ZERO)),
            ("max_payload", config().with_max_payload(0)),
            ("max_payload_packets", config().with_max_payload_packets(0)),
            ("max_fragments", config().with_max_fragments(0)),
            ("send_queue_bytes", config().with_send_queue_bytes(0)),
            ("send_queue_packets", config().with_send_queue_packets(0)),
            ("transports", config().with_transports(Transports::NONE)),
        ];

        for (field, config) in cases {
            let error = config.validate().expect_err(field);
            assert_eq!(error.field(), field);
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}
