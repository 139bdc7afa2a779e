use std::{collections::VecDeque, mem};

use crate::socket::{
    error::ProtocolError,
    event::{Event, Slot},
    limits::Limits,
    reassembly::Reassembly,
};

/// What is in hand and not yet public; most connections have nothing most of the time.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Events to be polled.
    pub(super) queue: VecDeque<Event>,
    /// The packet that waits for attachments.
    pub(super) reassembly: Option<Reassembly>,
    /// Packets of pending namespaces, in the order of arrival.
    held: VecDeque<Event>,
    held_bytes: usize,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.reassembly.is_none() && self.held.is_empty()
    }

    /// Keeps a packet until its namespace has answered.
    pub(super) fn hold(&mut self, mut event: Event, limits: &Limits) -> Result<(), ProtocolError> {
        let bytes = self.held_bytes.saturating_add(weight(&event));
        if self.held.len() >= limits.max_held_packets() || bytes > limits.max_held_bytes() {
            return Err(ProtocolError::TooManyHeld);
        }
        self.held_bytes = bytes;
        event.detach();
        self.held.push_back(event);
        Ok(())
    }

    /// Takes out what was held for a namespace.
    pub(super) fn release(&mut self, slot: Slot) -> VecDeque<Event> {
        let held = mem::take(&mut self.held).into_iter();
        let (released, kept) = held.partition(|event| event.slot() == Some(slot));
        self.held = kept;
        self.held_bytes = self.held.iter().map(weight).sum();
        released
    }

    /// Keeps for another slot of the same namespace what was released and not used, and what
    /// is still being put together.
    pub(super) fn hold_again(&mut self, old: Slot, new: Slot, events: impl Iterator<Item = Event>) {
        for mut event in events {
            event.set_slot(new);
            self.held_bytes = self.held_bytes.saturating_add(weight(&event));
            self.held.push_back(event);
        }
        if let Some(reassembly) = &mut self.reassembly
            && reassembly.slot == old
        {
            reassembly.set_slot(new);
        }
    }

    /// Drops all that is not public yet.
    pub(super) fn forget_packets(&mut self) {
        self.reassembly = None;
        self.held = VecDeque::new();
        self.held_bytes = 0;
    }
}

/// The bytes that keeping an event keeps.
fn weight(event: &Event) -> usize {
    match event {
        Event::Connect { auth, .. } => auth.as_ref().map_or(0, |auth| auth.len()),
        Event::Event { packet, .. } => packet.args.weight(),
        Event::Ack { args, .. } => args.weight(),
        Event::ConnectRefused { .. } | Event::Disconnect { .. } => 0,
    }
}
