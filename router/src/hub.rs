use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    BuildError, DisconnectReason, Namespace, NamespaceRef, RouterConfig,
    courier::{CloseClients, CourierHandle, CourierId, Stop},
    error::is_reserved,
    extract::Need,
    namespace::NamespaceInner,
    state::StateMap,
};

/// All namespaces of one Socket.IO server, and the threads that its sockets live on.
///
/// A handle: cloning is cheap, every clone is the same hub, and it works from any thread. A
/// transport creates a [`Client`](crate::Client) for each connection; everything else reaches
/// sockets through [`Hub::of`].
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<HubInner>);

pub(crate) struct HubInner {
    /// Tells hubs apart, as a thread may serve several.
    pub(crate) id: u64,
    pub(crate) config: RouterConfig,
    pub(crate) state: StateMap,
    pub(crate) couriers: Couriers,
    pub(crate) stats: Counters,
    namespaces: HashMap<String, Arc<NamespaceInner>>,
}

impl Hub {
    /// Starts the description of a hub.
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    /// Returns a namespace by its exact name, or `None` if there is none of that name.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Option<NamespaceRef> {
        let inner = self.0.namespaces.get(namespace)?;
        Some(NamespaceRef::new(self.clone(), inner.clone()))
    }

    /// Returns every namespace.
    pub fn namespaces(&self) -> impl Iterator<Item = NamespaceRef> {
        self.0
            .namespaces
            .values()
            .map(|inner| NamespaceRef::new(self.clone(), inner.clone()))
    }

    /// Closes every client with [`DisconnectReason::ServerShuttingDown`].
    ///
    /// Returns at once; each thread closes its clients in batches, and what is queued for a
    /// client still goes out. No `disconnect` packet is sent, so clients try to come back.
    pub fn close(&self) {
        for courier in self.0.couriers.all() {
            courier.addr.do_send(CloseClients {
                reason: DisconnectReason::ServerShuttingDown,
            });
        }
    }

    /// Returns how many objects of each kind are alive.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.0.stats;
        Stats {
            clients: counters.clients.load(Ordering::Relaxed),
            sockets: counters.sockets.load(Ordering::Relaxed),
            pending_acks: counters.pending_acks.load(Ordering::Relaxed),
            rooms: self
                .0
                .namespaces
                .values()
                .map(|namespace| namespace.directory.room_names().len())
                .sum(),
        }
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Arc<NamespaceInner>> {
        self.0.namespaces.get(name)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("namespaces", &self.0.namespaces.keys())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Drop for HubInner {
    fn drop(&mut self) {
        for courier in self.couriers.all() {
            courier.addr.do_send(Stop);
        }
    }
}

/// How many objects of each kind a hub has alive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections.
    pub clients: usize,
    /// Sockets, connected or being admitted.
    pub sockets: usize,
    /// Rooms with members, sockets' own not counted.
    pub rooms: usize,
    /// Acks that the server waits for.
    pub pending_acks: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) clients: AtomicUsize,
    pub(crate) sockets: AtomicUsize,
    pub(crate) pending_acks: AtomicUsize,
}

/// The couriers of a hub, one for each thread that has or had a client of it.
#[derive(Default)]
pub(crate) struct Couriers {
    handles: RwLock<Vec<Option<CourierHandle>>>,
}

impl Couriers {
    /// Takes the next id; its courier is unknown to others until it is filled in.
    pub(crate) fn reserve(&self) -> CourierId {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        // A thread that has ended leaves a place.
        let ended = |handle: &Option<CourierHandle>| {
            handle
                .as_ref()
                .is_some_and(|handle| !handle.addr.connected())
        };
        if let Some(at) = handles.iter().position(ended) {
            handles[at] = None;
            return CourierId(at);
        }
        handles.push(None);
        CourierId(handles.len() - 1)
    }

    pub(crate) fn fill(&self, handle: CourierHandle) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        let at = handle.id.0;
        handles[at] = Some(handle);
    }

    pub(crate) fn get(&self, id: CourierId) -> Option<CourierHandle> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.get(id.0)?.clone()
    }

    pub(crate) fn all(&self) -> Vec<CourierHandle> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.iter().flatten().cloned().collect()
    }
}

/// Describes a [`Hub`]; every mistake is reported by [`HubBuilder::build`].
#[derive(Default)]
#[must_use = "a hub exists only after `build`"]
pub struct HubBuilder {
    config: RouterConfig,
    state: StateMap,
    namespaces: Vec<Namespace>,
}

impl HubBuilder {
    /// Sets the bounds and times.
    pub fn config(mut self, config: RouterConfig) -> Self {
        self.config = config;
        self
    }

    /// Shares a value with every handler, which gets it as [`State<T>`](crate::State).
    ///
    /// There is one value of each type; a second one replaces the first.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// Adds a namespace.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespaces.push(namespace);
        self
    }

    /// Builds the hub. It starts nothing: each thread's part starts with its first client.
    ///
    /// # Errors
    ///
    /// Names the first namespace, event or setting that can't be.
    pub fn build(self) -> Result<Hub, BuildError> {
        self.config.validate()?;
        let mut namespaces = HashMap::new();
        for namespace in self.namespaces {
            let name = namespace.name().to_owned();
            validate_name(&name, self.config.limits.max_name_len())?;
            if let Some(event) = namespace.events().find(|event| is_reserved(event)) {
                return Err(BuildError::ReservedEvent {
                    namespace: name,
                    event: event.to_owned(),
                });
            }
            for need in namespace.needs() {
                let met = match need {
                    Need::State(type_id, _) => self.state.contains(*type_id),
                    Need::Auth => namespace.has_auth(),
                };
                if !met {
                    return Err(missing(name, *need));
                }
            }
            let inner = Arc::new(NamespaceInner::new(
                name.clone(),
                Arc::new(namespace.into_spec()),
            ));
            if namespaces.insert(name.clone(), inner).is_some() {
                return Err(BuildError::DuplicateNamespace(name));
            }
        }
        Ok(Hub(Arc::new(HubInner {
            id: NEXT_HUB.fetch_add(1, Ordering::Relaxed),
            config: self.config,
            state: self.state,
            couriers: Couriers::default(),
            stats: Counters::default(),
            namespaces,
        })))
    }
}

impl fmt::Debug for HubBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubBuilder")
            .field("config", &self.config)
            .field("namespaces", &self.namespaces)
            .finish_non_exhaustive()
    }
}

fn missing(namespace: String, need: Need) -> BuildError {
    match need {
        Need::State(_, type_name) => BuildError::MissingState {
            namespace,
            type_name,
        },
        Need::Auth => BuildError::MissingAuth { namespace },
    }
}

fn validate_name(name: &str, max_len: usize) -> Result<(), BuildError> {
    let valid = name.starts_with('/')
        && name.len() <= max_len
        && !name.contains(',')
        && !name.chars().any(char::is_control);
    if valid {
        Ok(())
    } else {
        Err(BuildError::InvalidNamespace(name.to_owned()))
    }
}

static NEXT_HUB: AtomicU64 = AtomicU64::new(1);
