use std::time::Duration;

use serde::Deserialize;

use super::{duration, problems::Problems};
use crate::{EventRate, HttpConfig, Limits, RouterConfig, engine::EngineConfig};

/// The table `[limits]`: how much of everything a client may have.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// How many packets a client may send in a second; 200 by default, and 0 stands for no limit.
    pub events_per_second: u32,
    /// How many packets a client may send at once; 400 by default.
    pub event_burst: u32,
    /// For how long a client may send more than that, and be slowed down, before it is disconnected; 10 s by
    /// default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub event_patience: Duration,
    /// How many packets a POST may have; 4,096 by default.
    pub payload_packets: usize,
    /// How many fragments a WebSocket's message may have; 1,024 by default.
    pub fragments: usize,
    /// How many attachments a packet may have; 10 by default.
    pub attachments: usize,
    /// How long the attachments of a packet may take; 20 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub reassembly_timeout: Duration,
    /// How many arrays and objects may be inside one another; 128 by default, and never more.
    pub depth: usize,
    /// How many bytes the name of an event or of a namespace may have; 256 by default.
    pub name_bytes: usize,
    /// How many namespaces a client may be in; 16 by default.
    pub namespaces: usize,
    /// How many bytes a client may send along with the request to enter a namespace; 16 KiB by default.
    pub auth_bytes: usize,
    /// How many packets may come before their namespace's answer; 1,024 by default.
    pub held_packets: usize,
    /// How many bytes of packets may come before their namespace's answer; 1,000,000 by default.
    pub held_bytes: usize,
    /// How many events may wait behind a handler before the client isn't read; 256 by default.
    pub inbound_packets: usize,
    /// How many bytes of events may wait behind a handler before the client isn't read; 1 MiB by default.
    pub inbound_bytes: usize,
    /// How many acks a socket may owe; 1,024 by default.
    pub pending_acks: usize,
    /// How long an ack is waited for; 20 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub ack_timeout: Duration,
    /// How many rooms a socket may be in; 1,024 by default.
    pub rooms: usize,
    /// For how long a client that sends may leave half of its queue unread; 60 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub reader_timeout: Duration,
    /// How many bytes the first line of a request may have; 8 KiB by default.
    pub target_bytes: usize,
    /// How many headers a request may have; 64 by default.
    pub headers: usize,
    /// How many bytes the headers of a request may have; 16 KiB by default.
    pub header_bytes: usize,
    /// How long the head of a request may take; 5 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub header_timeout: Duration,
    /// How long the body of a request may take; 10 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub body_timeout: Duration,
}

impl LimitSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        for (key, time) in [
            ("limits.event_patience", self.event_patience),
            ("limits.reassembly_timeout", self.reassembly_timeout),
            ("limits.ack_timeout", self.ack_timeout),
            ("limits.reader_timeout", self.reader_timeout),
            ("limits.header_timeout", self.header_timeout),
            ("limits.body_timeout", self.body_timeout),
        ] {
            problems.require_timer(key, time);
        }
        for (key, limit) in [
            ("limits.payload_packets", self.payload_packets),
            ("limits.fragments", self.fragments),
            ("limits.name_bytes", self.name_bytes),
            ("limits.namespaces", self.namespaces),
            ("limits.auth_bytes", self.auth_bytes),
            ("limits.held_packets", self.held_packets),
            ("limits.held_bytes", self.held_bytes),
            ("limits.inbound_packets", self.inbound_packets),
            ("limits.inbound_bytes", self.inbound_bytes),
            ("limits.pending_acks", self.pending_acks),
            ("limits.rooms", self.rooms),
            ("limits.target_bytes", self.target_bytes),
            ("limits.headers", self.headers),
            ("limits.header_bytes", self.header_bytes),
        ] {
            problems.require(limit > 0, key, "must not be 0");
        }
        problems.require(
            self.events_per_second == 0 || self.event_burst > 0,
            "limits.event_burst",
            "must not be 0 where `events_per_second` isn't",
        );
        problems.require(
            (1..=MAX_DEPTH).contains(&self.depth),
            "limits.depth",
            "must be from 1 to 128",
        );
    }

    pub(in crate::standalone) fn engine(&self, config: EngineConfig) -> EngineConfig {
        config
            .with_max_payload_packets(self.payload_packets)
            .with_max_fragments(self.fragments)
    }

    pub(in crate::standalone) fn router(&self, config: RouterConfig) -> RouterConfig {
        let limits = Limits::default()
            .with_max_attachments(self.attachments)
            .with_reassembly_timeout(self.reassembly_timeout)
            .with_max_depth(u8::try_from(self.depth).unwrap_or(u8::MAX))
            .with_max_name_len(self.name_bytes)
            .with_max_namespaces(self.namespaces)
            .with_max_auth_bytes(self.auth_bytes)
            .with_max_held_packets(self.held_packets)
            .with_max_held_bytes(self.held_bytes);
        let rate = EventRate::new(self.events_per_second, self.event_burst);
        let rate = (self.events_per_second > 0).then(|| rate.patience(self.event_patience));
        config
            .with_limits(limits)
            .with_event_rate(rate)
            .with_inbound_queue(self.inbound_packets)
            .with_inbound_bytes(self.inbound_bytes)
            .with_pending_acks(self.pending_acks)
            .with_ack_timeout(self.ack_timeout)
            .with_rooms_per_socket(self.rooms)
            .with_reader_timeout(self.reader_timeout)
    }

    pub(in crate::standalone) fn http(&self, config: HttpConfig) -> HttpConfig {
        config
            .with_max_target(self.target_bytes)
            .with_max_headers(self.headers)
            .with_max_header_bytes(self.header_bytes)
            .with_body_timeout(self.body_timeout)
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            events_per_second: 200,
            event_burst: 400,
            event_patience: Duration::from_secs(10),
            payload_packets: 4096,
            fragments: 1024,
            attachments: 10,
            reassembly_timeout: Duration::from_secs(20),
            depth: MAX_DEPTH,
            name_bytes: 256,
            namespaces: 16,
            auth_bytes: 16 * 1024,
            held_packets: 1024,
            held_bytes: 1_000_000,
            inbound_packets: 256,
            inbound_bytes: 1024 * 1024,
            pending_acks: 1024,
            ack_timeout: Duration::from_secs(20),
            rooms: 1024,
            reader_timeout: Duration::from_secs(60),
            target_bytes: 8 * 1024,
            headers: 64,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
        }
    }
}

/// What the decoder has room for.
const MAX_DEPTH: usize = 128;
