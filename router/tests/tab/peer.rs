use std::{cell::RefCell, collections::VecDeque};

use sockeye_router::{
    DisconnectReason, Hub,
    testing::{RawPacket, TestConnection},
};

/// A connection whose packets the test takes one by one, or not at all.
pub(crate) struct Peer {
    connection: TestConnection,
    arrived: RefCell<VecDeque<String>>,
}

impl Peer {
    pub(crate) fn open(hub: &Hub) -> Self {
        Self {
            connection: TestConnection::open(hub),
            arrived: RefCell::default(),
        }
    }

    /// Opens a connection whose queue has room for so many packets.
    pub(crate) fn open_narrow(hub: &Hub, packets: usize) -> Self {
        let peer = Self::open(hub);
        peer.connection.set_queue(packets);
        peer
    }

    pub(crate) fn say(&self, packet: &str) {
        self.connection.send_raw(packet.to_owned());
    }

    /// Waits for the next packet, or for the end as `closed: REASON`.
    pub(crate) async fn next(&self) -> String {
        if let Some(packet) = self.hear_one() {
            return packet;
        }
        match self.connection.next_raw().await {
            Ok(packet) => text(&packet),
            Err(error) => match self.closed() {
                Some(reason) => format!("closed: {reason}"),
                None => panic!("{error}"),
            },
        }
    }

    pub(crate) async fn hears(&self, packet: &str) {
        assert_eq!(self.next().await, packet);
    }

    /// Returns the next packet if it has come.
    pub(crate) fn hear_one(&self) -> Option<String> {
        let mut arrived = self.arrived.borrow_mut();
        arrived.extend(self.connection.take_raw().iter().map(text));
        arrived.pop_front()
    }

    /// Returns all packets that have come.
    pub(crate) fn heard(&self) -> Vec<String> {
        std::iter::from_fn(|| self.hear_one()).collect()
    }

    pub(crate) fn lose(&self, reason: DisconnectReason) {
        self.connection.drop_connection(reason);
    }

    pub(crate) fn closed(&self) -> Option<DisconnectReason> {
        self.connection.close_reason()
    }
}

fn text(packet: &RawPacket) -> String {
    packet.text.clone()
}
