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

mod api_call;
mod args_round_trip;
mod engine_payload;
mod engine_query;
mod jwt;
mod memory;
mod origins;
mod proxies;
mod proxy_header;
mod reassembly;
mod recovery;
mod script;
mod session_ops;
mod settings;
mod socket_packet;
mod websocket_frames;
mod websocket_request;
mod wire;

pub use self::{
    api_call::api_call, args_round_trip::args_round_trip, engine_payload::engine_payload,
    engine_query::engine_query, jwt::jwt, origins::origins, proxies::proxies,
    proxy_header::proxy_header, reassembly::reassembly, recovery::recovery,
    session_ops::session_ops, settings::settings, socket_packet::socket_packet,
    websocket_frames::websocket_frames, websocket_request::websocket_request,
};

/// A function that panics when the bytes break a property.
pub type Target = fn(&[u8]);

/// Every target by the name of its entry point and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("api_call", api_call),
    ("args_round_trip", args_round_trip),
    ("engine_payload", engine_payload),
    ("engine_query", engine_query),
    ("jwt", jwt),
    ("origins", origins),
    ("proxies", proxies),
    ("proxy_header", proxy_header),
    ("reassembly", reassembly),
    ("recovery", recovery),
    ("session_ops", session_ops),
    ("settings", settings),
    ("socket_packet", socket_packet),
    ("websocket_frames", websocket_frames),
    ("websocket_request", websocket_request),
];
