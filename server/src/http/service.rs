use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_service::fn_service;
use actix_web::{
    Error, HttpRequest, HttpResponse,
    dev::{AppService, HttpServiceFactory, Payload, ResourceDef, ServiceRequest, ServiceResponse},
    guard::{self, GuardContext},
    http::{
        Method,
        header::{CONNECTION, HeaderMap, ORIGIN, UPGRADE},
    },
};
use sockeye_protocol::{
    Sid,
    engine::{ErrorCode, Query, Target, Transport, verify, verify_revision, verify_transport},
};
use sockeye_router::Handshake;

use super::{Cors, OriginPattern, polling, reply, websocket};
use crate::engine::{Desk, DeskHandle, Engine};

/// How an engine is served over HTTP.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpConfig {
    pub(crate) cors: Option<Cors>,
    pub(crate) allowed_origins: Option<Vec<OriginPattern>>,
    pub(crate) body_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cors: None,
            allowed_origins: None,
            body_timeout: Duration::from_secs(10),
        }
    }
}

impl HttpConfig {
    /// Sends CORS headers; none by default.
    pub fn with_cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Refuses every request whose `Origin` header matches none of these; anyone may connect by
    /// default. Requests without the header, which don't come from pages, are let through.
    pub fn with_allowed_origins(
        mut self,
        origins: impl IntoIterator<Item = OriginPattern>,
    ) -> Self {
        self.allowed_origins = Some(origins.into_iter().collect());
        self
    }

    /// Sets how long the body of a POST may take; 10 s by default. One that takes longer is
    /// answered 408 and closes its session.
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }
}

/// An engine, mounted at a path of an App.
pub(crate) struct EngineService {
    pub(crate) engine: Engine,
    pub(crate) path: String,
    pub(crate) config: Arc<HttpConfig>,
}

impl HttpServiceFactory for EngineService {
    fn register(self, app: &mut AppService) {
        let path = self.path.trim_end_matches('/').to_owned();
        let needle = format!("{path}/");
        let resource = if app.is_root() {
            ResourceDef::root_prefix(&path)
        } else {
            ResourceDef::prefix(&*path)
        };
        // The reference takes whatever starts with the path and a slash, and nothing else.
        let has_slash = move |ctx: &GuardContext<'_>| ctx.head().uri.path().contains(&needle);
        let shared = Rc::new((self.engine, self.config));
        let factory = fn_service(move |request: ServiceRequest| {
            let shared = shared.clone();
            async move {
                let (request, payload) = request.into_parts();
                let response = respond(&shared.0, &shared.1, &request, payload).await;
                Ok::<_, Error>(ServiceResponse::new(request, response))
            }
        });
        let guards: Vec<Box<dyn guard::Guard>> = vec![Box::new(guard::fn_guard(has_slash))];
        app.register_service(resource, Some(guards), factory, None);
    }
}

async fn respond(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    if let Some(response) = config
        .cors
        .as_ref()
        .and_then(|cors| cors.preflight(request))
    {
        return response;
    }
    let mut response = if is_upgrade(request.head().headers()) {
        upgrade(engine, config, request, payload).await
    } else {
        poll_or_post(engine, config, request, payload).await
    };
    if let Some(cors) = &config.cors {
        cors.decorate(request.headers(), response.headers_mut());
    }
    response
}

async fn poll_or_post(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let query = Query::parse(request.query_string());
    match check(engine, config, request, &query, false) {
        Err(code) => reply::error(code),
        Ok(Wanted::NewSession) if engine.is_closing() => reply::shutting_down(),
        Ok(Wanted::NewSession) => {
            let desk = Desk::of(engine);
            let handshake = handshake(request, &query);
            let connection = desk.open(engine, Transport::Polling, false, handshake);
            polling::poll(engine, &desk.handle, connection.sid()).await
        }
        Ok(Wanted::Session(sid, desk)) => match *request.method() {
            Method::GET => polling::poll(engine, &desk, sid).await,
            Method::POST => polling::post(engine, config, &desk, sid, request, payload).await,
            _ => reply::method_not_allowed(),
        },
    }
}

async fn upgrade(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let query = Query::parse(request.query_string());
    match check(engine, config, request, &query, true) {
        Err(code) => reply::web_socket_error(code),
        Ok(Wanted::NewSession) if engine.is_closing() => reply::shutting_down(),
        Ok(Wanted::NewSession) => {
            let handshake = handshake(request, &query);
            websocket::open(engine, request, payload, query.b64(), handshake)
        }
        Ok(Wanted::Session(sid, desk)) => {
            websocket::attach(engine, &desk, sid, request, payload, query.b64()).await
        }
    }
}

/// What a request that may be served wants.
enum Wanted {
    NewSession,
    /// A session, and where it lives.
    Session(Sid, DeskHandle),
}

/// Checks a request, in the order in which clients expect refusals.
fn check(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    query: &Query,
    is_upgrade: bool,
) -> Result<Wanted, ErrorCode> {
    let is_get = request.method() == Method::GET;
    let target = verify(query, is_get, is_upgrade, &engine.0.config)?;
    if !origin_allowed(config, request.headers()) {
        return Err(ErrorCode::Forbidden);
    }
    match target {
        Target::Handshake(_) => {
            verify_revision(query)?;
            Ok(Wanted::NewSession)
        }
        Target::Session { sid, transport } => {
            let desk = engine.0.directory.get(&sid);
            let desk = desk.ok_or(ErrorCode::UnknownSid)?;
            // Which transport the session is on now, only its own thread knows.
            verify_transport(transport, Transport::Polling, is_upgrade)?;
            Ok(Wanted::Session(sid, desk))
        }
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    let names = |name, token: &str| {
        headers
            .get_all(name)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")
}

fn origin_allowed(config: &HttpConfig, headers: &HeaderMap) -> bool {
    let Some(allowed) = &config.allowed_origins else {
        return true;
    };
    let mut origins = headers.get_all(ORIGIN);
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin
            .to_str()
            .is_ok_and(|origin| allowed.iter().any(|pattern| pattern.matches(origin))),
        // No browser sends two.
        (Some(_), Some(_)) => false,
    }
}

/// Copies what the handshake needs: the request's own headers are slices of its read buffer, which
/// they would keep for as long as the session lives.
fn handshake(request: &HttpRequest, query: &Query) -> Handshake {
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let pairs = query
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut handshake = Handshake::new(SystemTime::now())
        .with_headers(headers)
        .with_query(pairs)
        .with_url(request.uri().to_string())
        .with_secure(request.app_config().secure());
    if let Some(address) = request.peer_addr() {
        handshake = handshake.with_address(address.ip().to_string());
    }
    handshake
}
