#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::{any::Any, time::Duration};

use actix_rt::net::TcpStream;
use actix_web::dev::Extensions;
#[cfg(target_os = "linux")]
use socket2::TcpKeepalive;

/// Returns what to give to [`HttpServer::on_connect`](actix_web::HttpServer::on_connect) so that
/// the system cuts a connection whose client takes nothing of what was written for so long.
///
/// And so that it notices the end of a client that has vanished while nothing was to be written:
/// after a minute of silence the client's system is asked whether it is still there.
///
/// A session ends when its client stops reading, yet its connection can't be closed while there is
/// something left to write: actix waits for the client, which may be for ever. The time is the
/// system's `TCP_USER_TIMEOUT`, so it runs only while data is waiting; where there is no such
/// option (it is Linux's), this does nothing.
pub fn cut_stuck_clients(
    after: Duration,
) -> impl Fn(&dyn Any, &mut Extensions) + Clone + Send + Sync + 'static {
    move |connection, _| {
        if let Some(stream) = connection.downcast_ref::<TcpStream>() {
            cut_stuck(stream, after);
        }
    }
}

/// Sets the options of a connection, or of a listener for all that it accepts.
#[cfg(target_os = "linux")]
pub(crate) fn cut_stuck(socket: &impl AsFd, after: Duration) {
    let stream = socket2::SockRef::from(socket);
    let probes = TcpKeepalive::new()
        .with_time(IDLE)
        .with_interval(PROBE_INTERVAL);
    let set = stream
        .set_tcp_user_timeout(Some(after))
        .and_then(|()| stream.set_tcp_keepalive(&probes));
    if let Err(error) = set {
        tracing::warn!(%error, "no timeout for clients that don't read");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cut_stuck<S>(_: &S, _: Duration) {}

/// How long a connection may be silent before its other end is looked for.
#[cfg(target_os = "linux")]
const IDLE: Duration = Duration::from_secs(60);

#[cfg(target_os = "linux")]
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
