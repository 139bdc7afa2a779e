use std::{sync::Arc, time::Duration};

use serde::Serialize;
use sockeye_protocol::{Sid, socket::RawArgs};
use tokio::sync::oneshot;

use crate::{
    Completion, EmitError, IntoRooms, NamespaceRef, Selector,
    auth::AUTHENTICATED_ROOM,
    cluster::Content,
    courier::{CourierHandle, Deliver, Flags, Local, Perform, Target},
    outgoing::Outgoing,
    socket::Operation,
};

/// Chooses who receives a broadcast, and how.
///
/// Every method returns a new operator, so one can be kept and used again. Rooms add up, a
/// socket in several of them gets one copy, and exceptions win. The packet is encoded once,
/// however many receive it.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `emit`"]
pub struct BroadcastOperator {
    namespace: NamespaceRef,
    selector: Selector,
    flags: Flags,
    compress: bool,
    timeout: Option<Duration>,
    local: bool,
}

impl BroadcastOperator {
    pub(crate) fn new(namespace: NamespaceRef) -> Self {
        Self {
            namespace,
            selector: Selector::default(),
            flags: Flags::default(),
            compress: true,
            timeout: None,
            local: false,
        }
    }

    /// Starts from what was chosen elsewhere.
    pub(crate) fn selecting(namespace: NamespaceRef, selector: Selector, flags: Flags) -> Self {
        Self {
            selector,
            flags,
            ..Self::new(namespace)
        }
    }

    /// Returns the same choice for another namespace.
    pub(crate) fn of(&self, namespace: NamespaceRef) -> Self {
        Self {
            namespace,
            ..self.clone()
        }
    }

    pub(crate) fn without_sender(mut self, sender: Sid) -> Self {
        self.selector.sender = Some(sender);
        self
    }

    /// Adds rooms whose members receive it. A socket's id is a room of its own.
    ///
    /// An empty list adds none; with no room at all, every socket of the namespace is meant.
    pub fn to(mut self, rooms: impl IntoRooms) -> Self {
        self.selector.rooms.extend(rooms.into_rooms());
        self
    }

    /// Does the same as [`BroadcastOperator::to`].
    pub fn within(self, rooms: impl IntoRooms) -> Self {
        self.to(rooms)
    }

    /// Leaves out the members of these rooms.
    pub fn except(mut self, rooms: impl IntoRooms) -> Self {
        self.selector.except.extend(rooms.into_rooms());
        self
    }

    /// Leaves out sockets which are not authenticated.
    pub fn authenticated(mut self) -> Self {
        self.selector.authenticated = true;
        self
    }

    /// Stays on this node: sockets of other nodes are not selected.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Lets a socket drop the packet when its transport can't take it at once.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Sets whether the packet is worth compressing, where its transport compresses at all; it is
    /// by default.
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Sets how long answers are waited for.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Emits an event: a tuple is the list of arguments, anything else is one argument.
    ///
    /// When it returns, the packet is queued at every selected socket of this thread and handed
    /// to every other thread that has some, in the order of the caller's calls. A socket whose
    /// queue is full is disconnected as a slow consumer; the others never wait for it.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded or the name is reserved, nothing is sent. With
    /// [`EmitError::QueueFull`], a thread has fallen behind and its sockets get nothing. With
    /// [`EmitError::Adapter`], other nodes may not get it; the sockets of this one have it.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        if self.port().is_some() {
            return self.emit_raw(event, &RawArgs::encode(args)?);
        }
        self.send(self.encode(event, args)?, None)
    }

    /// Emits an event with arguments as they were received, attachments included.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit_raw(&self, event: &str, args: &RawArgs) -> Result<(), EmitError> {
        let outgoing = self.encode_raw(event, args)?;
        let published = self.publish(event, args);
        self.send(outgoing, None).and(published)
    }

    /// Emits an event and returns for how many sockets of this process it was, once every thread has
    /// queued it. Sockets of other nodes get it too, uncounted.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub async fn emit_counted<T: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &T,
    ) -> Result<usize, EmitError> {
        if self.port().is_some() {
            let args = RawArgs::encode(args)?;
            return self.emit_raw_counted(event, &args)?.await;
        }
        self.start(self.encode(event, args)?, Ok(())).await
    }

    /// Emits an event with arguments as they are and, when awaited, returns for how many sockets of
    /// this process it was.
    ///
    /// It is queued, or handed to other threads, before this returns.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`]: at once when nothing is sent, else by the future.
    pub fn emit_raw_counted(
        &self,
        event: &str,
        args: &RawArgs,
    ) -> Result<impl Future<Output = Result<usize, EmitError>> + use<>, EmitError> {
        let outgoing = self.encode_raw(event, args)?;
        let published = self.publish(event, args);
        Ok(self.start(outgoing, published))
    }

    fn start(
        &self,
        outgoing: Outgoing,
        published: Result<(), EmitError>,
    ) -> impl Future<Output = Result<usize, EmitError>> + use<> {
        let mut replies = Vec::new();
        let sent = self.send(outgoing, Some(&mut replies)).and(published);
        async move {
            let mut count = 0;
            for reply in replies {
                // A thread that ended had no sockets left.
                count += reply.await.unwrap_or(0);
            }
            sent.map(|()| count)
        }
    }

    /// Returns how many connected sockets of this process are selected.
    pub async fn count(&self) -> usize {
        self.socket_ids().await.len()
    }

    /// Returns the ids of the selected sockets of this process, in no particular order.
    pub async fn socket_ids(&self) -> Vec<Sid> {
        let mut ids = Vec::new();
        let (sender, mut found) = tokio::sync::mpsc::unbounded_channel();
        self.perform(Operation::Report { to: sender }).await;
        while let Ok(id) = found.try_recv() {
            ids.push(id);
        }
        ids
    }

    /// Makes the selected sockets join rooms.
    ///
    /// Awaiting it waits for the sockets of this node; other nodes are told, which is all.
    pub fn join(&self, rooms: impl IntoRooms) -> Completion {
        let rooms = rooms.into_rooms();
        self.tell(|options| Content::Join {
            options,
            rooms: rooms.clone(),
        });
        self.perform(Operation::Join { rooms })
    }

    /// Makes the selected sockets leave rooms.
    pub fn leave(&self, rooms: impl IntoRooms) -> Completion {
        let rooms = rooms.into_rooms();
        self.tell(|options| Content::Leave {
            options,
            rooms: rooms.clone(),
        });
        self.perform(Operation::Leave { rooms })
    }

    /// Disconnects the selected sockets; with `close`, their connections too.
    pub fn disconnect(&self, close: bool) -> Completion {
        self.tell(|options| Content::Disconnect { options, close });
        self.perform(Operation::Disconnect { close })
    }

    pub(crate) fn namespace(&self) -> &NamespaceRef {
        &self.namespace
    }

    pub(crate) fn is_local(&self) -> bool {
        self.local
    }

    pub(crate) fn is_volatile(&self) -> bool {
        self.flags.volatile
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.compress
    }

    pub(crate) fn chosen_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    pub(crate) fn ack_timeout(&self) -> Duration {
        let default = self.namespace.hub().0.config.ack_timeout;
        self.timeout.unwrap_or(default)
    }

    fn encode<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<Outgoing, EmitError> {
        let outgoing = Outgoing::event(self.namespace.inner(), None, event, args)?;
        Ok(outgoing.with_compression(self.compress))
    }

    fn encode_raw(&self, event: &str, args: &RawArgs) -> Result<Outgoing, EmitError> {
        let outgoing = Outgoing::event_raw(self.namespace.inner(), None, event, args)?;
        Ok(outgoing.with_compression(self.compress))
    }

    fn send(
        &self,
        outgoing: Outgoing,
        mut replies: Option<&mut Vec<oneshot::Receiver<usize>>>,
    ) -> Result<(), EmitError> {
        let selector = self.effective_selector();
        let namespace = self.namespace.inner();
        if let Some(recoverer) = namespace.recovery_of(&outgoing) {
            let couriers = || self.couriers(&selector);
            let volatile = self.flags.volatile;
            return recoverer.broadcast(
                &self.namespace,
                &outgoing,
                volatile,
                &selector,
                couriers,
                replies,
            );
        }
        let mut shared = None;
        let mut result = Ok(());
        for target in self.targets(&selector) {
            let reply = replies.as_deref_mut().map(|replies| {
                let (sender, receiver) = oneshot::channel();
                replies.push(receiver);
                sender
            });
            match target {
                Reach::Here(local) => {
                    let count = local.deliver(namespace, &selector, &outgoing, self.flags);
                    // The receiver is held by the caller of this very call.
                    let _ = reply.map(|reply| reply.send(count));
                }
                Reach::There(courier) => {
                    let selector = shared.get_or_insert_with(|| Arc::new(selector.clone()));
                    let sent = courier.deliver(Deliver {
                        namespace: namespace.clone(),
                        selector: selector.clone(),
                        outgoing: outgoing.clone(),
                        flags: self.flags,
                        reply,
                    });
                    result = result.and(sent);
                }
            }
        }
        result
    }

    fn perform(&self, operation: Operation) -> Completion {
        let selector = Arc::new(self.effective_selector());
        let mut waits = Vec::new();
        for target in self.targets(&selector) {
            let Some(operation) = operation.for_many() else {
                continue;
            };
            let selected = Target::Selected {
                namespace: self.namespace.inner().clone(),
                selector: selector.clone(),
            };
            match target {
                Reach::Here(local) => local.perform(&selected, operation),
                Reach::There(courier) => {
                    let (done, wait) = oneshot::channel();
                    waits.push(wait);
                    courier.post(Perform {
                        target: selected,
                        operation,
                        done: Some(done),
                    });
                }
            }
        }
        Completion::waiting_for(waits)
    }

    /// Authenticated sockets are members of a room of their own, which saves looking at all the
    /// others where no other room is named.
    pub(crate) fn effective_selector(&self) -> Selector {
        let mut selector = self.selector.clone();
        if selector.authenticated && selector.rooms.is_empty() {
            selector.rooms.push(AUTHENTICATED_ROOM.into());
        }
        selector
    }

    /// Returns the threads that have selected sockets: this one directly, others by courier.
    pub(crate) fn targets(&self, selector: &Selector) -> Vec<Reach> {
        let here = Local::find(self.namespace.hub().0.id);
        if let Some(local) = &here {
            local.catch_up();
        }
        let reach = |courier: CourierHandle| match &here {
            Some(local) if local.handle.id == courier.id => Reach::Here(local.clone()),
            _ => Reach::There(courier),
        };
        self.couriers(selector).into_iter().map(reach).collect()
    }

    fn couriers(&self, selector: &Selector) -> Vec<CourierHandle> {
        let hub = &self.namespace.hub().0;
        if selector.rooms.is_empty() {
            return hub.couriers.all();
        }
        let mut ids = Vec::new();
        let directory = &self.namespace.inner().directory;
        for room in &selector.rooms {
            directory.couriers_of(room, |id| ids.push(id));
            let socket = room.parse().ok();
            ids.extend(socket.and_then(|id| directory.courier_of(&id)));
        }
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        let handles = ids.into_iter().filter_map(|id| hub.couriers.get(id));
        handles.collect()
    }
}

/// How a thread with selected sockets is reached.
pub(crate) enum Reach {
    Here(std::rc::Rc<Local>),
    There(CourierHandle),
}
