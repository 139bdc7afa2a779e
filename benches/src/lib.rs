#![forbid(unsafe_code)]
//! The paths whose cost is watched, each as something that can be done any number of times.
//!
//! [`paths()`] lists them. A codec path is a function; a served one has a whole server in this
//! process, on its own threads and real TCP, and a client that speaks bytes. Who counts what they
//! cost is not their business: the program `budgets` counts instructions, a test counts allocations,
//! the benchmarks take the time.

pub mod codecs;
mod path;
mod served;

pub use self::path::{Path, Run, Unit, paths};
