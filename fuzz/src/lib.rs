#![forbid(unsafe_code)]
//! Fuzz targets of the protocol crate.
//!
//! A target is a function of the bytes that asserts what must hold for all of them. It is
//! the same function under libFuzzer (`fuzz_targets`) and under `cargo test`, which runs it
//! over the committed corpus. To search for new inputs:
//!
//! ```text
//! cargo +nightly fuzz run --features libfuzzer websocket_frames
//! ```
//!
//! An input that fails goes to the target's corpus, named after the fault.

mod args_round_trip;
mod engine_payload;
mod engine_query;
mod reassembly;
mod script;
mod session_ops;
mod socket_packet;
mod websocket_frames;
mod wire;

pub use self::{
    args_round_trip::args_round_trip, engine_payload::engine_payload, engine_query::engine_query,
    reassembly::reassembly, session_ops::session_ops, socket_packet::socket_packet,
    websocket_frames::websocket_frames,
};

/// A function that panics when the bytes break a property.
pub type Target = fn(&[u8]);

/// Every target by the name of its entry point and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("args_round_trip", args_round_trip),
    ("engine_payload", engine_payload),
    ("engine_query", engine_query),
    ("reassembly", reassembly),
    ("session_ops", session_ops),
    ("socket_packet", socket_packet),
    ("websocket_frames", websocket_frames),
];
