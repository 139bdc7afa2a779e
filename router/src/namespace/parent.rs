use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use serde::Serialize;
use sockeye_protocol::{Sid, socket::RawArgs};

use super::{NamespaceInner, NamespaceRef, Spec, matcher::Rule};
use crate::{BroadcastOperator, Completion, EmitError, Hub, IntoRooms};

/// A dynamic namespace that runs: what its children share, and how they are recognised.
pub(crate) struct Parent {
    pub(crate) label: String,
    pub(crate) rule: Rule,
    pub(crate) spec: Arc<Spec>,
}

/// The namespaces that exist because clients asked for them.
#[derive(Default)]
pub(crate) struct Children {
    entries: RwLock<HashMap<String, Entry>>,
}

struct Entry {
    child: Weak<NamespaceInner>,
    /// Keeps the child when nobody else does, where empty children stay.
    _kept: Option<Arc<NamespaceInner>>,
}

impl Children {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<NamespaceInner>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(name)?.child.upgrade()
    }

    /// Returns the child of that name, and whether it was made just now.
    pub(crate) fn get_or_insert(
        &self,
        name: &str,
        keep: bool,
        make: impl FnOnce() -> NamespaceInner,
    ) -> (Arc<NamespaceInner>, bool) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = entries.get(name).and_then(|entry| entry.child.upgrade()) {
            return (child, false);
        }
        let child = Arc::new(make());
        let entry = Entry {
            child: Arc::downgrade(&child),
            _kept: keep.then(|| child.clone()),
        };
        entries.insert(name.to_owned(), entry);
        (child, true)
    }

    /// Takes a child off that is no more, unless another of its name has come since.
    pub(super) fn forget(&self, name: &str) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        // Not upgraded: dropping what that gives would come back here.
        let gone = |entry: &Entry| entry.child.strong_count() == 0;
        if entries.get(name).is_some_and(gone) {
            entries.remove(name);
        }
        if entries.is_empty() {
            *entries = HashMap::new();
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<NamespaceInner>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let children = entries.values();
        children.filter_map(|entry| entry.child.upgrade()).collect()
    }
}

/// A dynamic namespace of a running hub: where broadcasts to all its children start.
///
/// Works from any thread; cloning is cheap. Get one from [`Hub::parent`].
#[derive(Clone)]
pub struct ParentRef {
    hub: Hub,
    parent: Arc<Parent>,
}

impl ParentRef {
    pub(crate) fn new(hub: Hub, parent: Arc<Parent>) -> Self {
        Self { hub, parent }
    }

    /// Returns what the namespace was described as: its pattern, or its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.parent.label
    }

    /// Returns the namespaces that exist now, in no particular order.
    #[must_use]
    pub fn children(&self) -> Vec<NamespaceRef> {
        let children = self.hub.0.children.all().into_iter();
        children
            .filter(|child| {
                let parent = child.parent.as_ref();
                parent.is_some_and(|parent| Arc::ptr_eq(parent, &self.parent))
            })
            .map(|child| NamespaceRef::new(self.hub.clone(), child))
            .collect()
    }

    /// Selects the members of a room, or of several, in every child: each socket once.
    pub fn to(&self, rooms: impl IntoRooms) -> ParentOperator {
        self.broadcast().to(rooms)
    }

    /// Selects every socket of every child but the members of these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> ParentOperator {
        self.broadcast().except(rooms)
    }

    /// Selects every authenticated socket of every child.
    pub fn authenticated(&self) -> ParentOperator {
        self.broadcast().authenticated()
    }

    /// Selects only sockets of this process.
    pub fn local(&self) -> ParentOperator {
        self.broadcast().local()
    }

    /// Selects every socket of every child, and lets each drop the packet if its transport is not
    /// ready.
    pub fn volatile(&self) -> ParentOperator {
        self.broadcast().volatile()
    }

    /// Sets whether what is emitted next is worth compressing; it is by default.
    pub fn compress(&self, compress: bool) -> ParentOperator {
        self.broadcast().compress(compress)
    }

    /// Emits to every connected socket of every child.
    ///
    /// # Errors
    ///
    /// As [`ParentOperator::emit`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.broadcast().emit(event, args)
    }

    fn broadcast(&self) -> ParentOperator {
        ParentOperator {
            parent: self.clone(),
            choice: self.hub.root().broadcast(),
        }
    }
}

impl fmt::Debug for ParentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ParentRef").field(&self.label()).finish()
    }
}

/// Chooses who receives a broadcast to all children of a dynamic namespace, and how.
///
/// Works as [`BroadcastOperator`] does for one namespace; the arguments are encoded once, and the
/// packet once for each child, as it names its namespace.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `emit`"]
pub struct ParentOperator {
    parent: ParentRef,
    /// What is chosen for each child; its own namespace means nothing.
    choice: BroadcastOperator,
}

impl ParentOperator {
    /// Adds rooms whose members receive it.
    pub fn to(mut self, rooms: impl IntoRooms) -> Self {
        self.choice = self.choice.to(rooms);
        self
    }

    /// Does the same as [`ParentOperator::to`].
    pub fn within(self, rooms: impl IntoRooms) -> Self {
        self.to(rooms)
    }

    /// Leaves out the members of these rooms.
    pub fn except(mut self, rooms: impl IntoRooms) -> Self {
        self.choice = self.choice.except(rooms);
        self
    }

    /// Leaves out sockets which are not authenticated.
    pub fn authenticated(mut self) -> Self {
        self.choice = self.choice.authenticated();
        self
    }

    /// Stays on this process.
    pub fn local(mut self) -> Self {
        self.choice = self.choice.local();
        self
    }

    /// Lets a socket drop the packet when its transport can't take it at once.
    pub fn volatile(mut self) -> Self {
        self.choice = self.choice.volatile();
        self
    }

    /// Sets whether the packet is worth compressing; it is by default.
    pub fn compress(mut self, compress: bool) -> Self {
        self.choice = self.choice.compress(compress);
        self
    }

    /// Emits an event, as [`BroadcastOperator::emit`] does, in every child.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded or the name is reserved, nothing is sent. Otherwise the
    /// first error of a child; the others have been served.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.emit_raw(event, &RawArgs::encode(args)?)
    }

    /// Emits an event with arguments as they were received, attachments included.
    ///
    /// # Errors
    ///
    /// As [`ParentOperator::emit`].
    pub fn emit_raw(&self, event: &str, args: &RawArgs) -> Result<(), EmitError> {
        let mut result = Ok(());
        for child in self.operators() {
            let emitted = child.emit_raw(event, args);
            result = result.and(emitted);
        }
        result
    }

    /// Makes the selected sockets join rooms, each of its own namespace.
    pub fn join(&self, rooms: impl IntoRooms) -> Completion {
        let rooms = rooms.into_rooms();
        Completion::all(self.operators().map(|child| child.join(&rooms)))
    }

    /// Makes the selected sockets leave rooms.
    pub fn leave(&self, rooms: impl IntoRooms) -> Completion {
        let rooms = rooms.into_rooms();
        Completion::all(self.operators().map(|child| child.leave(&rooms)))
    }

    /// Disconnects the selected sockets; with `close`, their connections too.
    pub fn disconnect(&self, close: bool) -> Completion {
        Completion::all(self.operators().map(|child| child.disconnect(close)))
    }

    /// Returns the ids of the selected sockets of this process, in no particular order.
    pub async fn socket_ids(&self) -> Vec<Sid> {
        let mut ids = Vec::new();
        for child in self.operators() {
            ids.extend(child.socket_ids().await);
        }
        ids
    }

    fn operators(&self) -> impl Iterator<Item = BroadcastOperator> {
        let children = self.parent.children().into_iter();
        children.map(|child| self.choice.of(child))
    }
}
