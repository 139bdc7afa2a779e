//! Paths through a whole server, from a client's bytes to a client's bytes.

mod crowd;
mod entering;
mod events;
mod peer;
mod polling;
mod server;

use std::io;

use crate::{Run, Unit};

/// A served path.
type Served = fn(&mut Run<'_>) -> io::Result<()>;

/// Every served path: its name, what its cost is for, and what it does.
pub(crate) const ALL: &[(&str, Unit, Served)] = &[
    ("echo", Unit::Event, events::echo),
    ("echo-pipelined", Unit::Event, events::echo_pipelined),
    ("echo-mounted", Unit::Event, events::echo_mounted),
    ("echo-binary-1k", Unit::Event, events::echo_binary),
    ("echo-polling", Unit::Event, polling::echo),
    ("ack", Unit::Event, events::ack),
    ("ack-pipelined", Unit::Event, events::ack_pipelined),
    ("join-leave", Unit::Event, events::join_leave),
    ("broadcast-member", Unit::Member, crowd::broadcast),
    (
        "broadcast-pipelined-member",
        Unit::Member,
        crowd::broadcast_pipelined,
    ),
    ("broadcast-ack-member", Unit::Member, crowd::broadcast_ack),
    ("connect-websocket", Unit::Connection, entering::websocket),
    ("connect-jwt", Unit::Connection, entering::jwt),
    ("connect-polling", Unit::Connection, polling::connect),
];
