use std::{
    array, fmt,
    sync::atomic::{AtomicU64, Ordering},
};

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// A bound that a client may reach, of whichever layer, as metrics name it.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum Limit {
            $($(#[$doc])* $name,)*
        }

        impl Limit {
            /// Every limit, in the order in which metrics list them.
            pub const ALL: [Self; [$($label),*].len()] = [$(Self::$name),*];

            /// Returns the limit's name, as in the label `limit` of metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

limits! {
    /// Connections of all clients, which only a server front knows.
    Connections = "connections",
    /// Connections of an address, which only a server front knows.
    ConnectionsPerAddress = "connections_per_address",
    /// Sessions of all clients.
    Sessions = "sessions",
    /// Sessions of all clients that are unauthenticated.
    Unauthenticated = "unauthenticated",
    /// Sessions of an address.
    SessionsPerAddress = "sessions_per_address",
    /// Sessions of an address that are unauthenticated.
    UnauthenticatedPerAddress = "unauthenticated_per_address",
    /// How often an address opens sessions.
    HandshakeRate = "handshake_rate",
    /// The length of a request's target, the number of its headers or their bytes.
    Headers = "headers",
    /// The time that a body takes.
    BodyTimeout = "body_timeout",
    /// The bytes of a body or of a WebSocket's message.
    Payload = "payload",
    /// The packets of a body.
    PayloadPackets = "payload_packets",
    /// The fragments of a WebSocket's message.
    Fragments = "fragments",
    /// What waits for a client that reads slowly.
    SendQueue = "send_queue",
    /// The time in which a client takes what is written, which only a server front knows.
    WriteTimeout = "write_timeout",
    /// The attachments of a packet.
    Attachments = "attachments",
    /// The bytes of a packet with its attachments.
    PacketBytes = "packet_bytes",
    /// The time in which attachments arrive.
    ReassemblyTimeout = "reassembly_timeout",
    /// The nesting of arguments.
    Depth = "depth",
    /// The length of a namespace's or an event's name.
    Name = "name",
    /// The size of an ack's id.
    AckId = "ack_id",
    /// The namespaces of a client.
    Namespaces = "namespaces",
    /// The bytes of what is sent along with the request to enter a namespace.
    AuthBytes = "auth_bytes",
    /// What is sent ahead of a namespace's answer.
    HeldPackets = "held_packets",
    /// The time in which a client reaches a namespace.
    ConnectTimeout = "connect_timeout",
    /// The time in which a socket authenticates itself.
    AuthDeadline = "auth_deadline",
    /// How many packets a client sends in a second.
    EventRate = "event_rate",
    /// What waits behind a handler that runs.
    InboundQueue = "inbound_queue",
    /// The time for which a client that sends leaves unread what it is sent.
    ReaderTimeout = "reader_timeout",
    /// The acks that a socket owes.
    PendingAcks = "pending_acks",
    /// The rooms of a socket.
    Rooms = "rooms",
    /// The bytes that a client has relayed to others in a second.
    RelayRate = "relay_rate",
    /// The arguments of an event that a client relays to others.
    RelayArguments = "relay_arguments",
    /// The bytes of a call of the HTTP API.
    ApiBody = "api_body",
    /// The rooms of a call of the HTTP API.
    ApiRooms = "api_rooms",
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often each limit was reached. All threads count in the same place, as this is rare.
#[derive(Debug)]
pub struct LimitCounters([AtomicU64; Limit::ALL.len()]);

impl LimitCounters {
    /// Notes that a limit was reached.
    pub fn count(&self, limit: Limit) {
        if let Some(counter) = self.0.get(limit as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns how often this limit was reached.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        let counter = self.0.get(limit as usize);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

impl Default for LimitCounters {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_limit_is_counted_under_a_name_of_its_own() {
        let counters = LimitCounters::default();

        for (times, limit) in Limit::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counters.count(limit));
        }

        for (times, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(counters.get(limit), times as u64, "{limit}");
        }
        let names: HashSet<_> = Limit::ALL.map(Limit::as_str).into_iter().collect();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
