use std::collections::VecDeque;

use bytes::Bytes;
use sockeye_protocol::socket::EventPacket;

use crate::RouterConfig;

/// Events that wait for the one that is being handled, bounded in number and in bytes.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    packets: VecDeque<EventPacket>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn push_back(&mut self, packet: EventPacket) {
        self.bytes += size(&packet);
        self.packets.push_back(packet);
    }

    /// Puts back what was taken.
    pub(super) fn push_front(&mut self, packet: EventPacket) {
        self.bytes += size(&packet);
        self.packets.push_front(packet);
    }

    pub(super) fn pop_front(&mut self) -> Option<EventPacket> {
        let packet = self.packets.pop_front()?;
        self.bytes -= size(&packet);
        Some(packet)
    }

    /// Returns whether so much waits that reading has to stop, where `factor` times as much may
    /// wait as the configuration says.
    pub(super) fn is_full(&self, config: &RouterConfig, factor: usize) -> bool {
        self.packets.len() >= config.inbound_queue.saturating_mul(factor)
            || self.bytes >= config.inbound_bytes.saturating_mul(factor)
    }

    /// Returns whether so little waits that reading may go on.
    pub(super) fn is_half_empty(&self, config: &RouterConfig) -> bool {
        self.packets.len() <= config.inbound_queue / 2 && self.bytes <= config.inbound_bytes / 2
    }
}

fn size(packet: &EventPacket) -> usize {
    let attachments: usize = packet.args.attachments().iter().map(Bytes::len).sum();
    packet.args.elements().len() + attachments
}
