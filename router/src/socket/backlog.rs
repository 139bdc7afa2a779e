use std::collections::VecDeque;

use sockeye_protocol::socket::EventPacket;

/// Events that wait for the one that is being handled.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    packets: VecDeque<EventPacket>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn push_back(&mut self, packet: EventPacket) {
        // What it was read with would otherwise wait, too.
        let packet = packet.detached();
        self.bytes += packet.args.byte_len();
        self.packets.push_back(packet);
    }

    /// Puts back what was taken.
    pub(super) fn push_front(&mut self, packet: EventPacket) {
        self.bytes += packet.args.byte_len();
        self.packets.push_front(packet);
    }

    pub(super) fn pop_front(&mut self) -> Option<EventPacket> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.args.byte_len();
        Some(packet)
    }

    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
