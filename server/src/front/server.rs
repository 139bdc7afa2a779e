use std::{
    fmt, io,
    marker::PhantomData,
    net::{self, ToSocketAddrs},
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_http::{
    HttpService, KeepAlive, Protocol, Request, body::MessageBody, error::DispatchError,
};
use actix_rt::net::TcpStream;
use actix_server::{Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::{
    Error,
    dev::{AppConfig, Response},
};

use sockeye_router::Limit;

use super::{
    BACKLOG, FrontStats,
    accept::SharedApp,
    bind,
    client::{ClientStream, Open, Shared, forget_unsent},
    crowd::Room,
    proxy,
    turnstile::Turnstile,
};
use crate::TrustedProxies;
use crate::http::cut_stuck;

/// An HTTP server whose open WebSockets cost next to nothing: a drop-in for
/// [`HttpServer`](actix_web::HttpServer).
///
/// Configure and run it as that one. What differs: `TCP_NODELAY` is on, and a connection that the
/// client half-closes is closed, as Socket.IO wants both; and there is no TLS yet.
pub struct FrontServer<F, I, S, B> {
    factory: F,
    options: Options,
    stats: FrontStats,
    backlog: u32,
    builder: ServerBuilder,
    addresses: Vec<net::SocketAddr>,
    /// Each listener once more, to be given options when all are known.
    listeners: Vec<net::TcpListener>,
    running: Arc<OnceLock<Running>>,
    _app: PhantomData<AppTypes<I, S, B>>,
}

/// What the factory's App is made of.
type AppTypes<I, S, B> = fn() -> (I, S, B);

/// What workers need, once all options are known.
#[derive(Debug)]
struct Running {
    options: Options,
    shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
struct Options {
    keep_alive: KeepAlive,
    client_request_timeout: Duration,
    client_disconnect_timeout: Duration,
    write_timeout: Duration,
    room: Room,
    trusted: Option<Arc<TrustedProxies>>,
    proxies: Option<Arc<TrustedProxies>>,
}

impl<F, I, S, B> fmt::Debug for FrontServer<F, I, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrontServer")
            .field("addresses", &self.addresses)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<F, I, S, B> FrontServer<F, I, S, B>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    /// Creates a server of the Apps that `factory` makes, one for each worker.
    pub fn new(factory: F) -> Self {
        Self {
            factory,
            options: Options {
                keep_alive: KeepAlive::default(),
                client_request_timeout: Duration::from_secs(5),
                client_disconnect_timeout: Duration::from_secs(1),
                write_timeout: Duration::from_secs(10),
                room: Room::default(),
                trusted: None,
                proxies: None,
            },
            stats: FrontStats::default(),
            backlog: BACKLOG,
            builder: ServerBuilder::default(),
            addresses: Vec::new(),
            listeners: Vec::new(),
            running: Arc::default(),
            _app: PhantomData,
        }
    }

    /// Sets how many workers, each with a thread of its own, serve; one for each core by default.
    ///
    /// # Panics
    ///
    /// If there are to be none.
    pub fn workers(mut self, workers: usize) -> Self {
        self.builder = self.builder.workers(workers);
        self
    }

    /// Sets how long an HTTP connection waits for its next request; 5 s by default.
    pub fn keep_alive(mut self, keep_alive: impl Into<KeepAlive>) -> Self {
        self.options.keep_alive = keep_alive.into();
        self
    }

    /// Sets how long the head of a request may take to arrive; 5 s by default.
    pub fn client_request_timeout(mut self, timeout: Duration) -> Self {
        self.options.client_request_timeout = timeout;
        self
    }

    /// Sets how long a connection may take to close; 1 s by default.
    pub fn client_disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.options.client_disconnect_timeout = timeout;
        self
    }

    /// Sets for how long a client may take nothing of what is sent to it, or less than 16 KiB while
    /// more waits, before its connection is cut; 10 s by default.
    ///
    /// What the system holds for such a client is dropped. It has twice as long to acknowledge what
    /// is on its way: a network may well be gone for a moment.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.options.write_timeout = timeout;
        self
    }

    /// Expects the PROXY protocol, version 1 or 2, from these proxies: each of their connections has to
    /// begin with it, within [`client_request_timeout`](Self::client_request_timeout), and the peer's
    /// address is then what it says. The connections of others are served as they are.
    pub fn proxy_protocol(mut self, proxies: TrustedProxies) -> Self {
        self.options.proxies = Some(Arc::new(proxies));
        self
    }

    /// Sets how many connections there may be, WebSockets included; any number by default. One more
    /// is accepted and reset at once, unread.
    ///
    /// Each takes a file descriptor: when those run out, nothing else in the process can be opened
    /// or accepted either, so less than there are of them is a good choice.
    pub fn max_connections(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.options.room.connections = connections.into();
        self
    }

    /// Sets how many connections one address may have, or for IPv6 one /64 network; any number by
    /// default. One more is accepted and reset at once, unread.
    ///
    /// A client that polls has two at a time, a browser up to six. Connections of
    /// [trusted proxies](Self::trusted_proxies) don't count; those that the PROXY protocol tells of
    /// count as the client's.
    pub fn max_connections_per_address(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.options.room.per_address = connections.into();
        self
    }

    /// Names the proxies that bring the connections of many clients, as
    /// [`HttpConfig::with_trusted_proxies`](crate::HttpConfig::with_trusted_proxies) does for
    /// sessions.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.options.trusted = Some(Arc::new(proxies));
        self
    }

    /// Sets how many connections may wait to be accepted at addresses that are bound after this;
    /// 2,048 by default. Of all options only this one's place matters.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Lets signals alone: they are somebody else's to handle.
    pub fn disable_signals(mut self) -> Self {
        self.builder = self.builder.disable_signals();
        self
    }

    /// Stops the server, as a signal would, when `signal` is ready, such as
    /// [`SocketIo::close_on_signal`](crate::SocketIo::close_on_signal).
    pub fn shutdown_signal(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.builder = self.builder.shutdown_signal(signal);
        self
    }

    /// Sets how many seconds connections have to end when the server stops; 30 by default.
    ///
    /// WebSockets are not waited for: [`SocketIo::close`](crate::SocketIo::close) does that.
    pub fn shutdown_timeout(mut self, seconds: u64) -> Self {
        self.builder = self.builder.shutdown_timeout(seconds);
        self
    }

    /// Listens at addresses.
    ///
    /// # Errors
    ///
    /// When none of them can be listened at.
    pub fn bind(mut self, addresses: impl ToSocketAddrs) -> io::Result<Self> {
        let mut problem = None;
        let mut any = false;
        for address in addresses.to_socket_addrs()? {
            match bind(address, self.backlog) {
                Ok(listener) => {
                    any = true;
                    self = self.listen(listener)?;
                }
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            Some(error) if !any => Err(error),
            _ => Ok(self),
        }
    }

    /// Accepts the connections of a listener.
    ///
    /// # Errors
    ///
    /// When the listener is not usable.
    pub fn listen(mut self, listener: net::TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        self.listeners.push(listener.try_clone()?);
        let (factory, running) = (self.factory.clone(), self.running.clone());
        let stopping = self.builder.graceful_shutdown_signal();
        self.addresses.push(address);
        let name = format!("sockeye-front-{address}");
        self.builder = self.builder.listen(name, listener, move || {
            let running = running.get().expect("workers start when the server runs");
            let Running { options, shared } = running;
            let app = factory().into_factory();
            let app = app.map_err(|error| error.into().error_response());
            let app = SharedApp::new(map_config(app, |()| AppConfig::default()));
            let stopping = stopping.clone();
            let http = HttpService::build()
                // So that idle connections don't hold the stop up.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(options.keep_alive)
                .client_request_timeout(options.client_request_timeout)
                .client_disconnect_timeout(options.client_disconnect_timeout)
                .h1_allow_half_closed(false)
                .local_addr(address)
                .upgrade(app.upgrades())
                .finish(app);
            let (options, shared) = (options.clone(), shared.clone());
            let turnstile = Turnstile::new();
            fn_service(move |stream| {
                let turn = turnstile.clone().pass();
                accept(stream, turn, options.clone(), shared.clone())
            })
            .map_err(DispatchError::Io)
            .and_then(http)
        })?;
        Ok(self)
    }

    /// Returns what the server counts.
    #[must_use]
    pub fn stats(&self) -> FrontStats {
        self.stats.clone()
    }

    /// Returns the addresses that are listened at.
    #[must_use]
    pub fn addrs(&self) -> &[net::SocketAddr] {
        &self.addresses
    }

    /// Starts the server; the future that this returns runs until it has stopped.
    #[must_use = "a server that is not awaited or spawned does nothing"]
    pub fn run(self) -> Server {
        for listener in &self.listeners {
            prepare(listener, self.options.write_timeout);
        }
        let shared = Shared {
            write_timeout: self.options.write_timeout,
            room: self.options.room,
            stats: self.stats,
        };
        let running = Running {
            options: self.options,
            shared: Arc::new(shared),
        };
        // Nobody else sets it.
        let _ = self.running.set(running);
        self.builder.run()
    }
}

/// Sets what holds for all of a listener's connections: on Linux they have its options from the
/// start, without a call for each.
fn prepare(listener: &net::TcpListener, write_timeout: Duration) {
    cut_stuck(listener, write_timeout.saturating_mul(2));
    #[cfg(target_os = "linux")]
    {
        let listener = socket2::SockRef::from(listener);
        if let Err(error) = listener.set_tcp_nodelay(true) {
            tracing::warn!(%error, "small packets may be late");
        }
        // Linux lets a buffer grow to megabytes and says that there's room again when a third of it is
        // free. A client that takes 100 kB a second would seem to take nothing for ten.
        if let Err(error) = listener.set_tcp_notsent_lowat(UNSENT) {
            tracing::warn!(%error, "slow clients may be cut too early");
        }
    }
}

/// Prepares a connection for HTTP: finds out whose it is, and whether there is room for it.
async fn accept(
    mut stream: TcpStream,
    turn: impl Future<Output = ()>,
    options: Options,
    shared: Arc<Shared>,
) -> io::Result<(ClientStream, Protocol, Option<net::SocketAddr>)> {
    let open = match Open::new(shared) {
        Ok(open) => open,
        Err(limit) => return Err(turn_away(&stream, limit)),
    };
    turn.await;
    #[cfg(not(target_os = "linux"))]
    // Costs latency only: it may be lost already, which HTTP finds out.
    let _ = stream.set_nodelay(true);
    // One that has none any more is reset already: its address couldn't be counted.
    let mut peer = stream.peer_addr()?;
    let is_of_many = |ip| {
        let proxies = options.trusted.iter().chain(&options.proxies);
        proxies.into_iter().any(|proxies| proxies.contains(ip))
    };
    if let Some(proxies) = &options.proxies
        && proxies.contains(peer.ip())
    {
        let reading = proxy::read_header(&mut stream);
        let read = tokio::time::timeout(options.client_request_timeout, reading).await;
        let client = read.map_err(io::Error::from).flatten();
        let client = client.inspect_err(|error| {
            tracing::debug!(%peer, %error, "proxy's connection dropped");
        })?;
        peer = client.unwrap_or(peer);
    }
    let open = match is_of_many(peer.ip()) {
        false => open.of(peer.ip()),
        true => Ok(open),
    };
    let open = open.map_err(|limit| turn_away(&stream, limit))?;
    Ok((ClientStream::new(stream, open), Protocol::Http1, Some(peer)))
}

/// Has a connection reset when it is dropped: whoever isn't served costs nothing further.
fn turn_away(stream: &TcpStream, limit: Limit) -> io::Error {
    tracing::debug!(peer = ?stream.peer_addr().ok(), %limit, "connection turned away");
    forget_unsent(stream);
    io::ErrorKind::ConnectionRefused.into()
}

/// Bytes that the system takes over, of a connection, before it has to send them.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;
