//! The server that everything is tried on, with a handler for each way to be busy with a client.

use std::{
    collections::HashMap,
    future::pending,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{App, HttpRequest, HttpServer, dev::ServerHandle};
use sockeye::{
    Args, Auth, AuthError, Credentials, DisconnectReason, Forbidden, FrontServer, HttpConfig,
    HubMemory, Identity, Namespace, Refusal, RouterConfig, SocketIo, SocketRef, Stats,
    engine::{EngineConfig, EngineStats},
};

/// A running server.
pub(crate) struct Served {
    pub(crate) io: SocketIo,
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Heard>,
    server: ServerHandle,
}

/// What the handlers were told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    connected: AtomicUsize,
    ends: Mutex<HashMap<DisconnectReason, usize>>,
}

impl Heard {
    pub(crate) fn ends(&self) -> HashMap<DisconnectReason, usize> {
        self.ends.lock().unwrap().clone()
    }

    pub(crate) fn assert_every_socket_has_ended(&self) {
        let ended: usize = self.ends().values().sum();
        assert_eq!(self.connected.load(Ordering::Relaxed), ended, "{self:?}");
    }
}

/// What carries the WebSockets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Host {
    App,
    Front,
}

impl Served {
    /// Serves on a free port, from two threads.
    pub(crate) fn start(host: Host, ping_interval: Duration) -> Self {
        let heard = Arc::<Heard>::default();
        let engine = EngineConfig::default()
            .with_ping_interval(ping_interval)
            .with_ping_timeout(SECOND)
            .with_upgrade_timeout(SECOND)
            .with_close_grace(SHORT)
            .with_send_queue_packets(64);
        let router = RouterConfig::default()
            .with_connect_timeout(SHORT + SHORT / 2)
            .with_inbound_queue(4);
        let http = HttpConfig::default().with_allow_request(async |request: HttpRequest| {
            let forbidden = request.query_string().contains("forbidden");
            if forbidden {
                Err(Forbidden::default())
            } else {
                Ok(())
            }
        });
        let mut builder = SocketIo::builder().engine(engine).router(router).http(http);
        for namespace in namespaces() {
            builder = builder.namespace(listened(namespace, &heard));
        }
        let io = builder.build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mounted = io.clone();
        let app = move || App::new().service(mounted.service());
        let server = match host {
            Host::App => HttpServer::new(app)
                .workers(2)
                .disable_signals()
                .h1_allow_half_closed(false)
                .tcp_nodelay(true)
                .backlog(4096)
                .listen(listener)
                .unwrap()
                .run(),
            Host::Front => FrontServer::new(app)
                .workers(2)
                .disable_signals()
                .backlog(4096)
                .listen(listener)
                .unwrap()
                .run(),
        };
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            io,
            address,
            heard,
            server: handle,
        }
    }

    /// Waits until nothing is left of any client.
    pub(crate) async fn settled(&self) {
        let give_up = Instant::now() + CAP;
        while !self.is_empty() {
            let (io, engine) = (self.io.stats(), self.io.engine().stats());
            let memory = self.io.hub().memory();
            let left = Instant::now() < give_up;
            assert!(left, "left behind: {io:?}, {memory:?}, {engine:?}");
            turn().await;
        }
        for namespace in self.io.hub().namespaces() {
            assert_eq!(namespace.socket_count(), 0);
            assert!(namespace.room_names().is_empty());
        }
    }

    fn is_empty(&self) -> bool {
        self.io.stats() == Stats::default()
            && self.io.hub().memory() == HubMemory::default()
            && self.io.engine().stats() == EngineStats::default()
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

fn namespaces() -> Vec<Namespace> {
    let auth = Auth::new(nobody).deadline(SHORT);
    vec![
        Namespace::new("/")
            .on("join", join)
            .on("say", say)
            .on("ask", ask)
            .on("slow", slow)
            .on("flood", flood)
            .on("fill", fill),
        Namespace::new("/refused").middleware(async || Err::<(), _>(Refusal::new("no"))),
        Namespace::new("/slowly-refused").middleware(async || {
            passing(SHORT / 4).await;
            Err::<(), _>(Refusal::new("no"))
        }),
        Namespace::new("/auth").auth(auth).on_connect(join_some),
        Namespace::pattern("^/dyn-\\d+$").on("join", join),
    ]
}

fn listened(namespace: Namespace, heard: &Arc<Heard>) -> Namespace {
    let (coming, going) = (heard.clone(), heard.clone());
    namespace
        .on_connect(move || {
            coming.connected.fetch_add(1, Ordering::Relaxed);
            async {}
        })
        .on_disconnect(move |reason: DisconnectReason| {
            *going.ends.lock().unwrap().entry(reason).or_default() += 1;
            async {}
        })
}

async fn nobody(_: Credentials) -> Result<Identity, AuthError> {
    Err(AuthError::Unauthorized)
}

async fn join(socket: SocketRef, Args((rooms,)): Args<(Vec<String>,)>) {
    socket.join(rooms).await;
    // Some of its members are on the other thread.
    let _ = socket.to("all").emit("joined", &());
}

async fn join_some(socket: SocketRef) {
    socket.join(["waiting", "all"]).await;
}

async fn say(socket: SocketRef) {
    for n in 0..10 {
        // The client may have gone.
        let _ = socket.emit("said", &n);
    }
}

async fn ask(socket: SocketRef) {
    let _: Result<(), _> = socket.emit_with_ack("question", &()).timeout(CAP).await;
}

async fn slow() {
    passing(SHORT / 2).await;
}

async fn flood(socket: SocketRef) {
    let text = "x".repeat(4096);
    let own = socket.namespace().to(socket.id().to_string());
    for _ in 0..4096 {
        if !socket.is_connected() || own.emit("much", &text).is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn fill(socket: SocketRef) {
    let text = "x".repeat(4096);
    for _ in 0..4096 {
        if socket.emit_when_ready("more", &text).await.is_err() {
            return;
        }
    }
}

/// Takes so long, as a handler does that is busy with something, or a client that doesn't read.
pub(crate) async fn passing(time: Duration) {
    let _ = tokio::time::timeout(time, pending::<()>()).await;
}

/// Lets the others go on before a condition is looked at again that nothing announces.
pub(crate) async fn turn() {
    passing(LOOK_AGAIN).await;
}

/// How long the server waits for what a client owes it.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

/// The heartbeat's part, as clients don't answer it and some are slow.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Long enough for anything that comes at all.
pub(crate) const CAP: Duration = Duration::from_secs(30);

const LOOK_AGAIN: Duration = Duration::from_millis(2);
