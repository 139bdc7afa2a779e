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

mod engine_payload;
mod engine_query;
mod script;
mod session_ops;
mod websocket_frames;

pub use self::{
    engine_payload::engine_payload, engine_query::engine_query, session_ops::session_ops,
    websocket_frames::websocket_frames,
};

/// A function that panics when the bytes break a property.
pub type Target = fn(&[u8]);

/// Every target by the name of its entry point and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("engine_payload", engine_payload),
    ("engine_query", engine_query),
    ("session_ops", session_ops),
    ("websocket_frames", websocket_frames),
];
