//! A client in the same process, for tests: what it sends goes straight to the router, what it
//! hears waits in a list.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::{Duration, SystemTime},
};

use sockeye_router::{
    Client, DisconnectReason, Handshake, Hub, Message, Outlet, OutletError, Prepared,
};
use tokio::sync::Notify;

pub(crate) struct Peer {
    pub(crate) client: Client,
    line: Rc<Line>,
}

struct Line {
    heard: RefCell<VecDeque<String>>,
    closed: Cell<Option<DisconnectReason>>,
    paused: Cell<bool>,
    room: Cell<usize>,
    news: Notify,
}

impl Peer {
    /// Opens a connection with room for many packets.
    pub(crate) fn open(hub: &Hub) -> Self {
        Self::open_with(hub, Handshake::new(SystemTime::UNIX_EPOCH), usize::MAX)
    }

    /// Opens a connection whose queue has room for so many packets.
    pub(crate) fn open_with(hub: &Hub, handshake: Handshake, room: usize) -> Self {
        let line = Rc::new(Line {
            heard: RefCell::default(),
            closed: Cell::new(None),
            paused: Cell::new(false),
            room: Cell::new(room),
            news: Notify::new(),
        });
        let outlet = LineOutlet(line.clone());
        let client = Client::new(hub, outlet, handshake);
        Self { client, line }
    }

    /// Opens a connection and connects it to `/`.
    pub(crate) async fn connect(hub: &Hub) -> Self {
        let peer = Self::open(hub);
        peer.say("0");
        let answer = peer.next().await;
        assert!(answer.starts_with(r#"0{"sid":""#), "{answer}");
        peer
    }

    pub(crate) fn say(&self, packet: &str) {
        self.client.receive(Message::from(packet.to_owned()));
    }

    /// Waits for the next packet, or for the end as `closed: REASON`.
    pub(crate) async fn next(&self) -> String {
        let next = async {
            loop {
                let news = self.line.news.notified();
                if let Some(packet) = self.line.heard.borrow_mut().pop_front() {
                    return packet;
                }
                if let Some(reason) = self.line.closed.get() {
                    return format!("closed: {reason}");
                }
                news.await;
            }
        };
        tokio::time::timeout(CAP, next)
            .await
            .expect("something to hear")
    }

    /// Asserts that this is what is heard next.
    pub(crate) async fn hears(&self, packet: &str) {
        assert_eq!(self.next().await, packet);
    }

    /// Returns what has been heard and not taken yet.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.line.heard.borrow_mut().drain(..).collect()
    }

    pub(crate) fn closed(&self) -> Option<DisconnectReason> {
        self.line.closed.get()
    }

    /// Whether the router has asked the transport to stop reading.
    pub(crate) fn is_paused(&self) -> bool {
        self.line.paused.get()
    }
}

struct LineOutlet(Rc<Line>);

impl Outlet for LineOutlet {
    fn send(&self, packet: &Prepared) -> Result<(), OutletError> {
        if self.0.closed.get().is_some() {
            return Err(OutletError::Closed);
        }
        let mut heard = self.0.heard.borrow_mut();
        if heard.len() >= self.0.room.get() {
            return Err(OutletError::Full);
        }
        // The leading `4` is Engine.IO's.
        let text = packet.text_packet().expect("a packet has text");
        heard.push_back(String::from_utf8(text[1..].to_vec()).expect("text is UTF-8"));
        for data in packet.binary_messages() {
            heard.push_back(format!("binary {data:?}"));
        }
        self.0.news.notify_one();
        Ok(())
    }

    fn send_volatile(&self, packet: &Prepared) -> bool {
        self.send(packet).is_ok()
    }

    fn close(&self, reason: DisconnectReason) {
        self.0.closed.set(Some(reason));
        self.0.news.notify_one();
    }

    fn pause(&self) {
        self.0.paused.set(true);
    }

    fn resume(&self) {
        self.0.paused.set(false);
        self.0.news.notify_one();
    }
}

/// Long enough for anything that comes at all.
const CAP: Duration = Duration::from_secs(3600);
