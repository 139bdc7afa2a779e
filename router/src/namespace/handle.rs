use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use actix::{Actor as _, Addr, WeakAddr};
use serde::Serialize;

use super::NamespaceInner;
use crate::{
    BroadcastOperator, EmitError, Hub, IntoRooms, Room, SocketRef,
    cluster::{AdapterError, Port},
    selector::RoomName,
};

/// A namespace of a running hub: where broadcasts start.
///
/// Works from any thread; cloning is cheap.
#[derive(Clone, Debug)]
pub struct NamespaceRef {
    hub: Hub,
    inner: Arc<NamespaceInner>,
}

impl NamespaceRef {
    pub(crate) fn new(hub: Hub, inner: Arc<NamespaceInner>) -> Self {
        Self { hub, inner }
    }

    /// Returns the namespace's name, with its leading `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Selects every socket.
    pub fn broadcast(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.clone())
    }

    /// Selects the members of a room, or of several: each socket once.
    pub fn to(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.broadcast().to(rooms)
    }

    /// Does the same as [`NamespaceRef::to`].
    pub fn within(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Selects every socket but the members of these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.broadcast().except(rooms)
    }

    /// Selects only sockets of this process.
    pub fn local(&self) -> BroadcastOperator {
        self.broadcast().local()
    }

    /// Selects every socket, and lets each drop the packet if its transport is not ready.
    pub fn volatile(&self) -> BroadcastOperator {
        self.broadcast().volatile()
    }

    /// Selects every socket, and sets whether the packet is worth compressing; it is by default.
    pub fn compress(&self, compress: bool) -> BroadcastOperator {
        self.broadcast().compress(compress)
    }

    /// Selects every socket, and sets how long answers are waited for.
    pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
        self.broadcast().timeout(timeout)
    }

    /// Selects every authenticated socket.
    pub fn authenticated(&self) -> BroadcastOperator {
        self.broadcast().authenticated()
    }

    /// Emits to every connected socket, authenticated or not.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.broadcast().emit(event, args)
    }

    /// Emits to every authenticated socket.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit_authenticated<T: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &T,
    ) -> Result<(), EmitError> {
        self.authenticated().emit(event, args)
    }

    /// Returns the connected socket with that id, which may be text or a [`Sid`](crate::Sid).
    #[must_use]
    pub fn socket(&self, id: impl AsRef<str>) -> Option<SocketRef> {
        self.inner.directory.socket(&id.as_ref().parse().ok()?)
    }

    /// Returns every connected socket, in no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<SocketRef> {
        self.inner.directory.sockets()
    }

    /// Returns how many sockets are connected.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.inner.directory.socket_count()
    }

    /// Returns the rooms that have members, sockets' own not counted.
    #[must_use]
    pub fn room_names(&self) -> Vec<RoomName> {
        self.inner.directory.room_names()
    }

    /// Returns the address of a room, members or not.
    ///
    /// The room's actor starts when it is first asked for, on the arbiter of the caller, and stops
    /// when nobody holds its address. The room itself needs no actor to have members, so an idle
    /// room costs nothing beyond them.
    ///
    /// # Panics
    ///
    /// When called outside an actix arbiter.
    #[must_use]
    pub fn room(&self, name: impl Into<RoomName>) -> Addr<Room> {
        let name = name.into();
        let mut rooms = self
            .inner
            .rooms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let running = rooms.get(&name).and_then(WeakAddr::upgrade);
        if let Some(addr) = running.filter(Addr::connected) {
            return addr;
        }
        rooms.retain(|_, addr| addr.upgrade().is_some());
        let addr = Room::new(self.clone(), name.clone()).start();
        rooms.insert(name, addr.downgrade());
        addr
    }

    /// Returns the hub that the namespace is part of.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Returns how many nodes have the namespace, this one included.
    ///
    /// # Errors
    ///
    /// When the transport can't tell.
    pub async fn node_count(&self) -> Result<usize, AdapterError> {
        match self.port() {
            Some(port) => port.node_count().await,
            None => Ok(1),
        }
    }

    /// Returns how other nodes are reached, if the hub is part of a cluster.
    pub(crate) fn port(&self) -> Option<&Arc<Port>> {
        let cluster = self.hub.0.cluster.as_ref()?;
        if cluster.has_left() {
            return None;
        }
        Some(self.inner.port(&self.hub, cluster))
    }

    /// Returns whether a socket of this process is in the room.
    pub(crate) fn has_members(&self, room: &str) -> bool {
        let directory = &self.inner.directory;
        let mut found = room.parse().is_ok_and(|id| directory.socket(&id).is_some());
        directory.couriers_of(room, |_| found = true);
        found
    }

    pub(crate) fn inner(&self) -> &Arc<NamespaceInner> {
        &self.inner
    }
}
