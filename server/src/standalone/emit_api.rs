//! `POST /api/emit`, on the internal listener.

use std::{sync::Arc, time::Duration};

use actix_http::ConnectionType;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::time::timeout;

use super::{ApiKey, settings::ApiSettings};
use crate::{EmitError, Limit, RESERVED_ROOMS, RawArgs, SocketIo};

/// What the API needs to know.
#[derive(Clone, Debug)]
pub(super) struct Api {
    io: SocketIo,
    key: Option<Arc<ApiKey>>,
    max_body: usize,
    body_timeout: Duration,
    max_rooms: usize,
}

impl Api {
    pub(super) fn new(io: SocketIo, settings: &ApiSettings, body_timeout: Duration) -> Self {
        Self {
            io,
            key: settings.key.as_ref().map(|key| Arc::new(ApiKey::new(key))),
            max_body: settings.max_body,
            body_timeout,
            max_rooms: settings.max_rooms,
        }
    }

    /// Adds the routes to an App.
    pub(super) fn configure(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::new(self))
            .service(
                web::resource("/api/emit")
                    .route(web::post().to(emit))
                    .default_service(web::to(method_not_allowed)),
            )
            .default_service(web::to(not_found));
    }
}

/// A call: what it emits, and to whom.
#[derive(Debug)]
pub(crate) struct Emit {
    pub(crate) namespace: String,
    pub(crate) rooms: Vec<String>,
    pub(crate) except: Vec<String>,
    pub(crate) event: String,
    pub(crate) args: RawArgs,
    pub(crate) audience: Audience,
}

impl Emit {
    /// Reads the body of a call.
    pub(crate) fn parse(body: &[u8], max_rooms: usize) -> Result<Self, Refused> {
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Refused::Bad("the body must be a JSON object".to_owned()));
        }
        let call: Body<'_> =
            serde_json::from_slice(body).map_err(|error| Refused::Bad(error.to_string()))?;
        for (list, rooms) in [("rooms", &call.rooms), ("except", &call.except)] {
            if rooms.len() > max_rooms {
                return Err(Refused::TooManyRooms {
                    list,
                    named: rooms.len(),
                    allowed: max_rooms,
                });
            }
            if rooms.iter().any(|room| room.starts_with(RESERVED_ROOMS)) {
                let problem = format!(
                    "{list}: names that begin with `{RESERVED_ROOMS}` are the server's own"
                );
                return Err(Refused::Bad(problem));
            }
        }
        if call.event.is_empty() {
            return Err(Refused::Bad("event: must not be empty".to_owned()));
        }
        let args = call.args.map_or("[]", RawValue::get);
        if !args.starts_with('[') {
            return Err(Refused::Bad(
                "args: must be a list, such as [{\"id\": 7}]".to_owned(),
            ));
        }
        let args = RawArgs::from_json(args.to_owned(), Vec::new())
            .map_err(|error| Refused::Bad(format!("args: {error}")))?;
        Ok(Self {
            namespace: call.namespace,
            rooms: call.rooms,
            except: call.except,
            event: call.event,
            args,
            audience: call.audience,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(default = "main_namespace")]
    namespace: String,
    #[serde(default)]
    rooms: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    event: String,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    audience: Audience,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Audience {
    #[default]
    Authenticated,
    Everyone,
}

/// Why a call does nothing.
#[derive(Debug)]
pub(crate) enum Refused {
    Unauthorized,
    TooLarge(usize),
    TooManyRooms {
        list: &'static str,
        named: usize,
        allowed: usize,
    },
    TooSlow,
    Bad(String),
    Failed(EmitError),
}

async fn emit(request: HttpRequest, body: web::Payload, api: web::Data<Api>) -> HttpResponse {
    match try_emit(&request, body, &api).await {
        Ok(sockets) => HttpResponse::Ok().json(json!({"result": {"sockets": sockets}})),
        Err(refused) => refused.into_response(),
    }
}

async fn try_emit(request: &HttpRequest, body: web::Payload, api: &Api) -> Result<usize, Refused> {
    let presented = request.headers().get(AUTHORIZATION);
    let presented = presented.and_then(|value| value.to_str().ok());
    let authorized = match (&api.key, presented) {
        (Some(key), Some(presented)) => key.authorizes(presented),
        _ => false,
    };
    if !authorized {
        return Err(Refused::Unauthorized);
    }
    let reading = timeout(api.body_timeout, read(body, api.max_body));
    let body = reading.await.unwrap_or(Err(Refused::TooSlow));
    let body = body.inspect_err(|refused| {
        let limit = match refused {
            Refused::TooLarge(_) => Limit::ApiBody,
            Refused::TooSlow => Limit::BodyTimeout,
            _ => return,
        };
        api.io.engine().limits().count(limit);
    })?;
    let call = Emit::parse(&body, api.max_rooms).inspect_err(|refused| {
        if matches!(refused, Refused::TooManyRooms { .. }) {
            api.io.engine().limits().count(Limit::ApiRooms);
        }
    })?;
    let namespace = api
        .io
        .of(&call.namespace)
        .ok_or_else(|| Refused::Bad(format!("namespace: {:?} does not exist", call.namespace)))?;
    let mut operator = namespace.to(call.rooms).except(call.except);
    if call.audience == Audience::Authenticated {
        operator = operator.authenticated();
    }
    let counting = operator
        .emit_raw_counted(&call.event, &call.args)
        .map_err(Refused::from)?;
    counting.await.map_err(Refused::from)
}

impl From<EmitError> for Refused {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::ReservedName(_) => Self::Bad(format!("event: {error}")),
            other => Self::Failed(other),
        }
    }
}

impl Refused {
    fn into_response(self) -> HttpResponse {
        match self {
            Self::Unauthorized => error(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "the header `Authorization: Bearer KEY` is missing or wrong",
            ),
            Self::TooLarge(limit) => {
                let message = format!("the body is longer than {limit} bytes");
                error(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", &message)
            }
            Self::TooManyRooms {
                list,
                named,
                allowed,
            } => {
                let message = format!("{list}: {named} named, at most {allowed} allowed");
                error(StatusCode::BAD_REQUEST, "bad_request", &message)
            }
            Self::TooSlow => {
                let message = "the body takes too long";
                let mut refusal = error(StatusCode::REQUEST_TIMEOUT, "request_timeout", message);
                // The rest of it may never come.
                refusal
                    .head_mut()
                    .set_connection_type(ConnectionType::Close);
                refusal
            }
            Self::Bad(message) => error(StatusCode::BAD_REQUEST, "bad_request", &message),
            Self::Failed(failure) => {
                tracing::error!(error = %failure, "emit failed");
                let message = failure.to_string();
                error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &message)
            }
        }
    }
}

async fn read(mut payload: web::Payload, limit: usize) -> Result<Bytes, Refused> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Refused::Bad(error.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(Refused::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn not_found() -> HttpResponse {
    error(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path",
    )
}

pub(super) async fn method_not_allowed() -> HttpResponse {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "not with this method",
    )
}

fn error(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": {"code": code, "message": message}}))
}

fn main_namespace() -> String {
    "/".to_owned()
}
