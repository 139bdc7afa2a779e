use std::net::SocketAddr;

use serde_json::Value;
use sockeye_guard::kit::Checked;

use super::{Client, Incoming, Polling};

/// A client that looks the same over every transport.
#[derive(Debug)]
pub enum Member {
    /// Over WebSocket.
    WebSocket(Client),
    /// Over polling.
    Polling(Box<Polling>),
}

/// How a member comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Over WebSocket from the start.
    WebSocket,
    /// Over polling, for good.
    Polling,
    /// Over polling, and then over WebSocket.
    Upgrade,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::Polling, Self::Upgrade];
}

impl Member {
    /// Connects to the main namespace with this payload.
    ///
    /// # Errors
    ///
    /// When the server refuses, or there is none.
    pub async fn connect(address: SocketAddr, auth: &Value, way: Way) -> Checked<Self> {
        let polling = match way {
            Way::WebSocket => return Ok(Self::WebSocket(Client::connect(address, auth).await?)),
            Way::Polling | Way::Upgrade => Polling::connect(address, auth).await?,
        };
        Ok(match way {
            Way::Upgrade => Self::WebSocket(polling.upgrade().await?),
            _ => Self::Polling(Box::new(polling)),
        })
    }

    /// Returns the socket's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::WebSocket(client) => client.id(),
            Self::Polling(client) => client.id(),
        }
    }

    /// Sends an Engine.IO packet as it is.
    ///
    /// # Errors
    ///
    /// When the session has ended.
    pub async fn send(&mut self, packet: &str) -> Checked {
        match self {
            Self::WebSocket(client) => client.send(packet).await,
            Self::Polling(client) => client.send(packet).await,
        }
    }

    /// Sends an event: its name and arguments as one array, and a number where an answer is wanted.
    ///
    /// # Errors
    ///
    /// When the session has ended.
    pub async fn emit(&mut self, event: &Value, ack: Option<u64>) -> Checked {
        match self {
            Self::WebSocket(client) => client.emit(event, ack).await,
            Self::Polling(client) => client.emit(event, ack).await,
        }
    }

    /// Waits for what comes next; pings are answered and not shown. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// When it is nothing that a server may send, or the connection is broken off.
    pub async fn next(&mut self) -> Checked<Incoming> {
        match self {
            Self::WebSocket(client) => client.next().await,
            Self::Polling(client) => client.next().await,
        }
    }
}
