use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix::Arbiter;
use regex::Regex;

use super::{Counters, Hub, HubInner, couriers::Couriers};
use crate::{
    Adapter, BuildError, Namespace, NamespaceRef, RouterConfig,
    cluster::{Cluster, is_reserved_server_event},
    error::is_reserved,
    extract::{Need, Setting},
    namespace::{Children, Matcher, NamespaceInner, Parent, Rule},
    state::StateMap,
};

/// Describes a [`Hub`]; every mistake is reported by [`HubBuilder::build`].
#[derive(Default)]
#[must_use = "a hub exists only after `build`"]
pub struct HubBuilder {
    config: RouterConfig,
    state: StateMap,
    namespaces: Vec<Namespace>,
    new_namespace: Vec<NewNamespaceFn>,
    adapter: Option<Arc<dyn Adapter>>,
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

    /// Makes the hub part of a cluster, whose other nodes `adapter` reaches.
    ///
    /// The hub must then be built on an actix arbiter, which runs the adapter's tasks and the
    /// handlers of server events.
    pub fn adapter(mut self, adapter: impl Adapter) -> Self {
        self.adapter = Some(Arc::new(adapter));
        self
    }

    /// Adds a namespace.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespaces.push(namespace);
        self
    }

    /// Adds a function that is told of every child of a dynamic namespace when it comes to be,
    /// before its first socket.
    pub fn on_new_namespace(
        mut self,
        hook: impl Fn(&NamespaceRef) + Send + Sync + 'static,
    ) -> Self {
        self.new_namespace.push(Box::new(hook));
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
        let mut parents: Vec<Arc<Parent>> = Vec::new();
        for namespace in self.namespaces {
            let name = namespace.label().to_owned();
            if let Some(event) = namespace.events().find(|event| is_reserved(event)) {
                return Err(BuildError::ReservedEvent {
                    namespace: name,
                    event: event.to_owned(),
                });
            }
            let mut server_events = namespace.server_events();
            if let Some(event) = server_events.find(|event| is_reserved_server_event(event)) {
                return Err(BuildError::ReservedEvent {
                    namespace: name,
                    event: event.to_owned(),
                });
            }
            drop(server_events);
            for (setting, need) in namespace.needs() {
                let problem = match *need {
                    Need::Socket | Need::Auth if *setting == Setting::ServerEvent => {
                        BuildError::MissingSocket { namespace: name }
                    }
                    Need::State(type_id, type_name) if !self.state.contains(type_id) => {
                        BuildError::MissingState {
                            namespace: name,
                            type_name,
                        }
                    }
                    Need::Auth if !namespace.has_auth() => {
                        BuildError::MissingAuth { namespace: name }
                    }
                    need if !setting.meets(need) => BuildError::NeverCalled {
                        namespace: name,
                        setting: setting.as_str(),
                        need: need.as_str(),
                    },
                    _ => continue,
                };
                return Err(problem);
            }
            if namespace.events().any(|event| event == "connection") {
                tracing::warn!(
                    namespace = name,
                    "a handler for the clients' event `connection`: that of a new socket is `on_connect`"
                );
            }
            let (matcher, spec) = namespace.into_parts();
            let spec = Arc::new(spec);
            let rule = match matcher {
                Matcher::Exact(name) => {
                    validate_name(&name, self.config.limits.max_name_len())?;
                    let inner = NamespaceInner::new(name.clone(), spec);
                    let inner = Arc::new(inner.with_recovery(self.config.recovery.as_ref()));
                    if namespaces.insert(name.clone(), inner).is_some() {
                        return Err(BuildError::DuplicateNamespace(name));
                    }
                    continue;
                }
                Matcher::Pattern(pattern) => {
                    let compiled = Regex::new(&pattern);
                    Rule::Pattern(compiled.map_err(|error| BuildError::InvalidPattern {
                        pattern,
                        problem: error.to_string(),
                    })?)
                }
                Matcher::Predicate { asks, .. } => Rule::Predicate(asks),
            };
            if parents.iter().any(|parent| parent.label == name) {
                return Err(BuildError::DuplicateNamespace(name));
            }
            parents.push(Arc::new(Parent {
                label: name,
                rule,
                spec,
            }));
        }
        let root = namespaces.get("/").cloned();
        let root =
            root.unwrap_or_else(|| Arc::new(NamespaceInner::new("/".to_owned(), Arc::default())));
        let cluster = match self.adapter {
            Some(adapter) => {
                let home = Arbiter::try_current().ok_or(BuildError::NoArbiter)?;
                Some(Cluster::new(adapter, home))
            }
            None => None,
        };
        let hub = Hub(Arc::new(HubInner {
            id: NEXT_HUB.fetch_add(1, Ordering::Relaxed),
            config: self.config,
            state: self.state,
            couriers: Couriers::default(),
            stats: Counters::default(),
            memory: Arc::default(),
            totals: super::Totals::default(),
            children: Children::default(),
            namespaces,
            root,
            parents,
            new_namespace: self.new_namespace,
            cluster,
        }));
        for namespace in hub.namespaces() {
            // Joins the cluster, if there is one.
            let _ = namespace.port();
        }
        Ok(hub)
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

pub(super) fn validate_name(name: &str, max_len: usize) -> Result<(), BuildError> {
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

pub(super) type NewNamespaceFn = Box<dyn Fn(&NamespaceRef) + Send + Sync>;

static NEXT_HUB: AtomicU64 = AtomicU64::new(1);
