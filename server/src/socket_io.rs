use std::{cell::Cell, fmt, path::PathBuf, sync::Arc, time::Duration};

use actix_web::dev::HttpServiceFactory;
use serde::{Serialize, de::DeserializeOwned};
use sockeye_protocol::{
    Prepared,
    engine::{CloseReason, ConfigError, SendError, Transport},
};
use sockeye_router::{
    Adapter, BroadcastOperator, BuildError, Client, DisconnectReason, EmitError, FetchError,
    Handshake, Hub, HubBuilder, IntoRooms, Limit, Message, Namespace, NamespaceRef, Outlet,
    OutletError, ParentRef, RemoteSocket, RouterConfig, ServerEmit, Stats,
};
use tokio::time::Instant;

use crate::{
    admission::Admission,
    engine::{Application, Connection, Engine, EngineConfig, Receiver},
    http::{EngineService, HttpConfig},
};

/// A Socket.IO server: namespaces on top of an Engine.IO server.
///
/// A handle; cloning is cheap, every clone is the same server, and it works from any thread: in
/// handlers of ordinary actix-web routes as in background tasks. Mount it in each worker's App
/// with [`SocketIo::service`].
#[derive(Clone, Debug)]
pub struct SocketIo {
    hub: Hub,
    engine: Engine,
    path: String,
    http: Arc<HttpConfig>,
}

impl SocketIo {
    /// Starts the description of a server.
    pub fn builder() -> SocketIoBuilder {
        SocketIoBuilder::default()
    }

    /// Returns the service to mount in an App, at the server's path.
    ///
    /// Let the HTTP server close half-closed connections
    /// ([`h1_allow_half_closed(false)`](actix_web::HttpServer::h1_allow_half_closed)): otherwise a
    /// client which goes away while its poll waits is noticed only by the ping timeout. And let it
    /// send small packets at once ([`tcp_nodelay(true)`](actix_web::HttpServer::tcp_nodelay)):
    /// otherwise one that follows another waits for the client's TCP to acknowledge it.
    pub fn service(&self) -> impl HttpServiceFactory + use<> {
        EngineService {
            engine: self.engine.clone(),
            path: self.path.clone(),
            config: self.http.clone(),
        }
    }

    /// Returns a namespace by its name, or `None` if there is none of that name.
    ///
    /// A name that matches a [pattern](Namespace::pattern) is that of a child, which is made if it is
    /// not there.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Option<NamespaceRef> {
        self.hub.of(namespace)
    }

    /// Returns a dynamic namespace by its pattern or label.
    #[must_use]
    pub fn parent(&self, label: &str) -> Option<ParentRef> {
        self.hub.parent(label)
    }

    /// Returns the namespace `/`, which the methods that emit are shortcuts for.
    ///
    /// Where none was described, clients can't enter it, and what is emitted reaches nobody.
    #[must_use]
    pub fn root(&self) -> NamespaceRef {
        self.hub.root()
    }

    /// Emits to every connected socket of `/`, authenticated or not.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.root().emit(event, args)
    }

    /// Emits to every authenticated socket of `/`.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit_authenticated<T: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &T,
    ) -> Result<(), EmitError> {
        self.root().emit_authenticated(event, args)
    }

    /// Selects the members of a room of `/`, or of several: each socket once.
    pub fn to(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.root().to(rooms)
    }

    /// Does the same as [`SocketIo::to`].
    pub fn within(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.to(rooms)
    }

    /// Selects every socket of `/` but the members of these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.root().except(rooms)
    }

    /// Selects the sockets of `/` on this process only.
    pub fn local(&self) -> BroadcastOperator {
        self.root().local()
    }

    /// Selects every socket of `/`, and lets each drop the packet if its transport is not ready.
    pub fn volatile(&self) -> BroadcastOperator {
        self.root().volatile()
    }

    /// Selects every socket of `/`, and sets whether the packet is worth compressing.
    pub fn compress(&self, compress: bool) -> BroadcastOperator {
        self.root().compress(compress)
    }

    /// Selects every socket of `/`, and sets how long answers are waited for.
    pub fn timeout(&self, timeout: Duration) -> BroadcastOperator {
        self.root().timeout(timeout)
    }

    /// Selects every socket of `/`, to choose more of how they are reached.
    pub fn broadcast(&self) -> BroadcastOperator {
        self.root().broadcast()
    }

    /// Returns every socket of `/`, of this node and of all others.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::fetch_sockets`].
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, FetchError> {
        self.root().fetch_sockets().await
    }

    /// Emits an event to the other servers of the cluster; see [`NamespaceRef::server_side_emit`].
    ///
    /// # Errors
    ///
    /// As [`NamespaceRef::server_side_emit`].
    pub fn server_side_emit<T: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &T,
    ) -> Result<(), EmitError> {
        self.root().server_side_emit(event, args)
    }

    /// Emits an event to the other servers of the cluster and, when awaited, waits for their
    /// answers; see [`NamespaceRef::server_side_emit_with_ack`].
    pub fn server_side_emit_with_ack<A, T>(&self, event: &str, args: &A) -> ServerEmit<T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned + Send + 'static,
    {
        self.root().server_side_emit_with_ack(event, args)
    }

    /// Returns the hub: all namespaces, without HTTP.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Returns the Engine.IO server underneath.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns how many objects of each kind are alive.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.hub.stats()
    }

    /// Returns how often this limit was reached.
    #[must_use]
    pub fn limit_reached(&self, limit: Limit) -> u64 {
        self.engine.limits().get(limit) + self.hub.limits().get(limit)
    }

    /// Shuts down: new sessions are refused, sockets end with
    /// [`DisconnectReason::ServerShuttingDown`], what is queued goes out, waiting polls are
    /// answered. Returns when all sessions have ended, or at the deadline, when the rest is cut.
    ///
    /// Clients see a closed transport and try to come back; many of them are closed a few at a
    /// time, over half the deadline at most. Handlers that run have as long to finish. Then the
    /// server leaves its cluster.
    pub async fn close(&self, deadline: Duration) {
        let started = Instant::now();
        self.engine.stop_accepting();
        // A thread that a handler blocks never says that it is done.
        let _ = tokio::time::timeout(deadline, self.hub.close(deadline / 2)).await;
        self.hub.leave_cluster();
        let left = deadline.saturating_sub(started.elapsed());
        self.engine.close(left).await;
    }
}

/// Describes a [`SocketIo`]; every mistake is reported by [`SocketIoBuilder::build`].
#[derive(Debug, Default)]
#[must_use = "a server exists only after `build`"]
pub struct SocketIoBuilder {
    hub: HubBuilder,
    engine: EngineConfig,
    admission: Admission,
    router: RouterConfig,
    http: HttpConfig,
    path: Option<String>,
}

impl SocketIoBuilder {
    /// Adds a namespace.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.hub = self.hub.namespace(namespace);
        self
    }

    /// Adds a function that is told of every child of a dynamic namespace when it comes to be,
    /// before its first socket.
    pub fn on_new_namespace(
        mut self,
        hook: impl Fn(&NamespaceRef) + Send + Sync + 'static,
    ) -> Self {
        self.hub = self.hub.on_new_namespace(hook);
        self
    }

    /// Shares a value with every handler, which gets it as [`State<T>`](crate::State).
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.hub = self.hub.state(value);
        self
    }

    /// Makes the server part of a cluster, whose other nodes `adapter` reaches.
    ///
    /// It must then be built on an actix arbiter, as in `#[actix_web::main]`.
    pub fn adapter(mut self, adapter: impl Adapter) -> Self {
        self.hub = self.hub.adapter(adapter);
        self
    }

    /// Sets the path; `/socket.io` by default. Clients name it in their `path` option.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the heartbeat, the limits and the transports.
    pub fn engine(mut self, config: EngineConfig) -> Self {
        self.engine = config;
        self
    }

    /// Sets how many sessions there may be, of one address too; any number by default.
    pub fn admission(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }

    /// Sets the bounds and times of sockets.
    pub fn router(mut self, config: RouterConfig) -> Self {
        self.router = config;
        self
    }

    /// Sets CORS and the allowed origins.
    pub fn http(mut self, config: HttpConfig) -> Self {
        self.http = config;
        self
    }

    /// Builds the server. It starts nothing: each worker's part starts with its first client.
    ///
    /// # Errors
    ///
    /// Names the first setting that can't be.
    pub fn build(self) -> Result<SocketIo, BuildServerError> {
        let path = self.path.unwrap_or_else(|| "/socket.io".to_owned());
        let path = path.strip_suffix('/').unwrap_or(&path).to_owned();
        if !path.starts_with('/') || path.contains(['?', '#', '{', '}', ' ']) {
            return Err(BuildServerError::Path(path));
        }
        self.http.check()?;
        let limits = self.router.limits().clone();
        let limits = limits.with_max_packet_bytes(self.engine.max_payload());
        let hub = self.hub.config(self.router.with_limits(limits)).build()?;
        let application = SocketIoApplication { hub: hub.clone() };
        let engine = Engine::with_admission(self.engine, self.admission, application)?;
        Ok(SocketIo {
            hub,
            engine,
            path,
            http: Arc::new(self.http),
        })
    }
}

/// Why a server can't be built; names the setting.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildServerError {
    /// A namespace, an event or a bound of the router.
    #[error(transparent)]
    Router(#[from] BuildError),
    /// A setting of the engine.
    #[error(transparent)]
    Engine(#[from] ConfigError),
    /// The path is not one.
    #[error("path: {0:?} is not a path such as /socket.io")]
    Path(String),
    /// The CORS settings contradict each other.
    #[error("cors: {0}")]
    Cors(&'static str),
    /// The cookie's name or an attribute can't be sent.
    #[error("cookie: its name or an attribute has characters that a cookie can't have")]
    Cookie,
    /// None of the client's files is in their directory.
    #[error("client_files: no file of the JavaScript client in {}", .0.display())]
    ClientFiles(PathBuf),
}

/// Socket.IO as what runs on top of Engine.IO.
struct SocketIoApplication {
    hub: Hub,
}

impl Application for SocketIoApplication {
    fn connect(&self, connection: &Connection, handshake: Handshake) -> Box<dyn Receiver> {
        let outlet = EngineOutlet {
            connection: connection.clone(),
            authenticated: Cell::new(false),
        };
        Box::new(SocketIoReceiver(Client::new(&self.hub, outlet, handshake)))
    }
}

struct SocketIoReceiver(Client);

impl Receiver for SocketIoReceiver {
    fn message(&self, message: Message) {
        self.0.receive(message);
    }

    fn closed(&self, reason: CloseReason) {
        self.0.disconnected(disconnect_reason(reason));
    }
}

/// The session as the place where a client's packets go.
struct EngineOutlet {
    connection: Connection,
    authenticated: Cell<bool>,
}

impl Outlet for EngineOutlet {
    fn send(&self, packet: &Prepared) -> Result<(), OutletError> {
        self.connection.send(packet).map_err(outlet_error)
    }

    fn send_owned(&self, packet: Prepared) -> Result<(), (OutletError, Prepared)> {
        let sent = self.connection.send_owned(packet);
        sent.map_err(|(error, packet)| (outlet_error(error), packet))
    }

    fn send_volatile(&self, packet: &Prepared) -> bool {
        self.connection.send_volatile(packet)
    }

    fn is_congested(&self) -> bool {
        self.connection.is_congested()
    }

    fn fits(&self, packets: usize, bytes: usize) -> bool {
        self.connection.fits(packets, bytes)
    }

    fn when_drained(&self, wake: Box<dyn FnOnce()>) {
        self.connection.when_drained(wake);
    }

    fn close(&self, reason: DisconnectReason) {
        match reason {
            // What such a client has not read by now, it never will.
            DisconnectReason::SlowConsumer => self.connection.abort(CloseReason::SlowConsumer),
            DisconnectReason::ServerShuttingDown => {
                self.connection.close(CloseReason::ServerShutdown)
            }
            _ if self.authenticated.get() => self.connection.close(CloseReason::ForcedClose),
            _ => {
                let reason = CloseReason::ForcedClose;
                self.connection.close_within(reason, STRANGERS_GRACE);
            }
        }
    }

    fn dismiss(&self) {
        let reason = CloseReason::ForcedClose;
        self.connection.dismiss(reason, STRANGERS_GRACE);
    }

    fn authenticated(&self) {
        self.authenticated.set(true);
        self.connection.authenticated();
    }

    fn unauthenticated(&self) {
        self.connection.unauthenticated();
    }

    fn pause(&self) {
        self.connection.pause();
    }

    fn resume(&self) {
        self.connection.resume();
    }
}

fn outlet_error(error: SendError) -> OutletError {
    match error {
        SendError::QueueFull => OutletError::Full,
        SendError::Closed => OutletError::Closed,
    }
}

impl fmt::Debug for EngineOutlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport: Transport = self.connection.transport();
        f.debug_tuple("EngineOutlet").field(&transport).finish()
    }
}

fn disconnect_reason(reason: CloseReason) -> DisconnectReason {
    match reason {
        CloseReason::TransportClose => DisconnectReason::TransportClose,
        CloseReason::TransportError(_) => DisconnectReason::TransportError,
        CloseReason::PingTimeout => DisconnectReason::PingTimeout,
        CloseReason::ParseError => DisconnectReason::ParseError,
        CloseReason::SlowConsumer => DisconnectReason::SlowConsumer,
        CloseReason::ServerShutdown => DisconnectReason::ServerShuttingDown,
        CloseReason::ForcedClose => DisconnectReason::ForcedClose,
    }
}

/// How long what is queued for a client may take after the server has closed its session, where the
/// client hasn't been let in anywhere: its place may be somebody else's.
const STRANGERS_GRACE: Duration = Duration::from_secs(2);
