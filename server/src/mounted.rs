//! The server as a part of actix-web's App: mounted in it, and an argument of its handlers.

use std::{
    fmt,
    future::{Ready, pending, ready},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpRequest, ResponseError,
    dev::Payload,
    web::{Data, ServiceConfig},
};

use crate::SocketIo;

impl SocketIo {
    /// Returns what mounts the server, for `configure` of an App or a scope: its
    /// [`service`](Self::service) at its path, and the server itself as an argument of the other
    /// handlers there.
    ///
    /// Handlers get the server that is mounted nearest to them, and of several in one App or scope
    /// the last. Tell several apart by types of your own: `struct Chat(SocketIo)`, in
    /// [`web::Data`](actix_web::web::Data).
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, web};
    /// use sockeye::{Namespace, SocketIo};
    ///
    /// async fn sockets(io: SocketIo) -> HttpResponse {
    ///     HttpResponse::Ok().json(io.stats().sockets)
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let io = SocketIo::builder().namespace(Namespace::new("/")).build()?;
    /// let app = App::new()
    ///     .configure(io.mount())
    ///     .route("/sockets", web::get().to(sockets));
    /// # Ok(())
    /// # }
    /// ```
    pub fn mount(&self) -> impl FnOnce(&mut ServiceConfig) + use<> {
        let io = self.clone();
        move |app| {
            app.service(io.service()).app_data(io);
        }
    }

    /// Waits for SIGINT or SIGTERM and then closes the server, as [`close`](Self::close) does; a
    /// second signal cuts what is left.
    ///
    /// Meant for [`HttpServer::shutdown_signal`](actix_web::HttpServer::shutdown_signal): the HTTP
    /// server then stops when the sockets have ended, for whose polls and WebSockets it would wait
    /// otherwise.
    pub fn close_on_signal(
        &self,
        deadline: Duration,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        let io = self.clone();
        async move {
            match terminated().await {
                Ok(()) => tracing::info!("shutting down"),
                // Nothing would end the process otherwise.
                Err(error) => tracing::error!(%error, "signals can't be waited for"),
            }
            let again = async {
                if terminated().await.is_err() {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                () = io.close(deadline) => {}
                () = again => {
                    tracing::warn!("told to stop again, clients are cut");
                    io.close(Duration::ZERO).await;
                }
            }
        }
    }
}

#[cfg(unix)]
async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// The server that was mounted by [`SocketIo::mount`], or put into `app_data` as it is or in a
/// [`Data`]. Where there is none, the request is answered 500, which is logged.
impl FromRequest for SocketIo {
    type Error = NotMounted;
    type Future = Ready<Result<Self, NotMounted>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let own = request.app_data::<Self>();
        let found = own.or_else(|| request.app_data::<Data<Self>>().map(|data| &***data));
        ready(found.cloned().ok_or_else(|| {
            tracing::error!(
                path = request.path(),
                "a handler wants a `SocketIo`, but the App has none: mount it by `.configure(io.mount())`"
            );
            NotMounted(())
        }))
    }
}

/// A handler wants a [`SocketIo`] where none is mounted; the server's mistake, answered 500.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotMounted(());

/// Says to the client no more than that it is the server's fault.
impl fmt::Display for NotMounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Internal server error")
    }
}

impl std::error::Error for NotMounted {}

impl ResponseError for NotMounted {}
