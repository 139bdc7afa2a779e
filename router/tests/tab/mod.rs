//! A client that comes back, for tests: it keeps its session's key and the offset of the last event
//! that it received, as the reference client does.

#![allow(dead_code, reason = "each test file uses a part")]

mod peer;

use serde_json::{Value, json};
use sockeye_router::{DisconnectReason, Hub, Sid};

pub(crate) use self::peer::Peer;

pub(crate) struct Tab {
    hub: Hub,
    pub(crate) peer: Peer,
    pub(crate) sid: String,
    pub(crate) pid: Option<String>,
    pub(crate) offset: Option<String>,
    pub(crate) recovered: bool,
    /// The events that were received, without their offsets, as JSON.
    pub(crate) got: Vec<String>,
    /// What the handshake's payload has beside key and offset.
    pub(crate) auth: Value,
}

impl Tab {
    pub(crate) async fn open(hub: &Hub) -> Self {
        Self::open_with(hub, json!({})).await
    }

    pub(crate) async fn open_with(hub: &Hub, auth: Value) -> Self {
        let mut tab = Self::new(hub, auth);
        tab.connect().await;
        tab
    }

    fn new(hub: &Hub, auth: Value) -> Self {
        Self {
            hub: hub.clone(),
            peer: Peer::open(hub),
            sid: String::new(),
            pid: None,
            offset: None,
            recovered: false,
            got: Vec::new(),
            auth,
        }
    }

    /// Opens a connection with what an earlier one has left, and returns to its session.
    pub(crate) async fn resume(
        hub: &Hub,
        pid: Option<String>,
        offset: Option<String>,
        got: Vec<String>,
    ) -> Self {
        let is_return = pid.is_some();
        let mut tab = Self::new(hub, json!({}));
        (tab.pid, tab.offset, tab.got) = (pid, offset, got);
        tab.connect().await;
        assert_eq!(tab.recovered, is_return);
        tab
    }

    /// Breaks the connection, losing what was not received yet.
    pub(crate) fn lose(&mut self) {
        self.peer.lose(DisconnectReason::TransportClose);
    }

    /// Comes back by a new connection, whether the old one is known to be dead or not.
    pub(crate) async fn come_back(&mut self) {
        let old = std::mem::replace(&mut self.peer, Peer::open(&self.hub));
        self.connect().await;
        drop(old);
    }

    /// Comes back by a new connection whose queue has room for so many packets.
    pub(crate) fn open_narrow(&mut self, room: usize) {
        self.peer = Peer::open_narrow(&self.hub, room);
    }

    /// Connects to the namespace and takes its answer, with the missed events before it.
    pub(crate) async fn connect(&mut self) {
        self.ask();
        loop {
            let packet = self.peer.next().await;
            if self.take(&packet) {
                continue;
            }
            let json = packet
                .strip_prefix('0')
                .unwrap_or_else(|| panic!("{packet}"));
            let answer: Value = serde_json::from_str(json).unwrap();
            let pid = answer["pid"].as_str().map(str::to_owned);
            self.recovered = pid.is_some() && pid == self.pid;
            self.pid = pid;
            self.sid = answer["sid"].as_str().unwrap().to_owned();
            return;
        }
    }

    pub(crate) fn ask(&self) {
        let mut auth = self.auth.clone();
        if let Some(pid) = &self.pid {
            auth["pid"] = json!(pid);
        }
        if let Some(offset) = &self.offset {
            auth["offset"] = json!(offset);
        }
        self.peer.say(&format!("0{auth}"));
    }

    /// Receives what has come; returns it as JSON.
    pub(crate) fn receive(&mut self) -> Vec<String> {
        self.receive_some(usize::MAX)
    }

    /// Receives the first few packets of what has come; the others are lost.
    pub(crate) fn receive_some(&mut self, count: usize) -> Vec<String> {
        let before = self.got.len();
        for packet in self.peer.heard().into_iter().take(count) {
            assert!(self.take(&packet), "{packet}");
        }
        self.got[before..].to_vec()
    }

    /// Receives the first few packets of what has come; the others wait.
    pub(crate) fn receive_first(&mut self, count: usize) {
        for _ in 0..count {
            let Some(packet) = self.peer.hear_one() else {
                return;
            };
            assert!(self.take(&packet), "{packet}");
        }
    }

    /// Takes an event as the reference client does: a text at its end is the offset.
    pub(crate) fn take(&mut self, packet: &str) -> bool {
        let Some(json) = packet
            .strip_prefix('2')
            .filter(|json| json.starts_with('['))
        else {
            return false;
        };
        let mut event: Vec<Value> = serde_json::from_str(json).unwrap();
        if self.pid.is_some()
            && let Some(Value::String(offset)) = event.last()
        {
            self.offset = Some(offset.clone());
            event.pop();
        }
        self.got.push(Value::Array(event).to_string());
        true
    }

    pub(crate) fn id(&self) -> Sid {
        self.sid.parse().unwrap()
    }
}
