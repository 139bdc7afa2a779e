use std::{fmt, str::FromStr};

/// How the packets of a session travel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// HTTP long-polling: a GET waits for packets, a POST brings them.
    Polling,
    /// One WebSocket, one packet to a frame.
    WebSocket,
}

impl Transport {
    /// Returns the name that the `transport` query parameter uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Polling => 1,
            Self::WebSocket => 2,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    /// Accepts exactly `polling` and `websocket`.
    fn from_str(text: &str) -> Result<Self, UnknownTransport> {
        match text {
            "polling" => Ok(Self::Polling),
            "websocket" => Ok(Self::WebSocket),
            _ => Err(UnknownTransport),
        }
    }
}

/// The text names no transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown transport")]
pub struct UnknownTransport;

/// A set of transports.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Transports(u8);

impl Transports {
    /// The set of every transport.
    pub const ALL: Self = Self(3);
    /// The set of no transport, which no valid configuration has.
    pub const NONE: Self = Self(0);

    /// Returns this set with `transport` in it.
    #[must_use]
    pub fn with(self, transport: Transport) -> Self {
        Self(self.0 | transport.bit())
    }

    /// Returns whether `transport` is in the set.
    #[must_use]
    pub fn contains(self, transport: Transport) -> bool {
        self.0 & transport.bit() != 0
    }

    /// Returns whether nothing is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the transports in the set, polling first.
    pub fn iter(self) -> impl Iterator<Item = Transport> {
        let both = [Transport::Polling, Transport::WebSocket];
        both.into_iter()
            .filter(move |transport| self.contains(*transport))
    }
}

impl From<Transport> for Transports {
    fn from(transport: Transport) -> Self {
        Self::NONE.with(transport)
    }
}

impl FromIterator<Transport> for Transports {
    fn from_iter<I: IntoIterator<Item = Transport>>(transports: I) -> Self {
        transports.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        assert_eq!("polling".parse(), Ok(Transport::Polling));
        assert_eq!("websocket".parse(), Ok(Transport::WebSocket));
        for text in ["", "Polling", "webtransport", "__proto__", "websocket "] {
            assert_eq!(text.parse::<Transport>(), Err(UnknownTransport), "{text}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let only = Transports::from(Transport::WebSocket);

        assert!(only.contains(Transport::WebSocket));
        assert!(!only.contains(Transport::Polling));
        assert_eq!(only.with(Transport::Polling), Transports::ALL);
        assert_eq!(
            Transports::ALL.iter().collect::<Transports>(),
            Transports::ALL
        );
    }
}
