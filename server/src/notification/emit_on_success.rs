use std::future::{Ready, ready};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error,
    dev::{ServiceRequest, ServiceResponse},
};
use futures_util::future::LocalBoxFuture;

use super::attach::Attached;
use crate::SocketIo;

/// Emits the notifications that handlers have attached to their responses, if they succeeded.
///
/// An App middleware. What the handler and the middlewares inside of this one have answered
/// decides: 2xx and 3xx are successes; anything else, and an error, drops the notifications. They
/// are queued before the response leaves: an event may arrive before it, and what the client does
/// next comes later.
///
/// ```
/// use actix_web::{App, HttpResponse, Responder, web};
/// use serde_json::json;
/// use sockeye::{EmitOnSuccess, Namespace, Notification, NotificationError, Notify, SocketIo};
///
/// async fn create() -> Result<impl Responder, NotificationError> {
///     let record = json!({"id": 1});
///     let news = Notification::new("new-record", &record)?.to(["editors", "admins"]);
///     Ok(HttpResponse::Created().json(record).notify(news))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let io = SocketIo::builder().namespace(Namespace::new("/")).build()?;
/// let app = App::new()
///     .wrap(EmitOnSuccess::new(io.clone()))
///     .configure(io.mount())
///     .route("/records", web::post().to(create));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EmitOnSuccess {
    io: SocketIo,
}

impl EmitOnSuccess {
    /// Emits to the sockets of this server.
    #[must_use]
    pub fn new(io: SocketIo) -> Self {
        Self { io }
    }
}

impl<S, B> Transform<S, ServiceRequest> for EmitOnSuccess
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Emitting<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let io = self.io.clone();
        ready(Ok(Emitting { service, io }))
    }
}

/// The service that [`EmitOnSuccess`] puts around another.
#[derive(Debug)]
pub struct Emitting<S> {
    service: S,
    io: SocketIo,
}

impl<S, B> Service<ServiceRequest> for Emitting<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse<B>, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let io = self.io.clone();
        let answer = self.service.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            let attached = Attached::take(response.response_mut());
            let status = response.status();
            if status.is_success() || status.is_redirection() {
                for notification in attached {
                    if let Err(error) = notification.emit(&io).await {
                        // Its arguments are somebody's data, and no business of the log.
                        let (event, bytes) = (notification.event(), notification.args_len());
                        tracing::error!(%error, event, bytes, "notification not emitted");
                    }
                }
            }
            Ok(response)
        })
    }
}
