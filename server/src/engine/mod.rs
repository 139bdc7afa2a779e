//! Engine.IO alone: connections that carry messages over polling and WebSocket.
//!
//! Socket.IO is one [`Application`] of it ([`SocketIo`](crate::SocketIo)); `examples/engine_echo.rs`
//! is another. The protocol itself is `sockeye_protocol::engine::Session`; here are what it
//! leaves out: threads, timers and HTTP.

mod answer;
mod connection;
mod desk;
mod directory;
#[cfg(feature = "testing")]
mod echo;
mod link;
mod pongs;
mod stats;
mod traffic;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix::MailboxError;
use actix_web::dev::HttpServiceFactory;
pub use sockeye_protocol::engine::{
    CloseReason, ConfigError, EngineConfig, ErrorCode, SendError, Transport, Transports,
};
use sockeye_router::{Handshake, LimitCounters, Message};

#[cfg(feature = "testing")]
pub(crate) use self::echo::EchoLink;
#[cfg(feature = "testing")]
pub use self::echo::FrameEcho;
pub(crate) use self::{
    answer::{PollAnswer, PostAnswer},
    desk::{Adopt, Desk, DeskHandle, Request},
    link::{Fault, LINGER, Link, LocalLink, RemoteLink},
    pongs::Pongs,
    stats::{Counted, Gauges, OpenWebSockets, WaitingPolls},
};
pub use self::{connection::Connection, stats::EngineStats, traffic::EngineCounters};
use self::{directory::Directory, traffic::TrafficOfThreads};
use crate::{
    admission::{Admission, AdmissionStats, Gate},
    http::{EngineService, HttpConfig},
};

/// What runs on top of Engine.IO.
pub trait Application: Send + Sync + 'static {
    /// Called on the connection's thread when it is open; returns what takes its messages.
    ///
    /// What is sent to it in here travels with the open packet where the transport allows.
    fn connect(&self, connection: &Connection, handshake: Handshake) -> Box<dyn Receiver>;
}

/// What takes the messages of one connection. It lives on the connection's thread.
pub trait Receiver {
    /// Takes a message; messages come in the order in which the client sent them.
    fn message(&self, message: Message);

    /// Ends the connection; called once, and nothing is called after it.
    fn closed(&self, reason: CloseReason);
}

/// An Engine.IO server: its application, its settings and its open sessions.
///
/// A handle; cloning is cheap and every clone is the same server.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<EngineInner>);

pub(crate) struct EngineInner {
    /// Tells engines apart, as a thread may serve several.
    pub(crate) id: u64,
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) application: Box<dyn Application>,
    pub(crate) directory: Directory,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) limits: LimitCounters,
    pub(crate) traffic: TrafficOfThreads,
    pub(crate) closing: AtomicBool,
}

impl Engine {
    /// Creates a server that everyone may open sessions of.
    ///
    /// # Errors
    ///
    /// Names the setting that can't be.
    pub fn new(config: EngineConfig, application: impl Application) -> Result<Self, ConfigError> {
        Self::with_admission(config, Admission::default(), application)
    }

    /// Creates a server whose sessions are limited.
    ///
    /// # Errors
    ///
    /// Names the setting that can't be.
    pub fn with_admission(
        config: EngineConfig,
        admission: Admission,
        application: impl Application,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self(Arc::new(EngineInner {
            id: NEXT_ENGINE.fetch_add(1, Ordering::Relaxed),
            config: Arc::new(config),
            application: Box::new(application),
            directory: Directory::new(),
            gauges: Arc::default(),
            gate: Arc::new(Gate::new(admission)),
            limits: LimitCounters::default(),
            traffic: TrafficOfThreads::default(),
            closing: AtomicBool::new(false),
        })))
    }

    /// Returns the service to mount in an App, at `path`, such as `/engine.io`.
    ///
    /// Let the HTTP server close half-closed connections, as with
    /// [`SocketIo::service`](crate::SocketIo::service).
    pub fn service(&self, path: &str, config: HttpConfig) -> impl HttpServiceFactory + use<> {
        EngineService {
            engine: self.clone(),
            path: path.to_owned(),
            config: Arc::new(config),
        }
    }

    /// Returns how many sessions are open or still delivering what was queued.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.0.directory.len()
    }

    /// Returns how many of the sessions are on this transport.
    ///
    /// An upgrade moves a session from one count to the other, so that counts which are asked for
    /// one after another may be a few off.
    #[must_use]
    pub fn session_count_on(&self, transport: Transport) -> usize {
        let on_websocket = self.0.directory.on_websocket();
        match transport {
            Transport::WebSocket => on_websocket,
            Transport::Polling => self.session_count().saturating_sub(on_websocket),
        }
    }

    /// Returns how much of each kind the engine has alive.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        let directory = &self.0.directory;
        self.0
            .gauges
            .stats(directory.len(), directory.on_websocket())
    }

    /// Returns how many hold a place, where [`Admission`] limits them.
    #[must_use]
    pub fn admission_stats(&self) -> AdmissionStats {
        self.0.gate.stats()
    }

    /// Returns what the engine has counted since it was created.
    #[must_use]
    pub fn counters(&self) -> EngineCounters {
        self.0.traffic.sum()
    }

    /// Returns how often each limit of requests and sessions was reached.
    #[must_use]
    pub fn limits(&self) -> &LimitCounters {
        &self.0.limits
    }

    /// Returns how many bytes wait to be sent to clients.
    ///
    /// Every thread looks through its sessions for this, so ask no more often than once in some
    /// seconds. One that doesn't answer within a second, as it is kept busy by a handler that blocks,
    /// is left out and complained about in the log.
    pub async fn queued_bytes(&self) -> usize {
        let mut asked = Vec::new();
        let ask = |desk: &DeskHandle| {
            let asking = desk.addr.send(desk::CountQueued);
            asked.push(asking.timeout(Duration::from_secs(1)));
        };
        self.0.directory.each_desk(ask);
        let answers = futures_util::future::join_all(asked).await;
        let blocked = |answer: &&Result<_, _>| matches!(answer, Err(MailboxError::Timeout));
        let blocked = answers.iter().filter(blocked).count();
        if blocked > 0 {
            tracing::warn!(threads = blocked, "blocked for over a second");
        }
        // A thread that has ended has no sessions.
        answers.into_iter().flatten().sum()
    }

    /// Refuses new sessions, closes the open ones and waits until all have ended and their WebSockets
    /// are closed.
    ///
    /// What is queued still goes out; sessions which are left at the deadline are cut.
    pub async fn close(&self, deadline: Duration) {
        self.stop_accepting();
        self.0
            .directory
            .each_desk(|desk| desk.addr.do_send(desk::CloseAll { cut: false }));
        let ended = async {
            self.0.directory.emptied().await;
            // What a session has said last is still to be written.
            self.0.gauges.no_websockets().await;
        };
        let ended = tokio::time::timeout(deadline, ended).await;
        if ended.is_err() {
            let sessions = self.session_count();
            tracing::warn!(
                sessions,
                "clients that don't take their last packets are cut"
            );
            self.0
                .directory
                .each_desk(|desk| desk.addr.do_send(desk::CloseAll { cut: true }));
        }
    }

    pub(crate) fn stop_accepting(&self) {
        self.0.closing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::SeqCst)
    }
}

impl Drop for EngineInner {
    fn drop(&mut self) {
        self.directory
            .each_desk(|desk| desk.addr.do_send(desk::CloseDesk));
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.0.config)
            .field("sessions", &self.session_count())
            .finish_non_exhaustive()
    }
}

static NEXT_ENGINE: AtomicU64 = AtomicU64::new(1);
