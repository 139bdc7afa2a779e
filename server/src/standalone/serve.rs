//! `sockeye serve`: the two listeners, from the first bind to the last goodbye.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
};
use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout_at,
};

use super::{
    ApplicationError, DevMode, DevModeError, Loaded, Settings, application::build, demo::Demo,
    emit_api::Api, metrics::Metrics,
};
use crate::{
    FrontServer,
    front::{BACKLOG, bind},
};

/// Why the server doesn't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The settings make no server.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// Development mode can't make up what it needs.
    #[error(transparent)]
    Dev(#[from] DevModeError),
    /// An address can't be listened on.
    #[error("{key}: can't listen on {address}: {error}")]
    Listen {
        /// The setting.
        key: &'static str,
        /// Its address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The server can't go on.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How a server ended that was told to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// After its clients were seen off, as far as they could be by `shutdown_timeout`.
    Cleanly,
    /// At once, as it was told a second time.
    AtOnce,
}

/// Serves until SIGTERM, SIGINT, SIGHUP or SIGQUIT, then sees its clients off; a second signal ends it at once.
///
/// Prints one line to standard output when clients can connect.
///
/// # Errors
///
/// [`ServeError`], before anything is served but for the last of them.
pub async fn serve(loaded: Loaded) -> Result<Stopped, ServeError> {
    let Loaded { mut settings, .. } = loaded;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let dev = match settings.dev {
        true => Some(DevMode::prepare(&mut settings, now.as_secs())?),
        false => None,
    };
    let io = build(&settings)?;
    let public = listen("listen", settings.listen)?;
    let internal_listener = listen("internal_listen", settings.internal_listen)?;
    let public_url = format!("http://{}", public.local_addr()?);
    let internal_url = format!("http://{}", internal_listener.local_addr()?);
    let deadline = settings.auth.deadline;
    let demo = dev
        .as_ref()
        .map(|dev| Demo::new(dev, &internal_url, deadline));

    let mounted = io.clone();
    let proxies = settings.proxies.proxies().map_err(ApplicationError::from)?;
    let connections = settings.admission.connections(descriptors());
    let sessions = settings.admission.max_sessions;
    if let Some(connections) = connections.filter(|most| *most < sessions) {
        let message = "file descriptors (`ulimit -n`) allow fewer connections than `max_sessions`";
        tracing::info!(connections, sessions, "{message}");
    }
    let front = FrontServer::new(move || {
        let demo = demo.clone();
        App::new().service(mounted.service()).configure(|app| {
            if let Some(demo) = demo {
                demo.configure(app);
            }
        })
    })
    .write_timeout(settings.engine.write_timeout)
    .client_request_timeout(settings.limits.header_timeout)
    .max_connections(connections)
    .max_connections_per_address(settings.admission.connections_per_address())
    .trusted_proxies(proxies.clone())
    .disable_signals()
    .shutdown_timeout(1);
    let front = match settings.proxies.protocol {
        true => front.proxy_protocol(proxies),
        false => front,
    };
    let api = Api::new(io.clone(), &settings.api, settings.limits.body_timeout);
    let metrics = Metrics {
        io: io.clone(),
        front: front.stats(),
    };
    let metrics_only = serve_metrics(&settings, &metrics)?;
    let public = front.listen(public)?.run();
    let internal = HttpServer::new(move || {
        let (metrics, api) = (metrics.clone(), api.clone());
        App::new()
            .configure(|app| metrics.configure(app))
            .configure(|app| api.configure(app))
    });
    let internal = internal.workers(1).disable_signals().shutdown_timeout(1);
    let internal = internal.listen(internal_listener)?.run();

    let mut signals = Signals::new()?;
    let mut handles = vec![public.handle(), internal.handle()];
    let servers = actix_web::rt::spawn(run_both(public, internal));
    if let Some(server) = metrics_only {
        handles.push(server.handle());
        actix_web::rt::spawn(server);
    }
    announce(dev.as_ref(), &public_url, &internal_url)?;
    let name = signals.next().await;
    tracing::info!("{name}, shutting down");
    let latest = Instant::now() + settings.shutdown_timeout + LAST_ANSWERS;
    let ending = async {
        io.close(settings.shutdown_timeout).await;
        stop(&handles).await;
        servers.await
    };
    tokio::select! {
        ended = timeout_at(latest.into(), ending) => match ended {
            Ok(Ok(result)) => result?,
            Ok(Err(error)) => return Err(io::Error::other(error).into()),
            Err(_) => tracing::info!("answers that nobody reads are cut"),
        },
        name = signals.next() => {
            tracing::warn!("{name} again, clients are cut");
            return Ok(Stopped::AtOnce);
        }
    }
    Ok(Stopped::Cleanly)
}

/// What tells the process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}

/// Lets the process have as many file descriptors as it may; returns how many, if that is limited.
///
/// What it has from the start, often 1,024, is meant for programs that can't count further.
fn descriptors() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let limit = match setrlimit(Resource::Nofile, most) {
        Ok(()) => limit.maximum?,
        Err(_) => limit.current?,
    };
    Some(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Stops servers, each when its answers have gone out.
async fn stop(servers: &[ServerHandle]) {
    join_all(servers.iter().map(|server| server.stop(true))).await;
}

async fn run_both(public: Server, internal: Server) -> io::Result<()> {
    let (public, internal) = futures_util::future::join(public, internal).await;
    public.and(internal)
}

/// Serves the metrics at an address of their own, if they have one.
fn serve_metrics(settings: &Settings, metrics: &Metrics) -> Result<Option<Server>, ServeError> {
    let Some(address) = settings.metrics.listen else {
        return Ok(None);
    };
    let listener = listen("metrics.listen", address)?;
    tracing::info!(address = %listener.local_addr()?, "metrics");
    let metrics = metrics.clone();
    let server = HttpServer::new(move || {
        let metrics = metrics.clone();
        App::new().configure(|app| metrics.configure(app))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1);
    Ok(Some(server.listen(listener)?.run()))
}

fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    bind(address, BACKLOG).map_err(|error| ServeError::Listen {
        key,
        address,
        error,
    })
}

/// Says that clients can connect: to people on standard error, to programs on standard output.
fn announce(dev: Option<&DevMode>, public_url: &str, internal_url: &str) -> io::Result<()> {
    if let Some(dev) = dev {
        eprintln!("{}", dev.banner(public_url, internal_url));
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "sockeye listening on {public_url} internal {internal_url}"
    )?;
    out.flush()
}

/// How long the last answers have when the clients are gone, past `shutdown_timeout`: one to a client
/// that doesn't read would never go out.
const LAST_ANSWERS: Duration = Duration::from_millis(500);
