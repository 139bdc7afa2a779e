use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Checked, Failure, Frame, Polling, Received, Response, Stream, Upgrade, WebSocket, ensure,
};

/// How a peer talks to the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

/// A session that looks the same over both transports.
#[derive(Debug)]
pub struct Peer {
    link: Link,
}

#[derive(Debug)]
enum Link {
    Polling(Polling),
    WebSocket(WebSocket),
}

impl Transport {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Polling, Self::WebSocket];
}

impl Peer {
    /// Opens a session, in no namespace yet.
    ///
    /// # Errors
    ///
    /// When there is no session.
    pub fn open(address: SocketAddr, transport: Transport) -> Checked<Self> {
        match transport {
            Transport::Polling => Ok(Self {
                link: Link::Polling(Polling::open(address)?),
            }),
            Transport::WebSocket => Self::opened(Upgrade::new().open(address)?),
        }
    }

    /// Opens a session over WebSocket with this query.
    ///
    /// # Errors
    ///
    /// When there is no session.
    pub fn with_query(address: SocketAddr, query: &str) -> Checked<Self> {
        Self::opened(Upgrade::with_query(query).open(address)?)
    }

    /// Goes on with a WebSocket whose upgrade was requested on this connection.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn requested_on(mut stream: Stream) -> Checked<Self> {
        stream.response()?.is(101)?;
        Self::opened(WebSocket::over(stream))
    }

    /// Goes on with the polling session that this response has opened.
    ///
    /// # Errors
    ///
    /// When it hasn't.
    pub fn of_polling(address: SocketAddr, opened: &Response) -> Checked<Self> {
        let link = Link::Polling(Polling::opened(address, opened, Stream::open(address)?)?);
        Ok(Self { link })
    }

    fn opened(mut websocket: WebSocket) -> Checked<Self> {
        match websocket.receive()? {
            Received::Text(open) if open.starts_with("0{") => Ok(Self {
                link: Link::WebSocket(websocket),
            }),
            other => Err(Failure::new(format!(
                "{other:?} instead of the open packet"
            ))),
        }
    }

    /// Enters a namespace with an `auth` payload; returns the socket's id.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn connect(&mut self, namespace: &str, auth: &Value) -> Checked<String> {
        let prefix = match namespace {
            "/" => String::new(),
            other => format!("{other},"),
        };
        self.send(format!("0{prefix}{auth}"))?;
        let answer = self.receive()?;
        let payload: Option<Value> = answer
            .strip_prefix(&format!("0{prefix}"))
            .and_then(|payload| serde_json::from_str(payload).ok());
        payload
            .and_then(|payload| Some(payload.get("sid")?.as_str()?.to_owned()))
            .ok_or_else(|| Failure::new("no answer to CONNECT").on(answer))
    }

    /// Sends a Socket.IO packet, without the `4` of the engine.
    ///
    /// # Errors
    ///
    /// When it can't be sent.
    pub fn send(&mut self, packet: impl AsRef<[u8]>) -> Checked {
        self.send_engine([b"4", packet.as_ref()].concat())
    }

    /// Sends an engine packet as text.
    ///
    /// # Errors
    ///
    /// When it can't be sent.
    pub fn send_engine(&mut self, packet: impl Into<Vec<u8>>) -> Checked {
        match &mut self.link {
            // Whether the body is refused or the session ends is for the case to see.
            Link::Polling(polling) => polling.post(packet.into()).map(drop),
            Link::WebSocket(websocket) => websocket.text(packet),
        }
    }

    /// Sends an attachment.
    ///
    /// # Errors
    ///
    /// When it can't be sent.
    pub fn send_binary(&mut self, bytes: &[u8]) -> Checked {
        match &mut self.link {
            Link::Polling(polling) => polling
                .post(format!("b{}", STANDARD.encode(bytes)))
                .map(drop),
            Link::WebSocket(websocket) => websocket.send(&Frame::binary(bytes)),
        }
    }

    /// Sends several Socket.IO packets in one write: one payload, or frames behind each other.
    ///
    /// # Errors
    ///
    /// When they can't be sent.
    pub fn send_together(&mut self, packets: &[&str]) -> Checked {
        let packets = packets.iter().map(|packet| format!("4{packet}"));
        match &mut self.link {
            Link::Polling(polling) => {
                let payload: Vec<_> = packets.collect();
                polling.post(payload.join(super::RS)).map(drop)
            }
            Link::WebSocket(websocket) => {
                let frames: Vec<u8> = packets
                    .flat_map(|packet| Frame::text(packet).bytes())
                    .collect();
                websocket.stream.send(frames)
            }
        }
    }

    /// Returns the next Socket.IO packet, without the `4` of the engine; pings are answered.
    ///
    /// # Errors
    ///
    /// When the session ends, nothing comes, or it is binary.
    pub fn receive(&mut self) -> Checked<String> {
        let packet = self.receive_engine()?;
        match packet.strip_prefix('4') {
            Some(packet) => Ok(packet.to_owned()),
            None => Err(Failure::new("the session sends this").on(packet)),
        }
    }

    /// Returns the next engine packet as text, binary as `b` and base64; pings are answered.
    ///
    /// # Errors
    ///
    /// When the session ends, or nothing comes.
    pub fn receive_engine(&mut self) -> Checked<String> {
        let websocket = match &mut self.link {
            Link::Polling(polling) => return polling.receive(),
            Link::WebSocket(websocket) => websocket,
        };
        loop {
            match websocket.receive()? {
                Received::Text(ping) if ping == "2" => websocket.text("3")?,
                Received::Text(packet) => return Ok(packet),
                Received::Binary(bytes) => return Ok(format!("b{}", STANDARD.encode(bytes))),
                other => return Err(Failure::new(format!("{other:?} instead of a packet"))),
            }
        }
    }

    /// Expects this packet next.
    ///
    /// # Errors
    ///
    /// When another comes.
    pub fn receives(&mut self, packet: &str) -> Checked {
        let received = self.receive()?;
        ensure(
            received == packet,
            format!("{received:.200} instead of {packet:.200}"),
        )
    }

    /// Emits with an ack and returns the answer's arguments.
    ///
    /// # Errors
    ///
    /// When another packet than the ack comes next.
    pub fn ask(&mut self, event: &str, argument: &Value) -> Checked<Value> {
        self.send(format!("27{}", json!([event, argument])))?;
        let answer = self.receive()?;
        answer
            .strip_prefix("37")
            .and_then(|answer| serde_json::from_str(answer).ok())
            .ok_or_else(|| Failure::new("no ack").on(answer))
    }

    /// Joins a room of the product's.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn join(&mut self, room: &str) -> Checked {
        let answer = self.ask("join", &json!(room))?;
        let joined = answer.pointer("/0/status") == Some(&json!("ok"));
        ensure(joined, format!("joining: {answer}"))
    }

    /// Expects the session's end; over WebSocket, without a close code.
    ///
    /// # Errors
    ///
    /// When it lives.
    pub fn closes(&mut self) -> Checked {
        match &mut self.link {
            Link::Polling(polling) => polling.closes(),
            Link::WebSocket(websocket) => match websocket.closes()? {
                None => Ok(()),
                Some(code) => Err(Failure::new(format!("closed with {code}"))),
            },
        }
    }

    /// Returns the WebSocket.
    ///
    /// # Errors
    ///
    /// When it polls.
    pub fn websocket(&mut self) -> Checked<&mut WebSocket> {
        match &mut self.link {
            Link::WebSocket(websocket) => Ok(websocket),
            Link::Polling(_) => Err(Failure::new("this one polls")),
        }
    }

    /// Returns the polling session.
    ///
    /// # Errors
    ///
    /// When it is on WebSocket.
    pub fn polling(&mut self) -> Checked<&mut Polling> {
        match &mut self.link {
            Link::Polling(polling) => Ok(polling),
            Link::WebSocket(_) => Err(Failure::new("this one is on WebSocket")),
        }
    }
}
