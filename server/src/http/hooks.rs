//! What an embedder may hang into the HTTP side: how hooks are stored and called.

use std::{borrow::Cow, fmt, sync::Arc};

use actix_web::{
    Error, FromRequest, Handler, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header::HeaderMap},
};
use futures_util::future::LocalBoxFuture;
use sockeye_protocol::Sid;
use sockeye_router::Handshake;

use super::{ConnectionError, HttpConfig};
use sockeye_router::new_sid;

/// A refusal of a handshake by the application, with the message that the client is told.
///
/// ```
/// use sockeye::Forbidden;
///
/// assert_eq!(Forbidden::default().message(), "Forbidden");
/// assert_eq!(Forbidden::from("banned").message(), "banned");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forbidden(Cow<'static, str>);

impl Forbidden {
    /// Refuses with this message; an empty one stands for `Forbidden`.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }

    /// Returns what the client is told.
    #[must_use]
    pub fn message(&self) -> &str {
        if self.0.is_empty() {
            "Forbidden"
        } else {
            &self.0
        }
    }
}

impl From<&'static str> for Forbidden {
    fn from(message: &'static str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Forbidden {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// What an engine middleware wants done with a request.
#[derive(Debug)]
pub enum Intercept {
    /// Let it pass to the next middleware, and to the engine at last.
    Continue,
    /// Refuse it: 400 with code 3, `Bad request`.
    Refuse,
    /// Answer it with this, whatever it is.
    Respond(HttpResponse),
}

impl From<()> for Intercept {
    fn from((): ()) -> Self {
        Self::Continue
    }
}

impl From<HttpResponse> for Intercept {
    fn from(response: HttpResponse) -> Self {
        Self::Respond(response)
    }
}

/// The hooks of a configuration; what is not set costs a look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    middlewares: Vec<Hook<Middleware>>,
    allow_request: Option<Hook<AllowRequest>>,
    generate_id: Option<Hook<GenerateId>>,
    handshake: Vec<Hook<WithHandshake>>,
    initial_headers: Vec<Hook<AddHeaders>>,
    headers: Vec<Hook<AddHeaders>>,
    connection_error: Vec<Hook<OnError>>,
}

type Middleware = dyn Fn(HttpRequest) -> LocalBoxFuture<'static, Intercept> + Send + Sync;
type AllowRequest =
    dyn Fn(HttpRequest) -> LocalBoxFuture<'static, Result<(), Forbidden>> + Send + Sync;
type GenerateId = dyn Fn(HttpRequest) -> LocalBoxFuture<'static, Option<Sid>> + Send + Sync;
type WithHandshake = dyn Fn(&HttpRequest, Handshake) -> Handshake + Send + Sync;
type AddHeaders = dyn Fn(&HttpRequest, &mut HeaderMap) + Send + Sync;
type OnError = dyn Fn(&HttpRequest, &ConnectionError) + Send + Sync;

impl HttpConfig {
    /// Adds a middleware for every request to the engine, those of open sessions included. It runs
    /// before anything is verified, in the order of registration, and after a CORS preflight was
    /// answered. A handshake that [admission](crate::Admission) has no place for doesn't reach it.
    ///
    /// It takes what an actix-web handler takes, except a body, and returns an [`Intercept`] or
    /// `()`, which lets the request pass. The request is refused where an argument can't be
    /// extracted.
    pub fn with_middleware<F, Args>(mut self, middleware: F) -> Self
    where
        F: Handler<Args, Output: Into<Intercept>> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let call = caller(middleware);
        let hook = move |request| -> LocalBoxFuture<'static, Intercept> {
            let called = call(request);
            Box::pin(async move {
                match called.await {
                    Ok(output) => output.into(),
                    Err(error) => {
                        tracing::debug!(%error, "engine middleware not called");
                        Intercept::Refuse
                    }
                }
            })
        };
        self.hooks.middlewares.push(Hook(Arc::new(hook)));
        self
    }

    /// Asks the application before a session is opened; anyone may open one by default.
    ///
    /// The hook takes what an actix-web handler takes, except a body: the request, an
    /// `actix_session::Session`, an `Option<actix_identity::Identity>`, ... It is called once per
    /// session, as the last check but that of the protocol's revision, and not for the requests of
    /// an open session, an upgrade's included. A refusal is 403 with code 4 over polling, and 400
    /// with the message as text for a WebSocket. The handshake is refused, too, where an argument
    /// can't be extracted.
    ///
    /// There is no limit to the time that it takes: the client's connection is open meanwhile.
    pub fn with_allow_request<F, Args>(mut self, hook: F) -> Self
    where
        F: Handler<Args, Output = Result<(), Forbidden>> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let call = caller(hook);
        let hook = move |request| -> LocalBoxFuture<'static, Result<(), Forbidden>> {
            let called = call(request);
            Box::pin(async move {
                called.await.unwrap_or_else(|error| {
                    tracing::debug!(%error, "handshake refused");
                    Err(Forbidden::default())
                })
            })
        };
        self.hooks.allow_request = Some(Hook(Arc::new(hook)));
        self
    }

    /// Lets the application make the sessions' identifiers; 120 random bits by default.
    ///
    /// It takes what an actix-web handler takes, except a body. An identifier must be as hard to
    /// guess as a password, as it is all that a request has to know to be the session's, and must
    /// not be in use: the handshake is refused with code 3 then, or when it returns none, or when
    /// an argument can't be extracted.
    pub fn with_generate_id<F, Args>(mut self, hook: F) -> Self
    where
        F: Handler<Args, Output = Option<Sid>> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let call = caller(hook);
        let hook = move |request| -> LocalBoxFuture<'static, Option<Sid>> {
            let called = call(request);
            Box::pin(async move { called.await.ok().flatten() })
        };
        self.hooks.generate_id = Some(Hook(Arc::new(hook)));
        self
    }

    /// Adds to the handshake of each new session what its sockets are to know of the request, most
    /// often with [`Handshake::with_extension`]. Called once per session; several hooks run in
    /// turn.
    ///
    /// The handshake lives as long as the session, so give it values of its own: a header's value
    /// that is not copied keeps the buffer that the request was read into.
    pub fn with_handshake(
        mut self,
        hook: impl Fn(&HttpRequest, Handshake) -> Handshake + Send + Sync + 'static,
    ) -> Self {
        self.hooks.handshake.push(Hook(Arc::new(hook)));
        self
    }

    /// Changes the headers of the first answer of each session: the polling handshake's, or that
    /// of a WebSocket which opens a session. Refusals are not changed.
    pub fn with_initial_headers(
        mut self,
        hook: impl Fn(&HttpRequest, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.initial_headers.push(Hook(Arc::new(hook)));
        self
    }

    /// Changes the headers of every answer to a poll, to a POST and to a WebSocket's handshake, an
    /// upgrade's included, after [`with_initial_headers`](Self::with_initial_headers). Refusals are
    /// not changed.
    pub fn with_headers(
        mut self,
        hook: impl Fn(&HttpRequest, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.headers.push(Hook(Arc::new(hook)));
        self
    }

    /// Tells the application of each request that is refused with a code, and why.
    pub fn with_connection_error(
        mut self,
        hook: impl Fn(&HttpRequest, &ConnectionError) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.connection_error.push(Hook(Arc::new(hook)));
        self
    }
}

impl Hooks {
    /// Runs the middlewares; the first that doesn't let the request pass decides.
    pub(super) async fn intercept(&self, request: &HttpRequest) -> Intercept {
        for middleware in &self.middlewares {
            let intercept = (middleware.0)(request.clone()).await;
            if !matches!(intercept, Intercept::Continue) {
                return intercept;
            }
        }
        Intercept::Continue
    }

    pub(super) async fn allow(&self, request: &HttpRequest) -> Result<(), Forbidden> {
        match &self.allow_request {
            Some(allow) => (allow.0)(request.clone()).await,
            None => Ok(()),
        }
    }

    pub(super) async fn sid(&self, request: &HttpRequest) -> Result<Sid, ConnectionError> {
        let Some(generate) = &self.generate_id else {
            return Ok(new_sid());
        };
        let sid = (generate.0)(request.clone()).await;
        sid.ok_or(ConnectionError::IdGeneration)
    }

    pub(super) fn complete(&self, request: &HttpRequest, handshake: Handshake) -> Handshake {
        let hooks = self.handshake.iter();
        hooks.fold(handshake, |handshake, hook| (hook.0)(request, handshake))
    }

    /// Changes the headers of an answer, unless it is a refusal.
    pub(super) fn add_headers(
        &self,
        request: &HttpRequest,
        response: &mut HttpResponse,
        is_first: bool,
    ) {
        let status = response.status();
        if status != StatusCode::OK && status != StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        let initial = self.initial_headers.iter().filter(|_| is_first);
        for hook in initial.chain(&self.headers) {
            (hook.0)(request, response.headers_mut());
        }
    }

    pub(super) fn refused(&self, request: &HttpRequest, error: &ConnectionError) {
        for hook in &self.connection_error {
            (hook.0)(request, error);
        }
    }
}

/// Returns what extracts the arguments of a handler and calls it.
fn caller<F, Args>(
    handler: F,
) -> impl Fn(HttpRequest) -> LocalBoxFuture<'static, Result<F::Output, Error>> + Send + Sync
where
    F: Handler<Args> + Send + Sync,
    Args: FromRequest + 'static,
{
    move |request| {
        let handler = handler.clone();
        Box::pin(async move {
            let args = Args::from_request(&request, &mut Payload::None);
            let args = args.await.map_err(Into::into)?;
            Ok(handler.call(args).await)
        })
    }
}

/// A hook as the configuration keeps it: shared by all workers.
struct Hook<F: ?Sized>(Arc<F>);

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F: ?Sized> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
