use std::{
    io,
    net::{SocketAddr, TcpListener},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System};
use sockeye::{
    Args, Auth, AuthError, Binary, Credentials, EmitError, EventRate, FrontServer, Identity,
    Namespace, Reply, RouterConfig, SocketIo, SocketRef,
    engine::EngineConfig,
    standalone::{JwtVerifier, Secret, settings::JwtSettings, sign},
};

use crate::codecs::Note;

/// What carries the server's WebSockets.
#[derive(Clone, Copy)]
pub(super) enum Host {
    Front,
    App,
}

/// A server with one worker, which stops when this is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts a server.
    pub(super) fn start(host: Host) -> io::Result<Self> {
        let io = SocketIo::builder()
            .engine(quiet())
            // Paths are walked as fast as they can be; that it is counted at all is a part of them.
            .router(RouterConfig::default().with_event_rate(EventRate::new(NEVER, NEVER)))
            .namespace(open_namespace())
            .namespace(closed_namespace()?)
            .build()
            .map_err(io::Error::other)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (tell, told) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || App::new().service(io.service());
                let server = match host {
                    Host::Front => {
                        let server = FrontServer::new(app).workers(1).disable_signals();
                        server.listen(listener)?.run()
                    }
                    Host::App => {
                        let server = HttpServer::new(app).workers(1).disable_signals();
                        let server = server.h1_allow_half_closed(false).tcp_nodelay(true);
                        server.listen(listener)?.run()
                    }
                };
                // The other end waits for it.
                let _ = tell.send(server.handle());
                server.await
            })
        });
        Ok(Self {
            address,
            handle: told.recv().map_err(io::Error::other)?,
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is told by the call; the future is for those who want to wait.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns a token that the namespace [`CLOSED`] takes.
pub(super) fn token() -> io::Result<String> {
    let expiry = SystemTime::now() + Duration::from_secs(3_600);
    let expiry = expiry
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let claims = serde_json::json!({"sub": "42", "role": "admin", "exp": expiry.as_secs()});
    let claims = claims.as_object().cloned().unwrap_or_default();
    sign(&jwt(), &claims).map_err(io::Error::other)
}

/// A heartbeat would be counted by chance.
fn quiet() -> EngineConfig {
    EngineConfig::default()
        .with_ping_interval(Duration::from_secs(3_600))
        .with_send_queue_bytes(8 << 20)
}

fn open_namespace() -> Namespace {
    Namespace::new("/")
        .on_connect(enter)
        .on("echo", echo)
        .on("echo-bytes", echo_bytes)
        .on("ack", ack)
        .on("join-leave", join_leave)
        .on("broadcast", broadcast)
        .on("broadcast-ack", broadcast_ack)
}

fn closed_namespace() -> io::Result<Namespace> {
    let tokens = JwtVerifier::new(&jwt()).map_err(io::Error::other)?;
    let verify = move |credentials: Credentials| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let claims = tokens.verify(credentials.token(), now);
        let identity = claims.map(|claims| {
            let subject = claims.subject.unwrap_or_default();
            Identity::new(subject)
                .with_claims(claims.all)
                .with_expiry_unix(claims.expires_at)
        });
        async move { identity.map_err(|_| AuthError::Unauthorized) }
    };
    Ok(Namespace::new(CLOSED).auth(Auth::new(verify)))
}

fn jwt() -> JwtSettings {
    JwtSettings::new(Secret::new("an HS256 secret of more than 32 bytes"))
}

async fn enter(socket: SocketRef) {
    socket.join(ROOM).await;
}

async fn echo(socket: SocketRef, Args(note): Args<Note>) -> Result<(), EmitError> {
    socket.emit("echo", &note)
}

async fn echo_bytes(socket: SocketRef, Args(data): Args<Binary>) -> Result<(), EmitError> {
    socket.emit("echo-bytes", &data)
}

async fn ack(Args(note): Args<Note>) -> Reply<Note> {
    Reply(note)
}

async fn join_leave(socket: SocketRef) -> Reply<bool> {
    socket.join("other").await;
    socket.leave("other").await;
    Reply(true)
}

async fn broadcast(socket: SocketRef, Args(note): Args<Note>) -> Result<(), EmitError> {
    socket.namespace().to(ROOM).emit("news", &note)
}

async fn broadcast_ack(
    socket: SocketRef,
    Args(note): Args<Note>,
) -> Result<Reply<usize>, EmitError> {
    let room = socket.namespace().to(ROOM);
    let report = room.emit_with_ack::<_, (u32,)>("question", &note).await?;
    Ok(Reply(report.replies.len()))
}

/// The namespace that wants a token.
pub(super) const CLOSED: &str = "/closed";

/// The room that every socket of the other namespace is in.
const ROOM: &str = "everyone";

/// As many packets in a second as no path sends.
const NEVER: u32 = 1_000_000_000;
