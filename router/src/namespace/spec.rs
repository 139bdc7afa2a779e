use std::collections::BTreeMap;

use crate::{
    Auth, OutgoingEvent, SocketRef,
    handler::{EventFn, FilterFn, MiddlewareFn},
};

/// What is done with the sockets of a namespace: built once, never changed.
///
/// The children of a dynamic namespace share one.
#[derive(Default)]
pub(crate) struct Spec {
    pub(crate) auth: Option<Auth>,
    pub(crate) middlewares: Vec<MiddlewareFn>,
    pub(crate) connect: Vec<EventFn>,
    pub(crate) authenticated: Vec<EventFn>,
    pub(crate) any: Vec<EventFn>,
    pub(crate) filters: Vec<FilterFn>,
    // Ordered: names are few, and hashing one that a client has sent costs more than a few comparisons.
    pub(crate) events: BTreeMap<String, Registered>,
    pub(crate) fallback: Option<EventFn>,
    pub(crate) outgoing: Vec<OutgoingFn>,
    pub(crate) disconnecting: Vec<EventFn>,
    pub(crate) disconnect: Vec<EventFn>,
    /// Handlers of what other servers emit.
    pub(crate) server_events: BTreeMap<String, Vec<EventFn>>,
    pub(crate) errors: Vec<EventFn>,
}

/// The handlers of one event.
#[derive(Default)]
pub(crate) struct Registered {
    /// Run one after another; the next event waits for them.
    pub(crate) ordered: Vec<EventFn>,
    /// Started at once; nothing waits for them.
    pub(crate) concurrent: Vec<EventFn>,
}

/// A listener of what leaves for sockets.
pub(crate) type OutgoingFn = Box<dyn Fn(&SocketRef, &OutgoingEvent) + Send + Sync>;
