use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sockeye_protocol::{
    Message,
    socket::{Connection, Event, Limits, RawArgs, Slot},
};

use crate::{
    memory::{FACTOR, bounded},
    script::Script,
};

/// Runs the operations that the bytes spell against one connection and checks what must hold
/// whatever they are.
///
/// Events come only for namespaces that admitted the session, once and in order, with all of
/// their attachments. Nothing exceeds a limit. After a fault or a timeout there is nothing.
pub fn reassembly(data: &[u8]) {
    bounded(data.len(), FACTOR, || run(data));
}

fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::open();
    while let Some(op) = script.byte() {
        world.run(op, &mut script);
        world.drain();
    }
}

struct World {
    connection: Connection,
    now: Instant,
    /// The namespaces of the session.
    entries: BTreeMap<Slot, Entry>,
    /// The number of our next event.
    next: u32,
    dead: bool,
}

#[derive(Default)]
struct Entry {
    admitted: bool,
    /// The number that our next event here has at least.
    next: u32,
}

impl World {
    fn open() -> Self {
        let limits = Limits::default()
            .with_max_attachments(MAX_ATTACHMENTS)
            .with_max_packet_bytes(MAX_BYTES)
            .with_max_namespaces(MAX_NAMESPACES)
            .with_max_held_packets(4)
            .with_reassembly_timeout(100 * MS);
        let now = Instant::now();
        Self {
            connection: Connection::new(Arc::new(limits), 500 * MS, now),
            now,
            entries: BTreeMap::new(),
            next: 0,
            dead: false,
        }
    }

    fn run(&mut self, op: u8, script: &mut Script<'_>) {
        let namespace = NAMESPACES[usize::from(op / 16) % NAMESPACES.len()];
        match op % 16 {
            0 => {
                let text = script.text();
                // Nothing else may look like an event of ours, escaped or not.
                if !text.contains(['\\', '#']) {
                    self.handle(Message::from(text));
                }
            }
            1..=4 => self.handle(Message::from(Bytes::copy_from_slice(script.chunk()))),
            5 => self.handle(Message::from(format!("0{namespace},"))),
            6 => self.handle(Message::from(format!("1{namespace},"))),
            7 => self.event("2", namespace, 0),
            8 => self.event("51-", namespace, 1),
            9 => self.event("53-", namespace, 3),
            10 => self.handle(Message::from(format!("62-{namespace},5[{PLACEHOLDER}]"))),
            11 => {
                if let Some((slot, entry)) = self.pick(script) {
                    entry.admitted = true;
                    self.connection.admit(slot);
                }
            }
            12 => {
                if let Some((slot, entry)) = self.pick(script) {
                    let stays = entry.admitted;
                    self.entries.retain(|other, _| *other != slot || stays);
                    self.connection.refuse(slot);
                }
            }
            13 => {
                if let Some((slot, _)) = self.pick(script) {
                    self.entries.remove(&slot);
                    self.connection.leave(slot);
                }
            }
            14 => self.advance(u32::from(script.byte().unwrap_or_default()) * MS),
            _ => {
                self.connection.close();
                self.dead = true;
            }
        }
    }

    fn pick(&mut self, script: &mut Script<'_>) -> Option<(Slot, &mut Entry)> {
        let at = usize::from(script.byte().unwrap_or_default()) % MAX_NAMESPACES;
        let (slot, entry) = self.entries.iter_mut().nth(at)?;
        Some((*slot, entry))
    }

    fn event(&mut self, head: &str, namespace: &str, attachments: usize) {
        let number = self.next;
        self.next += 1;
        let placeholder = if attachments > 0 { PLACEHOLDER } else { "0" };
        self.handle(Message::from(format!(
            "{head}{namespace},[\"#\",{number},{attachments},{placeholder}]"
        )));
    }

    fn handle(&mut self, message: Message) {
        let handled = self.connection.handle_message(message, self.now);
        assert!(!self.dead || handled.is_ok(), "a fault of the dead");
        self.dead |= handled.is_err();
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        let due = self
            .connection
            .poll_timeout()
            .is_some_and(|at| at <= self.now);
        let expired = self.connection.handle_timeout(self.now);
        assert_eq!(expired.is_some(), due);
        self.dead |= due;
    }

    fn drain(&mut self) {
        let was_dead = self.dead;
        while let Some(event) = self.connection.poll_event() {
            assert!(!was_dead, "{event:?} of the dead");
            match event {
                Event::Connect { slot, .. } => {
                    let taken = self.entries.insert(slot, Entry::default());
                    assert!(taken.is_none(), "{slot:?} is taken");
                }
                Event::ConnectRefused { .. } => {}
                Event::Disconnect { slot } => {
                    let entry = self.entries.remove(&slot);
                    assert!(entry.is_some_and(|entry| entry.admitted), "{slot:?}");
                }
                Event::Event { slot, packet } => {
                    let number = check(&packet.args, packet.name.as_str() == "#");
                    self.check_order(slot, number);
                }
                Event::Ack { slot, args, .. } => {
                    check(&args, false);
                    self.check_order(slot, None);
                }
            }
        }
        if self.dead {
            self.entries.clear();
            assert_eq!(self.connection.poll_timeout(), None);
        }
        assert!(self.entries.len() <= MAX_NAMESPACES);
        let admitted = self.entries.values().filter(|entry| entry.admitted);
        assert_eq!(self.connection.connected_count(), admitted.count());
    }

    fn check_order(&mut self, slot: Slot, number: Option<u32>) {
        let entry = self.entries.get_mut(&slot);
        let entry = entry.filter(|entry| entry.admitted);
        let entry = entry.unwrap_or_else(|| panic!("an event for {slot:?}"));
        if let Some(number) = number {
            assert!(entry.next <= number, "doubled or out of order");
            entry.next = number + 1;
        }
    }
}

/// Checks arguments and returns the number of an event of ours.
fn check(args: &RawArgs, is_ours: bool) -> Option<u32> {
    let attachments = args.attachments();
    assert!(attachments.len() <= MAX_ATTACHMENTS);
    assert!(attachments.iter().map(Bytes::len).sum::<usize>() <= MAX_BYTES);
    is_ours.then(|| {
        let (number, count): (u32, usize) = args.decode().expect("what was sent");
        assert_eq!(attachments.len(), count);
        number
    })
}

const MS: Duration = Duration::from_millis(1);
const MAX_ATTACHMENTS: usize = 3;
const MAX_BYTES: usize = 100;
const MAX_NAMESPACES: usize = 2;
const NAMESPACES: [&str; 3] = ["/", "/a", "/b"];
const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;
