//! Who is measured.

use std::fmt;

/// A server that speaks Socket.IO.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Subject {
    /// Sockeye under its own front, as the binary uses it.
    Front,
    /// Sockeye mounted in an actix-web `App`.
    App,
    Socketioxide,
    Node,
    /// What `Front` stands on.
    OwnCo,
    /// The same, but for broadcasts: with everything else, the two show how much is noise.
    Own,
    /// What `App` stands on.
    Hctx,
    Body,
    Wctx,
}

impl Subject {
    pub(crate) const ALL: [Self; 9] = [
        Self::Front,
        Self::App,
        Self::Socketioxide,
        Self::Node,
        Self::OwnCo,
        Self::Own,
        Self::Hctx,
        Self::Body,
        Self::Wctx,
    ];

    /// Ours.
    pub(crate) const HOSTS: [Self; 2] = [Self::Front, Self::App];

    /// Those that are more than a floor.
    pub(crate) const SERVERS: [Self; 4] = [Self::Front, Self::App, Self::Socketioxide, Self::Node];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::App => "app",
            Self::Socketioxide => "socketioxide",
            Self::Node => "node",
            Self::OwnCo => "own-co",
            Self::Own => "own",
            Self::Hctx => "hctx",
            Self::Body => "body",
            Self::Wctx => "wctx",
        }
    }

    /// Returns how a table calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Front => "Sockeye, front",
            Self::App => "Sockeye, app",
            Self::Socketioxide => "socketioxide",
            Self::Node => "Node",
            Self::OwnCo => "floor `own-co`",
            Self::Own => "floor `own`",
            Self::Hctx => "floor `hctx`",
            Self::Body => "floor `body`",
            Self::Wctx => "floor `wctx`",
        }
    }

    /// Returns the floor that one of ours stands on.
    pub(crate) fn floor(self) -> Option<Self> {
        match self {
            Self::Front => Some(Self::OwnCo),
            Self::App => Some(Self::Hctx),
            _ => None,
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        Self::HOSTS.contains(&self)
    }

    pub(crate) fn is_floor(self) -> bool {
        !Self::SERVERS.contains(&self)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a server is started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Variant {
    #[default]
    Plain,
    /// `echo` takes bytes, where the handler's type says so.
    Binary,
    /// A JWT is demanded.
    Auth,
    TwoWorkers,
}

impl Variant {
    pub(crate) fn variable(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Plain => None,
            Self::Binary => Some(("BINARY", "1")),
            Self::Auth => Some(("AUTH", "1")),
            Self::TwoWorkers => Some(("WORKERS", "2")),
        }
    }
}
