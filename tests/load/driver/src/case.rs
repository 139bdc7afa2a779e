//! What is measured for the table.

use crate::subject::{Subject, Variant};

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) variant: Variant,
    pub(crate) of: Of,
}

/// Who can do it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Of {
    All,
    /// Floors have no sessions, so no long-polling.
    Servers,
    Ours,
}

impl Case {
    pub(crate) fn is_for(&self, subject: Subject) -> bool {
        match self.of {
            Of::All => true,
            Of::Servers => !subject.is_floor(),
            Of::Ours => subject.is_ours(),
        }
    }

    /// Returns how `subject` is started for it: not all have to be told what to expect.
    pub(crate) fn variant_for(&self, subject: Subject) -> Variant {
        match self.variant {
            Variant::Binary if subject == Subject::Node || subject.is_floor() => Variant::Plain,
            variant => variant,
        }
    }

    /// Returns whether it needs a server that has served nothing yet.
    pub(crate) fn is_of_memory(&self) -> bool {
        self.name == "idle"
    }
}

const fn case(name: &'static str, title: &'static str, arguments: &'static [&'static str]) -> Case {
    Case {
        name,
        title,
        arguments,
        variant: Variant::Plain,
        of: Of::All,
    }
}

pub(crate) const CASES: &[Case] = &[
    case(
        "echo",
        "echo 64 B, 16 in flight",
        &["echo", "-n100", "-w16"],
    ),
    case(
        "echo-w1",
        "echo 64 B, 1 in flight",
        &["echo", "-n100", "-w1"],
    ),
    case("ack", "ack 64 B, 16 in flight", &["ack", "-n100", "-w16"]),
    case("ack-w1", "ack 64 B, 1 in flight", &["ack", "-n100", "-w1"]),
    case(
        "bcast-64",
        "broadcast 64 B to 1,000, per delivery, 4 in flight",
        &["broadcast", "-n1000", "-w4"],
    ),
    case(
        "bcast-64-w1",
        "the same, 1 in flight",
        &["broadcast", "-n1000", "-w1"],
    ),
    case(
        "bcast-1k",
        "broadcast 1 KiB to 1,000, 4 in flight",
        &["broadcast", "-n1000", "-w4", "-s1024"],
    ),
    Case {
        variant: Variant::TwoWorkers,
        of: Of::Ours,
        ..case(
            "bcast-64-two",
            "broadcast 64 B to 1,000, members on two threads",
            &["broadcast", "-n1000", "-w4"],
        )
    },
    Case {
        variant: Variant::Binary,
        ..case(
            "bin-1k",
            "binary echo 1 KiB, 4 in flight",
            &["binary", "-n100", "-w4", "-s1024"],
        )
    },
    Case {
        variant: Variant::Binary,
        ..case(
            "bin-64k",
            "binary echo 64 KiB, 2 in flight",
            &["binary", "-n20", "-w2", "-s65536"],
        )
    },
    case(
        "connect",
        "WebSocket connect and CONNECT",
        &["connect", "-n32"],
    ),
    Case {
        variant: Variant::Auth,
        of: Of::Ours,
        ..case(
            "connect-jwt",
            "WebSocket connect with a JWT (HS256)",
            &["connect", "-n32", "--welcome=welcome"],
        )
    },
    Case {
        of: Of::Servers,
        ..case(
            "poll-echo",
            "polling echo 64 B, 4 in flight",
            &["polling-echo", "-n100", "-w4"],
        )
    },
    Case {
        of: Of::Servers,
        ..case(
            "poll-connect",
            "polling connect",
            &["polling-connect", "-n32"],
        )
    },
    case(
        "idle",
        "memory of each of 10,000 at rest",
        &["idle", "--steps=10000"],
    ),
];
