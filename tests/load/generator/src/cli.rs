//! The options of the command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

/// Loads a Socket.IO server on this machine and says what that cost it.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Events that come back
    Echo(Load),
    /// Events that are acked
    Ack(Load),
    /// Events with an attachment that come back
    Binary(Load),
    /// Broadcasts to one room that everybody is in
    Broadcast {
        #[command(flatten)]
        load: Load,
        #[arg(long, default_value_t = 4)]
        publishers: usize,
    },
    /// Broadcasts to many rooms in turn
    Rooms {
        #[command(flatten)]
        load: Load,
        /// Rooms of each connection
        #[arg(long)]
        each: usize,
        /// Members of each room
        #[arg(long)]
        members: usize,
    },
    /// Memory and CPU of connections that do nothing
    Idle(Rest),
    /// WebSocket clients that connect and go, --connections at a time
    Connect(Setup),
    /// Events that come back over long-polling
    PollingEcho(Load),
    /// Polling clients that connect and go, --connections at a time
    PollingConnect(Setup),
}

/// What all scenarios have.
#[derive(Args, Clone, Debug)]
pub(crate) struct Setup {
    /// The server's address, on this machine
    #[arg(long)]
    pub(crate) address: SocketAddr,
    #[arg(long, default_value = "/socket.io/")]
    pub(crate) path: String,
    /// The server's process, whose CPU time and memory are reported
    #[arg(long)]
    pub(crate) process: Option<u32>,
    /// Copied into the report
    #[arg(long, default_value = "")]
    pub(crate) label: String,
    #[arg(long, short = 'n', default_value_t = 100)]
    pub(crate) connections: usize,
    /// Bytes of payload
    #[arg(long, short, default_value_t = 64)]
    pub(crate) size: usize,
    /// Seconds to measure
    #[arg(long, short, default_value_t = 1.5)]
    pub(crate) duration: f64,
    /// Seconds before measuring
    #[arg(long, default_value_t = 0.5)]
    pub(crate) warmup: f64,
    /// Polls without sleeping, so that the server never pays for waking the generator
    #[arg(long)]
    pub(crate) spin: bool,
    /// Handshakes under way while connections are opened
    #[arg(long, default_value_t = 64)]
    pub(crate) at_once: usize,
    /// Loopback addresses to connect from; one has about 28,000 ports
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=200))]
    pub(crate) sources: u8,
    /// Sends the headers of a browser with 1 kB of cookies and user agent
    #[arg(long)]
    pub(crate) browser: bool,
    /// The payload of the CONNECT packet, a JSON object
    #[arg(long, default_value = "")]
    pub(crate) auth: String,
    /// The event after which a connection counts as let in
    #[arg(long)]
    pub(crate) welcome: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    #[command(flatten)]
    pub(crate) setup: Setup,
    /// Messages under way on each connection; of broadcasts, those under way in all
    #[arg(long, short, default_value_t = 16)]
    pub(crate) window: usize,
    /// Messages a second in all, whatever is answered, instead of a window
    #[arg(long)]
    pub(crate) rate: Option<f64>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Rest {
    #[command(flatten)]
    pub(crate) setup: Setup,
    /// Connections at which to look, one after another
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000, 10_000])]
    pub(crate) steps: Vec<usize>,
    /// Seconds of rest before each look
    #[arg(long, default_value_t = 1.0)]
    pub(crate) settle: f64,
    /// Seconds that a server has to give memory back when all have left
    #[arg(long, default_value_t = 1.0)]
    pub(crate) afterwards: f64,
    /// Echoes that each connection sends before it rests
    #[arg(long, default_value_t = 0)]
    pub(crate) echoes: usize,
    /// Each joins a room of so many
    #[arg(long)]
    pub(crate) room_of: Option<usize>,
    /// How often all come; from the first on they leave again, and what is left is reported too
    #[arg(long, default_value_t = 0)]
    pub(crate) crowds: usize,
}
