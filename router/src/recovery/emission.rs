//! Events of a namespace with recovery, from the emit to the queues of the sockets.

use std::{hash::BuildHasher as _, rc::Rc, sync::Arc};

use sockeye_protocol::{Sid, socket::RawArgs};
use tokio::sync::oneshot;

use super::{
    Recoverer,
    recoverer::{Books, CatchUp},
};
use crate::{
    DisconnectReason, EmitError, Identity, NamespaceRef, Selector, SocketRef,
    courier::{CourierHandle, Local},
    namespace::NamespaceInner,
    outgoing::{Outgoing, OutgoingEvent},
    socket::SocketCell,
};

/// An event as every thread gets it.
pub(super) struct Packet {
    pub(super) number: u64,
    /// On whose account it takes up room in the log; nobody's where the server itself has sent it.
    pub(super) sender: Option<u64>,
    /// Whether it is in the log; a volatile one only keeps its place among those that are.
    pub(super) is_logged: bool,
    pub(super) outgoing: Outgoing,
    pub(super) audience: Audience,
}

pub(super) enum Audience {
    Socket { key: usize, id: Sid },
    Selected(Selector),
}

/// What is to become a packet.
struct Draft<'a> {
    event: &'a OutgoingEvent,
    outgoing: &'a Outgoing,
    is_logged: bool,
    audience: Audience,
    sender: Option<u64>,
}

/// What waits in the inbox of a thread.
pub(super) struct Item {
    packet: Arc<Packet>,
    /// Gets the number of sockets that the packet was for.
    reply: Option<oneshot::Sender<usize>>,
}

/// Who hears how many sockets of each thread a packet was for.
pub(crate) type Replies<'a> = Option<&'a mut Vec<oneshot::Receiver<usize>>>;

impl Recoverer {
    /// Emits to one socket.
    pub(crate) fn emit_to(
        &self,
        socket: &SocketRef,
        outgoing: &Outgoing,
        volatile: bool,
    ) -> Result<(), EmitError> {
        if socket.is_closed() {
            return Err(EmitError::Closed);
        }
        let audience = Audience::Socket {
            key: socket.key(),
            id: socket.id(),
        };
        let courier = || vec![socket.courier().clone()];
        let namespace = socket.namespace();
        self.emit(namespace, outgoing, volatile, audience, courier, None)
    }

    /// Emits to the selected sockets, which `couriers` finds.
    pub(crate) fn broadcast(
        &self,
        namespace: &NamespaceRef,
        outgoing: &Outgoing,
        volatile: bool,
        selector: &Selector,
        couriers: impl FnOnce() -> Vec<CourierHandle>,
        replies: Replies<'_>,
    ) -> Result<(), EmitError> {
        let audience = Audience::Selected(selector.clone());
        self.emit(namespace, outgoing, volatile, audience, couriers, replies)
    }

    fn emit(
        &self,
        namespace: &NamespaceRef,
        outgoing: &Outgoing,
        volatile: bool,
        audience: Audience,
        couriers: impl FnOnce() -> Vec<CourierHandle>,
        mut replies: Replies<'_>,
    ) -> Result<(), EmitError> {
        let Some(event) = &outgoing.event else {
            return Ok(());
        };
        let inner = namespace.inner();
        let here = Local::find(namespace.hub().0.id);
        let bound = namespace.hub().0.config.courier_mailbox;
        let sender = self.sender(inner, &audience);
        let publish = |books: &mut Books| {
            let mut couriers = couriers();
            let before = couriers.len();
            couriers.retain(|courier| {
                here.as_ref()
                    .is_none_or(|here| here.handle.id != courier.id)
            });
            let is_for_here = couriers.len() < before;
            books.find_room(&mut couriers, bound)?;
            let packet = Draft {
                event,
                outgoing,
                is_logged: !volatile,
                audience,
                sender,
            };
            let packet = self.record(books, inner, packet)?;
            for courier in couriers {
                let reply = replies.as_deref_mut().map(expect_reply);
                let packet = packet.clone();
                books.hand_over(&courier, inner, Item { packet, reply });
            }
            Ok::<_, EmitError>((packet, is_for_here))
        };
        let (packet, is_for_here) = match &here {
            Some(local) => self.at_rest(local, inner, publish),
            None => self.with(publish),
        }?;
        let Some(local) = here.filter(|_| is_for_here) else {
            return Ok(());
        };
        let mut aftermath = Aftermath::default();
        let delivered = aftermath.deliver(&local, inner, &packet);
        aftermath.settle();
        if delivered.is_err() {
            // The emitter is told that nothing was sent, so nothing may be sent later.
            drop(self.with(|books| packet.is_logged.then(|| books.take_back(&packet))));
        }
        if let Some(replies) = replies {
            // The receiver is held by the caller of this very call.
            let _ = expect_reply(replies).send(delivered.as_ref().copied().unwrap_or(0));
        }
        delivered.map(|_| ())
    }

    /// Returns on whose account an event takes up room in the log: its sender's, which is known of
    /// broadcasts by a socket; or its receiver's, where there is but one. Sockets of one user count
    /// together.
    fn sender(&self, namespace: &NamespaceInner, audience: &Audience) -> Option<u64> {
        let id = match audience {
            Audience::Socket { id, .. } => *id,
            Audience::Selected(selector) => selector.sender?,
        };
        let socket = namespace.directory.socket(&id);
        let identity = socket.and_then(|socket| socket.identity());
        let subject = identity.as_ref().map(Identity::subject);
        Some(match subject.filter(|subject| !subject.is_empty()) {
            Some(subject) => self.senders.hash_one(subject),
            None => self.senders.hash_one(id),
        })
    }

    /// Gives an event its place in the log.
    fn record(
        &self,
        books: &mut Books,
        namespace: &NamespaceInner,
        draft: Draft<'_>,
    ) -> Result<Arc<Packet>, EmitError> {
        let Draft {
            event,
            outgoing,
            is_logged,
            audience,
            sender,
        } = draft;
        let number = books.log.head() + u64::from(is_logged);
        // A client takes a text at the end of any event for an offset: so a volatile one with such
        // an end says as well how far the client has come.
        let offset = (is_logged || ends_in_text(event.args())).then(|| self.offsets.write(number));
        let packet = Arc::new(Packet {
            number,
            sender,
            is_logged,
            outgoing: outgoing.at(namespace, event, offset.as_deref())?,
            audience,
        });
        if is_logged {
            books.keep(packet.clone(), self.settings.max_bytes / SHARES);
        }
        Ok(packet)
    }
}

impl Books {
    /// Makes sure that every thread can take one more, as an event that is in the log must reach
    /// all of them or none. Threads that have ended are left out.
    fn find_room(
        &mut self,
        couriers: &mut Vec<CourierHandle>,
        bound: usize,
    ) -> Result<(), EmitError> {
        couriers.retain(|courier| {
            let is_alive = courier.addr.connected();
            if !is_alive {
                self.inboxes.remove(&courier.id);
            }
            is_alive
        });
        let is_full = |courier: &CourierHandle| {
            let inbox = self.inboxes.get(&courier.id);
            inbox.is_some_and(|inbox| inbox.len() >= bound)
        };
        if couriers.iter().any(is_full) {
            return Err(EmitError::QueueFull);
        }
        Ok(())
    }

    fn hand_over(&mut self, courier: &CourierHandle, namespace: &Arc<NamespaceInner>, item: Item) {
        let inbox = self.inboxes.entry(courier.id).or_default();
        if inbox.is_empty() {
            courier.post(CatchUp {
                namespace: namespace.clone(),
            });
        }
        inbox.push_back(item);
    }
}

impl Packet {
    /// What it costs to keep.
    pub(super) fn bytes(&self) -> usize {
        let rooms = match &self.audience {
            Audience::Socket { .. } => 0,
            Audience::Selected(selector) => {
                let names = selector.rooms.iter().chain(&selector.except);
                names.map(|name| name.len() + ROOM_COST).sum()
            }
        };
        size_of::<Self>() + PACKET_COST + rooms + self.outgoing.packet.byte_len()
    }
}

fn expect_reply(replies: &mut Vec<oneshot::Receiver<usize>>) -> oneshot::Sender<usize> {
    let (sender, receiver) = oneshot::channel();
    replies.push(receiver);
    sender
}

fn ends_in_text(args: &RawArgs) -> bool {
    // The event's name is the last where there are no arguments.
    args.iter().last().is_none_or(|last| last.starts_with('"'))
}

/// Delivers what has waited in the inbox of this thread.
pub(super) fn deliver(
    local: &Local,
    namespace: &Arc<NamespaceInner>,
    items: impl IntoIterator<Item = Item>,
) {
    let mut aftermath = Aftermath::default();
    for Item { packet, reply } in items {
        let delivered = aftermath.deliver(local, namespace, &packet);
        if let (Err(EmitError::QueueFull), Audience::Socket { key, id }) =
            (&delivered, &packet.audience)
        {
            // The emitter is on another thread and can't be told any more.
            aftermath.slow.extend(local.socket(*key, *id));
        }
        if let Some(reply) = reply {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(delivered.unwrap_or(0));
        }
    }
    aftermath.settle();
}

/// What has to wait until all packets are queued, as it may run handlers, which may emit.
#[derive(Default)]
struct Aftermath {
    shown: Vec<(Rc<SocketCell>, Arc<Packet>)>,
    slow: Vec<Rc<SocketCell>>,
}

impl Aftermath {
    /// Queues a packet at the sockets of this thread that it is for, and counts them.
    fn deliver(
        &mut self,
        local: &Local,
        namespace: &Arc<NamespaceInner>,
        packet: &Arc<Packet>,
    ) -> Result<usize, EmitError> {
        match &packet.audience {
            Audience::Socket { key, id } => {
                let cell = local.socket(*key, *id).ok_or(EmitError::Closed)?;
                self.queue(cell, packet)?;
                Ok(1)
            }
            Audience::Selected(selector) => {
                let cells = local.select(namespace, selector);
                let count = cells.len();
                for cell in cells {
                    if let Err(EmitError::QueueFull) = self.queue(cell.clone(), packet) {
                        self.slow.push(cell);
                    }
                }
                Ok(count)
            }
        }
    }

    fn queue(&mut self, cell: Rc<SocketCell>, packet: &Arc<Packet>) -> Result<(), EmitError> {
        if packet.is_logged {
            if !cell.notes(packet.number) {
                return Ok(());
            }
            cell.queue(&packet.outgoing)?;
        } else {
            cell.queue_volatile(&packet.outgoing);
        }
        if packet.outgoing.event.is_some() && cell.is_connected() {
            self.shown.push((cell, packet.clone()));
        }
        Ok(())
    }

    fn settle(self) {
        for (cell, packet) in self.shown {
            cell.show(&packet.outgoing);
        }
        for cell in self.slow {
            cell.client().close(DisconnectReason::SlowConsumer);
        }
    }
}

/// What part of the log the events of one sender may take.
const SHARES: usize = 8;
/// Roughly what an entry costs beside its packet.
const PACKET_COST: usize = 80;
/// Roughly what a room in a selector costs beside its name.
const ROOM_COST: usize = 16;
