use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc};

use actix_http::ConnectionType;
use actix_service::fn_service;
use actix_web::{
    Error, HttpRequest, HttpResponse,
    dev::{AppService, HttpServiceFactory, Payload, ResourceDef, ServiceRequest, ServiceResponse},
    guard::{self, GuardContext},
    http::{Method, header::SET_COOKIE},
};
use futures_util::FutureExt as _;
use sockeye_protocol::{
    Sid,
    engine::{Query, Transport},
};

use super::{
    ConnectionError, HttpConfig, Intercept,
    handshake::handshake,
    header_limits, polling, reply,
    verify::{Asked, Wanted, ask, check, is_upgrade},
    websocket,
};
use crate::{
    Limit,
    engine::{Desk, Engine},
};

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
                let answering = respond(&shared.0, &shared.1, &request, payload);
                let mut response = survive(answering).await;
                if request.head().upgrade() && !response.head().upgrade() {
                    // Proxies that say `Connection: upgrade` with every request are told that actix
                    // takes it for the last one.
                    response
                        .head_mut()
                        .set_connection_type(ConnectionType::Close);
                }
                Ok::<_, Error>(ServiceResponse::new(request, response))
            }
        });
        let guards: Vec<Box<dyn guard::Guard>> = vec![Box::new(guard::fn_guard(has_slash))];
        app.register_service(resource, Some(guards), factory, None);
    }
}

/// Answers 500 for a hook of the embedder's that panics.
async fn survive(answering: impl Future<Output = HttpResponse>) -> HttpResponse {
    let answered = AssertUnwindSafe(answering).catch_unwind().await;
    answered.unwrap_or_else(|_| {
        tracing::error!("a hook panicked, request refused");
        HttpResponse::InternalServerError().force_close().finish()
    })
}

async fn respond(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    if let Some(response) = header_limits::refuse(config, request) {
        engine.0.limits.count(Limit::Headers);
        return response;
    }
    if let Some(response) = config
        .cors
        .as_ref()
        .and_then(|cors| cors.preflight(request))
    {
        return response;
    }
    let mut response = match client_file(config, request) {
        Some(response) => response,
        None => serve(engine, config, request, payload).await,
    };
    if let Some(cors) = &config.cors {
        cors.decorate(request.headers(), response.headers_mut());
    }
    response
}

fn client_file(config: &HttpConfig, request: &HttpRequest) -> Option<HttpResponse> {
    config.client_files.as_ref()?.respond(request)
}

async fn serve(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let is_upgrade = is_upgrade(engine, request.headers());
    let query = Query::parse(request.query_string());
    // A place is asked for first: what is over a limit must not cost the application anything.
    let asked = ask(engine, config, request, &query, is_upgrade);
    let served = match asked {
        Err(error @ ConnectionError::Limit(_)) => Err(error),
        asked => match config.hooks.intercept(request).await {
            Intercept::Respond(response) => return response,
            Intercept::Refuse => Err(ConnectionError::Middleware),
            Intercept::Continue if is_upgrade => {
                upgrade(engine, config, request, &query, payload, asked).await
            }
            Intercept::Continue => {
                poll_or_post(engine, config, request, &query, payload, asked).await
            }
        },
    };
    served.unwrap_or_else(|error| {
        config.hooks.refused(request, &error);
        if is_upgrade {
            reply::web_socket_error(&error)
        } else {
            reply::error(&error)
        }
    })
}

async fn poll_or_post(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    query: &Query,
    payload: Payload,
    asked: Result<Asked, ConnectionError>,
) -> Result<HttpResponse, ConnectionError> {
    let wanted = check(engine, config, request, query, false, asked?).await?;
    let (mut response, is_first) = match wanted {
        Wanted::NewSession(..) if engine.is_closing() => return Ok(reply::shutting_down()),
        Wanted::NewSession(sid, permit) => {
            let desk = Desk::of(engine);
            let handshake = handshake(config, request, query);
            desk.open(engine, Transport::Polling, false, sid, handshake, permit)
                .ok_or(ConnectionError::IdGeneration)?;
            let mut response = polling::poll(engine, config, &desk.handle, sid, request).await?;
            set_cookie(config, sid, &mut response);
            (response, true)
        }
        Wanted::Session(sid, desk) => {
            let response = match *request.method() {
                Method::GET => polling::poll(engine, config, &desk, sid, request).await?,
                Method::POST => polling::post(engine, config, &desk, sid, request, payload).await?,
                _ => reply::method_not_allowed(),
            };
            (response, false)
        }
    };
    config.hooks.add_headers(request, &mut response, is_first);
    Ok(response)
}

async fn upgrade(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    query: &Query,
    payload: Payload,
    asked: Result<Asked, ConnectionError>,
) -> Result<HttpResponse, ConnectionError> {
    let wanted = check(engine, config, request, query, true, asked?).await?;
    let (mut response, is_first) = match wanted {
        Wanted::NewSession(..) if engine.is_closing() => return Ok(reply::shutting_down()),
        Wanted::NewSession(sid, permit) => {
            let handshake = handshake(config, request, query);
            let text_only = query.b64();
            let response =
                websocket::open(engine, request, payload, text_only, sid, handshake, permit)?;
            (response, true)
        }
        Wanted::Session(sid, desk) => {
            let text_only = query.b64();
            let response = websocket::attach(engine, &desk, sid, request, payload, text_only);
            (response.await?, false)
        }
    };
    config.hooks.add_headers(request, &mut response, is_first);
    Ok(response)
}

fn set_cookie(config: &HttpConfig, sid: Sid, response: &mut HttpResponse) {
    // An invalid one was refused when the server was built.
    if let Some(cookie) = &config.cookie
        && let Ok(header) = cookie.header(sid)
    {
        response.headers_mut().append(SET_COOKIE, header);
    }
}
