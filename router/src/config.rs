use std::{sync::Arc, time::Duration};

use sockeye_protocol::socket::Limits;

use crate::{BuildError, EventRate, Recovery};

/// The bounds and times of a hub.
///
/// Setters take and return the value. Every bound is per socket or per connection unless it
/// says otherwise, and nothing means "no bound".
#[derive(Clone, Debug)]
pub struct RouterConfig {
    pub(crate) limits: Arc<Limits>,
    pub(crate) connect_timeout: Duration,
    pub(crate) event_rate: Option<EventRate>,
    pub(crate) inbound_queue: usize,
    pub(crate) inbound_bytes: usize,
    pub(crate) pending_acks: usize,
    pub(crate) ack_timeout: Duration,
    pub(crate) reader_timeout: Duration,
    pub(crate) rooms_per_socket: usize,
    pub(crate) courier_mailbox: usize,
    pub(crate) cleanup_empty_children: bool,
    pub(crate) keep_auth_payloads: bool,
    pub(crate) recovery: Option<Recovery>,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            limits: Arc::new(Limits::default()),
            connect_timeout: Duration::from_secs(45),
            event_rate: Some(EventRate::default()),
            inbound_queue: 256,
            inbound_bytes: 1024 * 1024,
            pending_acks: 1024,
            ack_timeout: Duration::from_secs(20),
            reader_timeout: Duration::from_secs(60),
            rooms_per_socket: 1024,
            courier_mailbox: 16_384,
            cleanup_empty_children: true,
            keep_auth_payloads: true,
            recovery: None,
        }
    }
}

impl RouterConfig {
    /// Sets the limits of the packet decoder.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Arc::new(limits);
        self
    }

    /// Sets how long a connection may take to reach any namespace; 45 s by default.
    ///
    /// Refusals and the time that middlewares take count. Once a namespace has admitted the
    /// client, the timeout is over for the rest of the connection.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how many packets a client may send; 200 in a second, after 400 at once, by default.
    #[must_use]
    pub fn with_event_rate(mut self, rate: impl Into<Option<EventRate>>) -> Self {
        self.event_rate = rate.into();
        self
    }

    /// Sets how many events may wait behind a running handler; 256 by default.
    ///
    /// When that many wait, the transport stops reading until half of them are handled. Four times
    /// as many may wait while the client owes an ack, which the handler may be waiting for.
    #[must_use]
    pub fn with_inbound_queue(mut self, events: usize) -> Self {
        self.inbound_queue = events;
        self
    }

    /// Sets how many bytes of events may wait behind running handlers, in all sockets of a
    /// connection together; 1 MiB by default. One event more than that may wait. What is said of [`with_inbound_queue`](Self::with_inbound_queue)
    /// holds for them, too.
    #[must_use]
    pub fn with_inbound_bytes(mut self, bytes: usize) -> Self {
        self.inbound_bytes = bytes;
        self
    }

    /// Sets how many acks the server may wait for at once; 1,024 by default.
    ///
    /// One more makes the oldest fail with [`AckError::Timeout`](crate::AckError::Timeout).
    #[must_use]
    pub fn with_pending_acks(mut self, acks: usize) -> Self {
        self.pending_acks = acks;
        self
    }

    /// Sets how long an ack is waited for where the caller sets no timeout; 20 s by default.
    #[must_use]
    pub fn with_ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// Sets for how long a client may leave half of its outgoing queue unread while events of its own
    /// wait; 60 s by default.
    ///
    /// Events are not handled then, as their handlers would add to the queue. A client that takes
    /// longer is disconnected as a slow consumer.
    #[must_use]
    pub fn with_reader_timeout(mut self, timeout: Duration) -> Self {
        self.reader_timeout = timeout;
        self
    }

    /// Sets how many rooms a socket may be in, its own not counted; 1,024 by default.
    ///
    /// Joining more is ignored and logged.
    #[must_use]
    pub fn with_rooms_per_socket(mut self, rooms: usize) -> Self {
        self.rooms_per_socket = rooms;
        self
    }

    /// Sets how many messages from other threads may wait for a thread; 16,384 by default.
    ///
    /// One more is refused with [`EmitError::QueueFull`](crate::EmitError::QueueFull).
    #[must_use]
    pub fn with_courier_mailbox(mut self, messages: usize) -> Self {
        self.courier_mailbox = messages;
        self
    }

    /// Sets whether a child of a dynamic namespace is removed when its last socket is gone; it is
    /// by default.
    ///
    /// Otherwise every name that a client ever entered stays in memory.
    #[must_use]
    pub fn with_cleanup_empty_children(mut self, cleanup: bool) -> Self {
        self.cleanup_empty_children = cleanup;
        self
    }

    /// Sets whether sockets keep what their clients passed as `auth`; they do by default, and it may
    /// have [`Limits::max_auth_bytes`].
    ///
    /// Otherwise it is there until the socket is connected: for verifiers, middlewares and the
    /// arguments of handlers of the connection. A dialect that takes its token from it keeps it for
    /// longer.
    #[must_use]
    pub fn with_kept_auth_payloads(mut self, keep: bool) -> Self {
        self.keep_auth_payloads = keep;
        self
    }

    /// Lets clients that lose their connection come back to their session, and get what they have
    /// missed; off by default.
    ///
    /// Every event without ack that isn't volatile then has one argument more, by which the client
    /// knows how far it has come. Clients of the reference library do the rest by themselves.
    #[must_use]
    pub fn with_recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// Returns the limits of the packet decoder.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn validate(&self) -> Result<(), BuildError> {
        let positive = |setting, value: usize| {
            if value > 0 {
                return Ok(());
            }
            Err(BuildError::InvalidSetting {
                setting,
                problem: "must be at least 1".to_owned(),
            })
        };
        positive("inbound_queue", self.inbound_queue)?;
        positive("inbound_bytes", self.inbound_bytes)?;
        positive("pending_acks", self.pending_acks)?;
        positive("courier_mailbox", self.courier_mailbox)?;
        positive("connect_timeout", self.connect_timeout.as_millis() as usize)?;
        positive("reader_timeout", self.reader_timeout.as_millis() as usize)?;
        positive("ack_timeout", self.ack_timeout.as_millis() as usize)?;
        self.recovery.as_ref().map_or(Ok(()), Recovery::validate)
    }
}
