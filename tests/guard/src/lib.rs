#![forbid(unsafe_code)]
//! Hostile clients against a running server, and the judge of what came of it.
//!
//! A [case] is something that a client can send. While it runs, [canaries] go on with their work
//! at the same server; afterwards the [oracle] looks at the answer, the process, the canaries,
//! and at what is left in memory. What the cases are is listed in `docs/security-catalogue.md`.
//!
//! [case]: case::Case
//! [canaries]: canary::Canaries
//! [oracle]: oracle::Oracle

pub mod canary;
pub mod case;
pub mod cases;
pub mod kit;
pub mod oracle;
pub mod process;
pub mod run;
pub mod server;
pub mod settings;
