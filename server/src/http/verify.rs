//! Which requests the engine takes, in the order in which clients expect refusals.

use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{CONNECTION, HeaderMap, ORIGIN, UPGRADE},
    },
};
use sockeye_protocol::{
    Sid,
    engine::{ErrorCode, Query, Target, Transport, verify, verify_revision, verify_transport},
};

use super::{ConnectionError, HttpConfig, OriginPattern, admit::admit};
use crate::{
    admission::Permit,
    engine::{DeskHandle, Engine},
};

/// What a request that may be served wants.
pub(super) enum Wanted {
    /// A session with this identifier, in this place.
    NewSession(Sid, Option<Box<Permit>>),
    /// A session, and where it lives.
    Session(Sid, DeskHandle),
}

/// What a request asks for, as far as can be told without asking the application.
pub(super) enum Asked {
    /// A session, for which there is this place.
    NewSession(Option<Box<Permit>>),
    /// This session, by this transport.
    Session(Sid, Transport),
}

/// Reads what a request asks for; where that is a session, takes a place for it.
pub(super) fn ask(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    query: &Query,
    is_upgrade: bool,
) -> Result<Asked, ConnectionError> {
    let is_get = request.method() == Method::GET;
    let target = verify(query, is_get, is_upgrade, &engine.0.config)
        .map_err(|code| describe(code, request, query))?;
    if !origin_allowed(config, request.headers()) {
        return Err(ConnectionError::Origin);
    }
    Ok(match target {
        Target::Handshake(_) => Asked::NewSession(admit(engine, config, request)?),
        Target::Session { sid, transport } => Asked::Session(sid, transport),
    })
}

/// Checks the rest of a request, by the application's own check and by what there is.
pub(super) async fn check(
    engine: &Engine,
    config: &HttpConfig,
    request: &HttpRequest,
    query: &Query,
    is_upgrade: bool,
    asked: Asked,
) -> Result<Wanted, ConnectionError> {
    match asked {
        Asked::NewSession(permit) => {
            let allowed = config.hooks.allow(request).await;
            allowed.map_err(ConnectionError::Forbidden)?;
            verify_revision(query).map_err(|code| describe(code, request, query))?;
            Ok(Wanted::NewSession(config.hooks.sid(request).await?, permit))
        }
        Asked::Session(sid, transport) => {
            let desk = engine.0.directory.get(&sid);
            let desk = desk.ok_or_else(|| unknown(sid))?;
            // Which transport the session is on now, only its own thread knows.
            verify_transport(transport, Transport::Polling, is_upgrade).map_err(|_| {
                ConnectionError::TransportMismatch {
                    requested: transport,
                }
            })?;
            Ok(Wanted::Session(sid, desk))
        }
    }
}

/// The refusal of a request for a session that is not there, or no longer.
pub(super) fn unknown(sid: Sid) -> ConnectionError {
    ConnectionError::UnknownSid {
        sid: sid.to_string(),
    }
}

/// Whether the request asks for a WebSocket, and the engine has any.
pub(super) fn is_upgrade(engine: &Engine, headers: &HeaderMap) -> bool {
    asks_for_websocket(headers) && engine.0.config.transports().contains(Transport::WebSocket)
}

pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let names = |name, token: &str| {
        headers
            .get_all(name)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")
}

fn describe(code: ErrorCode, request: &HttpRequest, query: &Query) -> ConnectionError {
    match code {
        ErrorCode::TransportUnknown => ConnectionError::TransportUnknown {
            transport: query.get("transport").map(str::to_owned),
        },
        ErrorCode::UnknownSid => ConnectionError::UnknownSid {
            sid: query.sid().unwrap_or_default().to_owned(),
        },
        ErrorCode::BadHandshakeMethod => ConnectionError::BadHandshakeMethod {
            method: request.method().clone(),
        },
        ErrorCode::BadRequest | ErrorCode::Overloaded | ErrorCode::TooManyRequests => {
            ConnectionError::TransportHandshake
        }
        ErrorCode::Forbidden => ConnectionError::Forbidden(super::Forbidden::default()),
        ErrorCode::UnsupportedProtocolVersion => ConnectionError::UnsupportedProtocolVersion {
            eio: query.eio().map(str::to_owned),
        },
    }
}

fn origin_allowed(config: &HttpConfig, headers: &HeaderMap) -> bool {
    let allowed = config.allowed_origins.as_deref();
    allowed.is_none_or(|allowed| is_of(allowed, headers))
}

/// Whether a request comes from one of these origins, or from no browser.
pub(crate) fn is_of(allowed: &[OriginPattern], headers: &HeaderMap) -> bool {
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
