//! From settings to a server.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    JwtVerifier, Requirements,
    client_events::{ClientRules, register},
    refusals::{Reason, Refusals},
    settings::{AuthSettings, DialectName, EngineSettings, Settings, TransportName},
};
use crate::{
    AllowedOrigins, Auth, AuthError, BuildServerError, Compression, Cors, Credentials, Dialect,
    HttpConfig, Identity, InvalidOrigin, InvalidProxy, InvalidTemplate, Namespace, OriginPattern,
    Recovery, RoomTemplate, RouterConfig, SocketIo,
    engine::{EngineConfig, Transport, Transports},
};

/// Builds the server that settings describe.
///
/// # Errors
///
/// When settings that are well formed each by itself can't be together.
pub(super) fn build(settings: &Settings) -> Result<SocketIo, ApplicationError> {
    let auth = auth(&settings.auth)?;
    let mut builder = SocketIo::builder()
        .path(&settings.path)
        .engine(settings.limits.engine(engine(&settings.engine)))
        .admission(settings.admission.admission())
        .router(router(settings))
        .http(http(settings)?)
        .state(ClientRules::new(settings));
    for name in &settings.namespaces {
        let namespace = Namespace::new(name).auth(auth.clone());
        builder = builder.namespace(register(namespace, settings));
    }
    builder.build().map_err(|error| match error {
        BuildServerError::ClientFiles(directory) => ApplicationError::ClientDir(directory),
        error => ApplicationError::Build(error),
    })
}

/// Why settings make no server; names the setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// An origin of `[cors]` or `[origins]`.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// A proxy of `[proxies]`.
    #[error("proxies.trusted: {0}")]
    Proxy(#[from] InvalidProxy),
    /// A room of `[auth] rooms`.
    #[error("auth.rooms: {0}")]
    Template(#[from] InvalidTemplate),
    /// The key of `[auth.jwt]`.
    #[error("auth.jwt: {0}")]
    Jwt(#[from] super::JwtError),
    /// The directory of `[http] client_dir`.
    #[error("http.client_dir: no file of the JavaScript client, such as socket.io.min.js, in {}", .0.display())]
    ClientDir(PathBuf),
    /// Anything else.
    #[error(transparent)]
    Build(#[from] BuildServerError),
}

fn router(settings: &Settings) -> RouterConfig {
    let config = settings.limits.router(RouterConfig::default());
    // Nothing of the binary reads what a client passed as `auth` once its socket is connected.
    let config = config
        .with_connect_timeout(settings.engine.connect_timeout)
        .with_kept_auth_payloads(false);
    let Some(recovery) = &settings.recovery else {
        return config;
    };
    config.with_recovery(
        Recovery::new()
            .duration(recovery.duration)
            .max_bytes(recovery.max_bytes)
            .max_sessions(recovery.max_sessions)
            .max_session_bytes(recovery.max_session_bytes),
    )
}

fn engine(settings: &EngineSettings) -> EngineConfig {
    let transports = settings.transports.iter().map(|name| match name {
        TransportName::Polling => Transport::Polling,
        TransportName::WebSocket => Transport::WebSocket,
    });
    let transports: Transports = transports.collect();
    EngineConfig::default()
        .with_ping_interval(settings.ping_interval)
        .with_ping_timeout(settings.ping_timeout)
        .with_upgrade_timeout(settings.upgrade_timeout)
        .with_max_payload(settings.max_http_buffer_size)
        .with_transports(transports)
        .with_allow_upgrades(settings.allow_upgrades)
        .with_send_queue_bytes(settings.send_queue_bytes)
        .with_send_queue_packets(settings.send_queue_packets)
}

fn http(settings: &Settings) -> Result<HttpConfig, ApplicationError> {
    let patterns = |origins: &[String]| {
        let parsed: Result<Vec<OriginPattern>, _> =
            origins.iter().map(|text| text.parse()).collect();
        parsed
    };
    let http = HttpConfig::default().with_trusted_proxies(settings.proxies.proxies()?);
    let mut http = settings.limits.http(http);
    if settings.http.compression {
        let threshold = settings.http.compression_threshold;
        http = http.with_compression(Compression::default().with_threshold(threshold));
    }
    let kept = &settings.http.kept_headers;
    if !kept.iter().any(|name| name == "*") {
        http = http.with_kept_headers(kept.iter().cloned());
    }
    if let Some(directory) = &settings.http.client_dir {
        http = http.with_client_files(directory);
    }
    if let Some(cookie) = &settings.http.cookie {
        http = http.with_cookie(cookie);
    }
    if let Some(cors) = &settings.cors {
        let origins = AllowedOrigins::List(patterns(&cors.origins)?);
        http = http.with_cors(Cors::new(origins).credentials(cors.credentials));
    }
    let allowed = patterns(&settings.origins.allow)?;
    if !allowed.iter().any(OriginPattern::is_any) {
        http = http.with_allowed_origins(allowed);
    }
    Ok(http)
}

fn auth(settings: &AuthSettings) -> Result<Auth, ApplicationError> {
    let rooms: Result<Vec<RoomTemplate>, _> =
        settings.rooms.iter().map(|room| room.parse()).collect();
    let rooms = rooms?;
    let read: HashSet<String> = rooms
        .iter()
        .flat_map(RoomTemplate::claims)
        .map(str::to_owned)
        .collect();
    let dialect = match settings.dialect {
        DialectName::Authentication => Dialect::authentication(),
        DialectName::Authenticate => Dialect::authenticate(),
        DialectName::InitialConnection => Dialect::initial_connection(),
    };
    let tokens = settings.jwt.as_ref().map(JwtVerifier::new).transpose()?;
    let tokens = Arc::new((tokens, settings.require.clone(), Refusals::default()));
    let verifier = move |credentials: Credentials| {
        let (tokens, require, refusals) = &*tokens;
        let verified = verify(tokens.as_ref(), require, refusals, &read, &credentials);
        async move { verified }
    };
    Ok(Auth::new(verifier)
        .deadline(settings.deadline)
        .dialect(dialect)
        .rooms(rooms)
        .required(settings.required))
}

fn verify(
    tokens: Option<&JwtVerifier>,
    require: &Requirements,
    refusals: &Refusals,
    read: &HashSet<String>,
    credentials: &Credentials,
) -> Result<Identity, AuthError> {
    // Without a key, no token is good.
    let tokens = tokens.ok_or(AuthError::Unauthorized)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| AuthError::Internal)?;
    let claims = tokens
        .verify(credentials.token(), now.as_secs())
        .map_err(|error| {
            refusals.note(Reason::Token(error), credentials.socket_id(), error);
            AuthError::Unauthorized
        })?;
    // The id that a client says it is must be the token's.
    if credentials
        .id()
        .is_some_and(|id| claims.subject.as_deref() != Some(id))
    {
        let why = "the client says that it is somebody else";
        refusals.note(Reason::Subject, credentials.socket_id(), why);
        return Err(AuthError::Unauthorized);
    }
    require.check(&claims.all).map_err(|error| {
        refusals.note(Reason::Claim, credentials.socket_id(), error);
        AuthError::Forbidden
    })?;
    // An identity lives as long as its socket, so it has no claims that nobody reads.
    let mut kept = claims.all;
    kept.retain(|claim, _| read.contains(claim));
    Ok(Identity::new(claims.subject.unwrap_or_default())
        .with_claims(kept)
        .with_expiry_unix(claims.expires_at))
}
