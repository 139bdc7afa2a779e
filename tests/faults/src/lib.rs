#![forbid(unsafe_code)]
//! What happens to a server's clients when something breaks, told in figures.
//!
//! A [fault] starts a server and a [crowd], breaks something, and [finds](finding::Finding) what was
//! lost, how long it took, and whether that is what `docs/reliability.md` promises. The program
//! `faults` runs them, and keeps the table in that file.
//!
//! [fault]: fault::Fault

pub mod cgroup;
pub mod crowd;
pub mod fault;
pub mod faults;
pub mod figure;
pub mod finding;
pub mod history;
pub mod hostile;
pub mod network;
pub mod picture;
pub mod place;
pub mod program;
pub mod quantile;
pub mod run;
pub mod signal;
pub mod table;
pub mod trend;
pub mod watch;
