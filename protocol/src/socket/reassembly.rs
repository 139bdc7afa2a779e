use std::time::Instant;

use bytes::Bytes;

use super::{
    args::RawArgs,
    error::DecodeError,
    event::{Event, Slot},
    limits::Limits,
};
use crate::{attachments::apart, queue::Queue};

/// A packet that waits for its attachments.
#[derive(Debug)]
pub(super) struct Reassembly {
    /// Whose packet it is, if the session is still there when it is complete.
    pub(super) slot: Slot,
    pub(super) deadline: Option<Instant>,
    /// The packet but for its attachments; nothing if it is of no use, as an ack without an
    /// id is, but has attachments all the same.
    packet: Option<Event>,
    due: usize,
    attachments: Queue<Bytes>,
    room: usize,
}

impl Reassembly {
    pub(super) fn new(
        slot: Slot,
        packet: Option<Event>,
        due: usize,
        text_len: usize,
        limits: &Limits,
        now: Instant,
    ) -> Result<Self, DecodeError> {
        let room = limits.max_packet_bytes().checked_sub(text_len);
        Ok(Self {
            slot,
            deadline: now.checked_add(limits.reassembly_timeout()),
            packet,
            due,
            attachments: Queue::default(),
            room: room.ok_or(DecodeError::TooLarge)?,
        })
    }

    /// Gives the packet to another slot of its namespace.
    pub(super) fn set_slot(&mut self, slot: Slot) {
        self.slot = slot;
        if let Some(packet) = &mut self.packet {
            packet.set_slot(slot);
        }
    }

    /// Takes an attachment; returns whether it was the last.
    pub(super) fn add(&mut self, data: Bytes) -> Result<bool, DecodeError> {
        let room = self.room.checked_sub(data.len());
        self.room = room.ok_or(DecodeError::TooLarge)?;
        let is_last = self.attachments.len() + 1 >= self.due;
        let data = if is_last { data } else { apart(data) };
        self.attachments.push_back(data);
        Ok(is_last)
    }

    /// Puts the attachments into the packet.
    pub(super) fn finish(mut self) -> Result<Option<Event>, DecodeError> {
        if let Some(args) = self.packet.as_mut().and_then(args_mut) {
            args.attach(self.attachments.into())?;
        }
        Ok(self.packet)
    }
}

fn args_mut(event: &mut Event) -> Option<&mut RawArgs> {
    match event {
        Event::Event { packet, .. } => Some(&mut packet.args),
        Event::Ack { args, .. } => Some(args),
        Event::Connect { .. } | Event::ConnectRefused { .. } | Event::Disconnect { .. } => None,
    }
}
