//! The settings: a TOML file, then environment variables, then flags, each over the one before.
//!
//! ```toml
//! listen = "0.0.0.0:3000"
//!
//! [auth.jwt]
//! secret = "0123456789abcdef0123456789abcdef"
//! ```
//!
//! The variable of a key is `SOCKEYE_` and the key in capitals, with `__` between a table and what
//! is in it: `SOCKEYE_AUTH__JWT__SECRET`. Its text is read as the key's type wants it, so a secret of
//! digits is still a text; lists and tables are JSON (`SOCKEYE_NAMESPACES='["/", "/admin"]'`), and a
//! table given so takes the place of the file's. `SOCKEYE_CONFIG` names the file where `--config`
//! does not; there is no other place where a file is looked for.
//!
//! A key or a `SOCKEYE_` variable that means nothing is refused by name, and every error names the
//! key and the file's line or the variable. One struct per table is in a file of that table's name.

mod address;
mod admission;
mod api;
mod auth;
mod client;
mod cors;
mod decode;
mod doubts;
mod duration;
mod engine;
mod error;
mod file;
mod http;
mod jwt;
mod limits;
mod loading;
mod metrics;
mod origins;
mod problems;
mod proxies;
mod recovery;
mod secret;
mod source;
mod tree;
mod variables;

#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde::Deserialize;

use self::problems::Problems;
pub use self::{
    admission::AdmissionSettings,
    api::ApiSettings,
    auth::{AuthSettings, DialectName},
    client::ClientSettings,
    cors::CorsSettings,
    engine::{EngineSettings, TransportName},
    error::SettingsError,
    http::{CookieSettings, HttpSettings, SameSiteName},
    jwt::JwtSettings,
    limits::LimitSettings,
    loading::Loaded,
    metrics::MetricsSettings,
    origins::OriginSettings,
    proxies::{HeaderName, ProxySettings},
    recovery::RecoverySettings,
    secret::Secret,
    source::Source,
};

/// Everything that can be set; the keys outside any table.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where clients connect; 127.0.0.1:3000 by default, and port 0 takes a free one.
    #[serde(deserialize_with = "address::deserialize")]
    pub listen: SocketAddr,
    /// Where backends connect; 127.0.0.1:3001 by default, and port 0 takes a free one.
    ///
    /// It must not be reachable from outside.
    #[serde(deserialize_with = "address::deserialize")]
    pub internal_listen: SocketAddr,
    /// Whether to serve the demo page, which shows whoever opens it a token and the API key.
    ///
    /// True by default when nothing at all is configured, else false. Where it is true, a secret
    /// and a key that are not set are made up, and clients get some rights; see [`Loaded::dev`].
    pub dev: bool,
    /// The path that clients connect to, without a slash at the end; `/socket.io` by default.
    pub path: String,
    /// The namespaces that there are; `/` alone by default.
    pub namespaces: Vec<String>,
    /// Which lines are logged, as `tracing`'s filters say it; `info` by default, and only
    /// warnings of the HTTP server.
    pub log: String,
    /// How long a shutdown may take before the connections that are left are cut; 5 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub shutdown_timeout: Duration,
    /// Timers, limits and transports.
    pub engine: EngineSettings,
    /// How much of everything a client may have.
    pub limits: LimitSettings,
    /// Who may open one more session.
    pub admission: AdmissionSettings,
    /// Whose word is taken about who the clients are.
    pub proxies: ProxySettings,
    /// What is sent over HTTP beside the protocol.
    pub http: HttpSettings,
    /// The pages of other origins which may read the answers; without it there are no CORS headers.
    pub cors: Option<CorsSettings>,
    /// The pages that may connect at all.
    pub origins: OriginSettings,
    /// How a socket proves whose it is.
    pub auth: AuthSettings,
    /// The HTTP API of the internal listener.
    pub api: ApiSettings,
    /// Where Prometheus may ask, beside the internal listener.
    pub metrics: MetricsSettings,
    /// What clients may do without any code.
    pub client: ClientSettings,
    /// What clients get that lost their connection; without it they begin anew.
    pub recovery: Option<RecoverySettings>,
}

impl Settings {
    fn validate(&self, problems: &mut Problems) {
        problems.require(
            self.listen != self.internal_listen || self.listen.port() == 0,
            "internal_listen",
            "must not be the same address as `listen`",
        );
        problems.require(
            self.metrics.listen.is_none_or(|listen| {
                listen.port() == 0 || (listen != self.listen && listen != self.internal_listen)
            }),
            "metrics.listen",
            "must not be the same address as `listen` or `internal_listen`",
        );
        problems.require(
            is_path(&self.path),
            "path",
            "must be a path such as \"/socket.io\": letters, digits, `-`, `.`, `_` and `~`",
        );
        let namespaces = &self.namespaces;
        problems.require(
            !namespaces.is_empty(),
            "namespaces",
            "must name at least one",
        );
        problems.require(
            namespaces.iter().all(|namespace| is_namespace(namespace)),
            "namespaces",
            "must start with `/` and have at most 256 bytes, no `,`, `?` or control characters",
        );
        problems.require_distinct("namespaces", namespaces);
        problems.require(
            tracing_subscriber::EnvFilter::builder()
                .parse(&self.log)
                .is_ok(),
            "log",
            "must be a filter such as \"info\" or \"warn,sockeye=debug\"",
        );
        self.engine.validate(problems);
        self.limits.validate(problems);
        self.admission.validate(problems);
        self.proxies.validate(problems);
        self.http.validate(problems);
        if let Some(cors) = &self.cors {
            cors.validate(problems);
        }
        self.origins.validate(problems);
        self.auth.validate(self.dev, problems);
        self.api.validate(problems);
        self.client.validate(self.auth.dialect, problems);
        if let Some(recovery) = &self.recovery {
            recovery.validate(problems);
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            internal_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3001)),
            dev: false,
            path: "/socket.io".to_owned(),
            namespaces: vec!["/".to_owned()],
            log: "info,actix_server=warn".to_owned(),
            shutdown_timeout: Duration::from_secs(5),
            engine: EngineSettings::default(),
            limits: LimitSettings::default(),
            admission: AdmissionSettings::default(),
            proxies: ProxySettings::default(),
            http: HttpSettings::default(),
            cors: None,
            origins: OriginSettings::default(),
            auth: AuthSettings::default(),
            api: ApiSettings::default(),
            metrics: MetricsSettings::default(),
            client: ClientSettings::default(),
            recovery: None,
        }
    }
}

fn is_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(unreserved)
    };
    path.strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(is_segment))
}

fn is_namespace(name: &str) -> bool {
    name.starts_with('/')
        && name.len() <= 256
        && !name.contains([',', '?'])
        && !name.chars().any(char::is_control)
}
