#![forbid(unsafe_code)]
//! Fuzz targets of the decoders and state machines that the network reaches, of tokens and of settings.
//!
//! A target is a function of the bytes that asserts what must hold for all of them. It is
//! the same function under libFuzzer (`fuzz_targets`) and under `cargo test`, which runs it
//! over the committed corpus. To search for new inputs:
//!
//! ```text
//! make fuzz TARGET=websocket_frames SECONDS=60
//! ```
//!
//! An input that fails goes to the target's corpus, named after the fault.

mod args_round_trip;
mod engine_payload;
mod engine_query;
mod jwt;
mod memory;
mod reassembly;
mod script;
mod session_ops;
mod settings;
mod socket_packet;
mod websocket_frames;
mod wire;

pub use self::{
    args_round_trip::args_round_trip, engine_payload::engine_payload, engine_query::engine_query,
    jwt::jwt, reassembly::reassembly, session_ops::session_ops, settings::settings,
    socket_packet::socket_packet, websocket_frames::websocket_frames,
};

/// A function that panics when the bytes break a property.
pub type Target = fn(&[u8]);

/// Every target by the name of its entry point and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("args_round_trip", args_round_trip),
    ("engine_payload", engine_payload),
    ("engine_query", engine_query),
    ("jwt", jwt),
    ("reassembly", reassembly),
    ("session_ops", session_ops),
    ("settings", settings),
    ("socket_packet", socket_packet),
    ("websocket_frames", websocket_frames),
];
