use bytes::Bytes;

use crate::{
    Prepared,
    engine::{EngineConfig, SendError},
    queue::Queue,
    websocket::FrameHeader,
};

/// The outgoing packets of a session, in order.
///
/// A [`Prepared`] enters and leaves as one group, so nothing gets between a text and its
/// attachments. Bytes and packets of groups are bounded; what the session itself adds (the
/// open packet, one ping, a probe's answer) is few by construction and not counted.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    items: Queue<Item>,
    /// What has been taken of the group in front, if anything has.
    begun: Option<Begun>,
    bytes: usize,
    packets: usize,
    ping: bool,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    /// The number of the next chunk, or packet if text only.
    next: usize,
    text_only: bool,
    /// Bytes of the group that still count as queued.
    left: usize,
}

#[derive(Debug)]
enum Item {
    Group(Prepared),
    Ping,
    /// Another engine packet in text form.
    Text(Bytes),
}

impl Outbox {
    /// Queues a group.
    ///
    /// One that is larger than the bounds is accepted while no other group is queued: it
    /// could never be sent otherwise.
    pub(super) fn push(
        &mut self,
        group: Prepared,
        config: &EngineConfig,
    ) -> Result<(), (SendError, Prepared)> {
        let bytes = self.bytes.saturating_add(group.byte_len());
        let packets = self.packets.saturating_add(group.packet_count());
        let within = bytes <= config.send_queue_bytes() && packets <= config.send_queue_packets();
        if !within && (self.bytes, self.packets) != (0, 0) {
            return Err((SendError::QueueFull, group));
        }
        self.bytes = bytes;
        self.packets = packets;
        self.items.push_back(Item::Group(group));
        Ok(())
    }

    pub(super) fn push_text(&mut self, packet: Bytes) {
        self.items.push_back(Item::Text(packet));
    }

    /// Puts a packet in front of everything else. Nothing may have been begun.
    pub(super) fn push_text_first(&mut self, packet: Bytes) {
        self.items.push_front(Item::Text(packet));
    }

    pub(super) fn push_ping(&mut self) {
        self.ping = true;
        self.items.push_back(Item::Ping);
    }

    /// Returns whether a ping waits here: no pong can answer it yet.
    pub(super) fn has_ping(&self) -> bool {
        self.ping
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    /// Takes everything as one polling payload, and returns whether it may be compressed: if
    /// anything in it may.
    pub(super) fn take_payload(&mut self) -> (Bytes, bool) {
        let mut out = Vec::with_capacity(self.bytes.saturating_add(PAYLOAD_ROOM));
        let mut compressible = false;
        for item in std::mem::take(self).items {
            compressible |= match &item {
                Item::Group(group) => group.is_compressible(),
                Item::Ping | Item::Text(_) => true,
            };
            match item {
                Item::Group(group) => group.write_payload(&mut out),
                Item::Ping => write_packet(b"2", &mut out),
                Item::Text(text) => write_packet(&text, &mut out),
            }
        }
        (out.into(), compressible)
    }

    /// Takes the next WebSocket bytes; the chunks of several calls are whole frames.
    ///
    /// Binary messages become `b` and base64 in text frames if `text_only`.
    pub(super) fn take_frame(&mut self, text_only: bool) -> Option<Bytes> {
        if let Item::Group(group) = self.items.front_mut()?
            && group.has_attachments()
        {
            let begun = *self.begun.get_or_insert_with(|| {
                self.packets = self.packets.saturating_sub(group.packet_count());
                Begun {
                    next: 0,
                    text_only,
                    left: group.byte_len(),
                }
            });
            return self.go_on(begun);
        }
        match self.items.pop_front()? {
            Item::Ping => {
                self.ping = false;
                Some(Bytes::from_static(PING_FRAME))
            }
            Item::Text(text) => Some(text_frame(&text)),
            Item::Group(group) => {
                self.packets = self.packets.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(group.byte_len());
                Some(group.into_text_frame())
            }
        }
    }

    /// Takes the next chunk of a group that was begun.
    pub(super) fn take_begun(&mut self) -> Option<Bytes> {
        self.begun.and_then(|begun| self.go_on(begun))
    }

    /// Drops everything but the rest of a group that was begun, which may be in the middle
    /// of a frame.
    pub(super) fn discard(&mut self) {
        self.items.truncate(usize::from(self.begun.is_some()));
        self.bytes = self.begun.map_or(0, |begun| begun.left);
        self.packets = 0;
        self.ping = false;
    }

    /// Takes the next chunk of the group in front.
    fn go_on(&mut self, begun: Begun) -> Option<Bytes> {
        let Item::Group(group) = self.items.front_mut()? else {
            return None;
        };
        let (chunk, next) = if begun.text_only {
            let (packet, next) = (group.text_only_packet(begun.next)?, begun.next + 1);
            (
                text_frame(&packet),
                (next < group.packet_count()).then_some(next),
            )
        } else {
            group.take_websocket_chunk(begun.next)
        };
        let taken = match next {
            Some(_) => chunk.len().min(begun.left),
            None => begun.left,
        };
        self.bytes = self.bytes.saturating_sub(taken);
        self.begun = next.map(|next| Begun {
            next,
            left: begun.left - taken,
            ..begun
        });
        if next.is_none() {
            self.items.pop_front();
        }
        Some(chunk)
    }
}

fn write_packet(packet: &[u8], out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'\x1e');
    }
    out.extend_from_slice(packet);
}

fn text_frame(packet: &[u8]) -> Bytes {
    let header = FrameHeader::text(packet.len());
    [header.as_bytes(), packet].concat().into()
}

const PING_FRAME: &[u8] = b"\x81\x012";
/// Room for separators and the session's own packets.
const PAYLOAD_ROOM: usize = 160;

#[cfg(test)]
mod tests;
