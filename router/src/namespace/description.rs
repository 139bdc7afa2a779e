use std::{fmt, future::Future};

use super::{Matcher, NamespaceRequest, Spec};
use crate::{
    Auth, EventVerdict, Handler, Outcome, OutgoingEvent, SocketRef, Verdict,
    extract::{Need, Setting},
    handler::{EventFn, erase_event, erase_filter, erase_middleware},
};

/// Describes one namespace: who may enter it and what is done with its events.
///
/// Handlers belong to the namespace, not to a connection: they are built once, never change,
/// and a reader sees all events in one place. Within a socket they run one at a time, in the
/// order in which the events arrived, unless registered with [`Namespace::on_concurrent`].
#[must_use = "a namespace does nothing until it is added to a hub"]
pub struct Namespace {
    matcher: Matcher,
    spec: Spec,
    needs: Vec<(Setting, Need)>,
}

impl Namespace {
    /// Starts the description of the namespace `name`, such as `/` or `/admin`.
    ///
    /// A name without a leading `/` gets one.
    pub fn new(name: impl Into<String>) -> Self {
        let mut name = name.into();
        if !name.starts_with('/') {
            name.insert(0, '/');
        }
        Self::described(Matcher::Exact(name))
    }

    /// Starts the description of every namespace whose name matches the regular expression
    /// `pattern`, such as `^/org-\d+$`.
    ///
    /// Such a namespace, a *child*, comes to be when the first client asks for it, or
    /// [`Hub::of`](crate::Hub::of) does, and is removed when its last socket is gone and nobody
    /// holds a handle (see [`RouterConfig::with_cleanup_empty_children`]). Namespaces with an exact
    /// name are looked up first, then the dynamic ones in the order in which they were added.
    /// [`Hub::parent`](crate::Hub::parent) reaches all children at once.
    ///
    /// [`RouterConfig::with_cleanup_empty_children`]: crate::RouterConfig::with_cleanup_empty_children
    pub fn pattern(pattern: impl Into<String>) -> Self {
        Self::described(Matcher::Pattern(pattern.into()))
    }

    /// Starts the description of every namespace that `exists` lets be, which is asked when a
    /// client wants to enter one that is not there.
    ///
    /// `label` is what [`Hub::parent`](crate::Hub::parent) knows it by. Otherwise as
    /// [`Namespace::pattern`]. The client's other packets for the namespace wait for the answer;
    /// a panic of the function counts as `false`.
    pub fn dynamic<F, Fut>(label: impl Into<String>, exists: F) -> Self
    where
        F: Fn(NamespaceRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + 'static,
    {
        Self::described(Matcher::predicate(label.into(), exists))
    }

    fn described(matcher: Matcher) -> Self {
        Self {
            matcher,
            spec: Spec::default(),
            needs: Vec::new(),
        }
    }

    /// Requires authentication, within a deadline.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.spec.auth = Some(auth);
        self
    }

    /// Adds a middleware: it runs before a socket is admitted and may refuse it.
    ///
    /// Middlewares run in the order of registration, each only when the one before has let the
    /// socket pass, after the handshake's token (if any) was verified. What a middleware emits to
    /// the socket is sent after the CONNECT packet.
    pub fn middleware<H, Args>(mut self, middleware: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Verdict,
        Args: 'static,
    {
        self.note_needs::<H, Args>(Setting::Connection);
        self.spec.middlewares.push(erase_middleware(middleware));
        self
    }

    /// Adds a handler that runs when a socket has been admitted, after its CONNECT packet was
    /// queued and before its first event is handled.
    pub fn on_connect<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Connection, handler, |spec, handler| {
            spec.connect.push(handler)
        })
    }

    /// Adds a handler that runs when a socket has been authenticated: at its connection, or by
    /// an event later, and then before the next event is handled.
    pub fn on_authenticated<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Connection, handler, |spec, handler| {
            spec.authenticated.push(handler)
        })
    }

    /// Adds a handler that runs for every event, before middlewares of events and handlers.
    ///
    /// It sees events that no handler is registered for and those which a middleware refuses after,
    /// but neither the event that authenticates nor what comes before it. It gets no ack.
    pub fn on_any<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Event, handler, |spec, handler| {
            spec.any.push(handler)
        })
    }

    /// Adds a middleware of events: it runs before the handlers of each event and may change the
    /// event, by returning another [`Event`](crate::Event), or stop it, by returning an error.
    ///
    /// Middlewares run in the order of registration, each when the one before has let the event
    /// pass. The client gets the error as from a handler: see [`Outcome`]. Events stay in order: the
    /// next one waits, also where it is a concurrent one.
    pub fn event_middleware<H, Args>(mut self, middleware: H) -> Self
    where
        H: Handler<Args>,
        H::Output: EventVerdict,
        Args: 'static,
    {
        self.note_needs::<H, Args>(Setting::Event);
        self.spec.filters.push(erase_filter(middleware));
        self
    }

    /// Adds a hook that is told what went wrong: a handler or a middleware of events returned an
    /// error, or a client's arguments were not what a handler wants.
    ///
    /// It extracts the [`HandlerError`](crate::HandlerError), and where the handler was one of an
    /// event its [`EventName`](crate::EventName). Nothing waits for it. Without a hook, errors are
    /// logged.
    pub fn on_error<H, Args>(self, hook: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Failure, hook, |spec, hook| spec.errors.push(hook))
    }

    /// Adds a handler for an event. Several of one event run one after another.
    pub fn on<H, Args>(self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        let event = event.into();
        self.register(Setting::Event, handler, |spec, handler| {
            spec.events.entry(event).or_default().ordered.push(handler);
        })
    }

    /// Adds a handler for an event which may overlap with the handlers of later events.
    pub fn on_concurrent<H, Args>(self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        let event = event.into();
        self.register(Setting::Event, handler, |spec, handler| {
            let registered = spec.events.entry(event).or_default();
            registered.concurrent.push(handler);
        })
    }

    /// Sets the handler of events that no other handler is registered for.
    pub fn on_fallback<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Event, handler, |spec, handler| {
            spec.fallback = Some(handler)
        })
    }

    /// Adds a listener for every event that is emitted to a socket, by a broadcast too.
    ///
    /// It is called on the socket's thread when the event is queued, once for each receiver, and
    /// also for a volatile event that is then dropped; not for acks. It must not block. Listeners
    /// make emitting dearer: the arguments are kept apart for them.
    pub fn on_any_outgoing(
        mut self,
        listener: impl Fn(&SocketRef, &OutgoingEvent) + Send + Sync + 'static,
    ) -> Self {
        self.spec.outgoing.push(Box::new(listener));
        self
    }

    /// Adds a handler that runs once when an admitted socket is about to leave its rooms, because it
    /// is disconnected.
    ///
    /// The rooms are there until the handler first waits for something. Nothing reaches the socket
    /// any more.
    pub fn on_disconnecting<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Disconnection, handler, |spec, handler| {
            spec.disconnecting.push(handler)
        })
    }

    /// Adds a handler that runs once when an admitted socket is no longer connected.
    ///
    /// It doesn't wait for a handler that is still running. The socket has left its rooms.
    pub fn on_disconnect<H, Args>(self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.register(Setting::Disconnection, handler, |spec, handler| {
            spec.disconnect.push(handler)
        })
    }

    /// Adds a handler for an event of other servers; see
    /// [`NamespaceRef::server_side_emit`](crate::NamespaceRef::server_side_emit).
    ///
    /// Such an event has no socket: [`SocketRef`] and what belongs to one can't be arguments, which
    /// [`HubBuilder::build`](crate::HubBuilder::build) checks; [`NamespaceRef`](crate::NamespaceRef)
    /// can. [`Reply`](crate::Reply) answers the other server. Events are started in the order of
    /// arrival and may overlap. They run on the arbiter that the hub was built on.
    pub fn on_server_event<H, Args>(mut self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.note_needs::<H, Args>(Setting::ServerEvent);
        let handlers = self.spec.server_events.entry(event.into()).or_default();
        handlers.push(erase_event(handler));
        self
    }

    fn register<H, Args>(
        mut self,
        setting: Setting,
        handler: H,
        put: impl FnOnce(&mut Spec, EventFn),
    ) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.note_needs::<H, Args>(setting);
        put(&mut self.spec, erase_event(handler));
        self
    }

    fn note_needs<H: Handler<Args>, Args>(&mut self, setting: Setting) {
        let needs = H::needs().into_iter().map(|need| (setting, need));
        self.needs.extend(needs);
    }

    /// Returns the name, the pattern or the label.
    pub(crate) fn label(&self) -> &str {
        self.matcher.label()
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &str> {
        self.spec.events.keys().map(String::as_str)
    }

    pub(crate) fn needs(&self) -> &[(Setting, Need)] {
        &self.needs
    }

    pub(crate) fn server_events(&self) -> impl Iterator<Item = &str> {
        self.spec.server_events.keys().map(String::as_str)
    }

    pub(crate) fn has_auth(&self) -> bool {
        self.spec.auth.is_some()
    }

    pub(crate) fn into_parts(self) -> (Matcher, Spec) {
        (self.matcher, self.spec)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.label())
            .field("auth", &self.spec.auth)
            .field("events", &self.spec.events.keys())
            .finish_non_exhaustive()
    }
}
