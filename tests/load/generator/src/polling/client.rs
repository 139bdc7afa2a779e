//! How far a polling client has come.

use std::collections::VecDeque;

use serde::Deserialize;

use super::{SEPARATOR, exchange::Exchange};
use crate::tally::lossy;

#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) get: Exchange,
    pub(super) post: Exchange,
    pub(super) sid: String,
    pub(super) step: Step,
    pub(super) began: u64,
    /// Echoes that the window still allows.
    pub(super) credit: usize,
    pub(super) owes_pong: bool,
    pub(super) sent: VecDeque<u64>,
}

/// What the client waits for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Step {
    #[default]
    Handshake,
    /// The CONNECT it has posted was taken.
    ConnectTaken,
    ConnectAnswer,
    Live,
    Leaving,
}

/// What the client does next.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Next {
    Get,
    Post(&'static str),
    LetIn,
    /// It has left and may come again.
    Gone,
    Nothing,
}

#[derive(Deserialize)]
struct Open {
    sid: String,
}

impl Client {
    /// Takes the body of a response.
    pub(super) fn advance(&mut self, body: &[u8]) -> Result<Next, String> {
        match self.step {
            Step::Handshake => {
                let open = body.strip_prefix(b"0").map(serde_json::from_slice::<Open>);
                let Some(Ok(open)) = open else {
                    return Err(format!("handshake: {}", lossy(body)));
                };
                self.sid = open.sid;
                self.step = Step::ConnectTaken;
                Ok(Next::Post("40"))
            }
            Step::ConnectTaken => {
                self.step = Step::ConnectAnswer;
                Ok(Next::Get)
            }
            Step::ConnectAnswer => {
                // Some servers send their first ping before it.
                self.owes_pong = body.starts_with(b"2");
                let mut packets = body.split(|byte| *byte == SEPARATOR);
                if !packets.any(|packet| packet.starts_with(b"40{")) {
                    return Err(format!("connect: {}", lossy(body)));
                }
                Ok(Next::LetIn)
            }
            Step::Live => Ok(Next::Nothing),
            Step::Leaving => {
                self.sid.clear();
                self.owes_pong = false;
                self.step = Step::Handshake;
                Ok(Next::Gone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_may_come_before_the_answer() {
        let mut client = Client::default();
        let open = b"0{\"sid\":\"a\",\"upgrades\":[\"websocket\"]}";

        let posts = client.advance(open).unwrap();
        let polls = client.advance(b"ok").unwrap();
        let enters = client.advance(b"2\x1e40{\"sid\":\"b\"}").unwrap();

        assert_eq!(
            [posts, polls, enters],
            [Next::Post("40"), Next::Get, Next::LetIn]
        );
        assert!(client.owes_pong);
    }

    #[test]
    fn a_refused_connect_is_an_error() {
        let mut client = Client {
            step: Step::ConnectAnswer,
            ..Client::default()
        };

        assert!(client.advance(b"44{\"message\":\"no\"}").is_err());
    }
}
