//! A single-threaded load generator for servers that speak Engine.IO v4 and Socket.IO v5.
//!
//! It has a client of its own, with WebSocket frames made by hand, so that it costs less than the
//! server it drives. Answers are checked: echoes byte by byte, acks by id, deliveries by length and
//! start. Each run prints one [`Report`] as a line of JSON; the scenario `idle` prints one for each
//! step. The program `driver` starts servers, runs this against them and compares.

#![forbid(unsafe_code)]

mod broadcast;
mod churn;
mod cli;
mod connection;
mod frame;
mod histogram;
mod idle;
mod pace;
mod payload;
mod polling;
mod pool;
mod process;
mod report;
mod requests;
mod response;
mod rooms;
mod run;
mod scenario;
mod tally;
mod target;

pub use self::{
    cli::Cli,
    report::{Latency, Memory, Report, Usage},
};
