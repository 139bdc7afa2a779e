use std::time::Duration;

use super::json;

/// Bounds of what one client's packets may take; part of the configuration.
///
/// A peer that goes over one breaks the protocol, save for
/// [`max_namespaces`](Self::max_namespaces) and [`max_auth_bytes`](Self::max_auth_bytes), which
/// refuse the namespace only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    max_attachments: usize,
    max_packet_bytes: usize,
    reassembly_timeout: Duration,
    max_depth: u8,
    max_name_len: usize,
    max_namespaces: usize,
    max_auth_bytes: usize,
    max_held_packets: usize,
    max_held_bytes: usize,
}

impl Limits {
    /// Returns how many attachments a packet may announce; 10 by default.
    #[must_use]
    pub fn max_attachments(&self) -> usize {
        self.max_attachments
    }

    /// Returns how many bytes a packet with attachments may have, its text included;
    /// 1,000,000 by default.
    #[must_use]
    pub fn max_packet_bytes(&self) -> usize {
        self.max_packet_bytes
    }

    /// Returns how long the attachments of one packet may take to arrive; 20 s by default.
    #[must_use]
    pub fn reassembly_timeout(&self) -> Duration {
        self.reassembly_timeout
    }

    /// Returns how deep arrays and objects may nest, the argument list included; 128 by
    /// default.
    #[must_use]
    pub fn max_depth(&self) -> u8 {
        self.max_depth
    }

    /// Returns how many bytes the name of a namespace or an event may have; 256 by default.
    #[must_use]
    pub fn max_name_len(&self) -> usize {
        self.max_name_len
    }

    /// Returns how many namespaces one session may be in or wait for; 16 by default.
    #[must_use]
    pub fn max_namespaces(&self) -> usize {
        self.max_namespaces
    }

    /// Returns how many bytes a client may send along with the request to enter a namespace;
    /// 65,536 by default.
    #[must_use]
    pub fn max_auth_bytes(&self) -> usize {
        self.max_auth_bytes
    }

    /// Returns how many packets may wait for their namespaces to admit the session;
    /// 1,024 by default.
    #[must_use]
    pub fn max_held_packets(&self) -> usize {
        self.max_held_packets
    }

    /// Returns how many bytes those waiting packets may have together; 1,000,000 by default.
    #[must_use]
    pub fn max_held_bytes(&self) -> usize {
        self.max_held_bytes
    }

    /// Sets how many attachments a packet may announce.
    #[must_use]
    pub fn with_max_attachments(mut self, count: usize) -> Self {
        self.max_attachments = count;
        self
    }

    /// Sets how many bytes a packet with attachments may have, its text included.
    #[must_use]
    pub fn with_max_packet_bytes(mut self, bytes: usize) -> Self {
        self.max_packet_bytes = bytes;
        self
    }

    /// Sets how long the attachments of one packet may take to arrive.
    #[must_use]
    pub fn with_reassembly_timeout(mut self, timeout: Duration) -> Self {
        self.reassembly_timeout = timeout;
        self
    }

    /// Sets how deep arrays and objects may nest; more than 128 counts as 128.
    #[must_use]
    pub fn with_max_depth(mut self, depth: u8) -> Self {
        self.max_depth = depth.min(json::MAX_DEPTH);
        self
    }

    /// Sets how many bytes the name of a namespace or an event may have.
    #[must_use]
    pub fn with_max_name_len(mut self, bytes: usize) -> Self {
        self.max_name_len = bytes;
        self
    }

    /// Sets how many namespaces one session may be in or wait for.
    #[must_use]
    pub fn with_max_namespaces(mut self, count: usize) -> Self {
        self.max_namespaces = count;
        self
    }

    /// Sets how many bytes a client may send along with the request to enter a namespace.
    #[must_use]
    pub fn with_max_auth_bytes(mut self, bytes: usize) -> Self {
        self.max_auth_bytes = bytes;
        self
    }

    /// Sets how many packets may wait for their namespaces to admit the session.
    #[must_use]
    pub fn with_max_held_packets(mut self, count: usize) -> Self {
        self.max_held_packets = count;
        self
    }

    /// Sets how many bytes those waiting packets may have together.
    #[must_use]
    pub fn with_max_held_bytes(mut self, bytes: usize) -> Self {
        self.max_held_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attachments: 10,
            max_packet_bytes: 1_000_000,
            reassembly_timeout: Duration::from_secs(20),
            max_depth: json::MAX_DEPTH,
            max_name_len: 256,
            max_namespaces: 16,
            max_auth_bytes: 64 * 1024,
            max_held_packets: 1_024,
            max_held_bytes: 1_000_000,
        }
    }
}
