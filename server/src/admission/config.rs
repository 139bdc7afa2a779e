use std::num::NonZeroU32;

/// How many sessions there may be, and who may open one more.
///
/// Nothing is limited by default: what is too many, only the machine and the application know, and
/// clients have addresses of their own only where [proxies](crate::TrustedProxies) are known. What
/// is limited is exact, across all threads. An IPv6 address counts with all of its /64 network.
///
/// ```
/// use sockeye::Admission;
///
/// let admission = Admission::default()
///     .max_sessions(100_000)
///     .max_unauthenticated(20_000)
///     .max_sessions_per_address(1_000)
///     .handshake_rate(100, 1_000);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Admission {
    pub(super) sessions: Option<usize>,
    pub(super) unauthenticated: Option<usize>,
    pub(super) sessions_per_address: Option<usize>,
    pub(super) unauthenticated_per_address: Option<usize>,
    pub(super) rate: Option<(NonZeroU32, NonZeroU32)>,
}

impl Admission {
    /// Sets how many sessions there may be; any number by default. One more is answered 503.
    ///
    /// A session counts until nothing refers to it any more, so that this bounds its memory, too.
    pub fn max_sessions(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.sessions = sessions.into();
        self
    }

    /// Sets how many of the sessions may be unauthenticated; any number by default. While there are so
    /// many, a new one is answered 503: what is left of the maximum is reserved for clients that
    /// authenticate.
    ///
    /// A session is unauthenticated until a namespace that wants it has authenticated one of its
    /// sockets, or another has let one in; how long that may take is
    /// [`RouterConfig::with_connect_timeout`](crate::RouterConfig::with_connect_timeout)'s and
    /// [`Auth::deadline`](crate::Auth::deadline)'s.
    pub fn max_unauthenticated(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.unauthenticated = sessions.into();
        self
    }

    /// Sets how many sessions one address may have; any number by default. One more is answered
    /// 429.
    pub fn max_sessions_per_address(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.sessions_per_address = sessions.into();
        self
    }

    /// Sets how many unauthenticated sessions one address may have; any number by default. One more
    /// is answered 429.
    pub fn max_unauthenticated_per_address(mut self, sessions: impl Into<Option<usize>>) -> Self {
        self.unauthenticated_per_address = sessions.into();
        self
    }

    /// Sets how many handshakes one address may try, in a second and at once; any number by
    /// default, and so if either is 0. One more is answered 429.
    pub fn handshake_rate(mut self, per_second: u32, burst: u32) -> Self {
        self.rate = NonZeroU32::new(per_second).zip(NonZeroU32::new(burst));
        self
    }

    pub(super) fn limits_sessions(&self) -> bool {
        self.sessions.is_some() || self.unauthenticated.is_some() || self.counts_addresses()
    }

    pub(super) fn counts_addresses(&self) -> bool {
        self.sessions_per_address.is_some() || self.unauthenticated_per_address.is_some()
    }
}

/// How many hold a place, where places are [limited](Admission).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct AdmissionStats {
    /// Sessions, and handshakes that the application is asked about.
    pub sessions: usize,
    /// Those that are unauthenticated.
    pub unauthenticated: usize,
    /// Addresses that have any of them, where addresses are limited.
    pub addresses: usize,
    /// Addresses whose handshakes are counted.
    pub rated_addresses: usize,
}
