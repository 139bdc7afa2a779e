use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{duration, problems::Problems};
use crate::HttpConfig;

/// The table `[http]`: what is sent over HTTP beside the protocol.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Whether the payloads of polls are compressed for clients that like it; false by default.
    pub compression: bool,
    /// The bytes from which on a payload is compressed; 1,024 by default.
    pub compression_threshold: usize,
    /// The headers of a client's first request that are kept for as long as it is connected, for
    /// other servers of a cluster to see; `["authorization"]` by default, and `["*"]` keeps all.
    pub kept_headers: Vec<String>,
    /// A directory with the files of the JavaScript client, to serve under the path; none by
    /// default.
    pub client_dir: Option<PathBuf>,
    /// The cookie that tells a load balancer the session's id; none by default.
    pub cookie: Option<CookieSettings>,
}

/// The table `[http.cookie]`: a cookie with the session's id, sent with polling handshakes.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookieSettings {
    /// Its name; `io` by default.
    pub name: String,
    /// The path that it is sent back for; `/` by default.
    pub path: String,
    /// The domain that it is sent back to; the host that sent it by default.
    pub domain: Option<String>,
    /// How long browsers keep it, in whole seconds; 0 by default, which is until they are closed.
    #[serde(deserialize_with = "duration::deserialize")]
    pub max_age: Duration,
    /// Whether it is hidden from scripts; true by default.
    pub http_only: bool,
    /// Whether it is sent over TLS only; false by default.
    pub secure: bool,
    /// Which requests of other sites it is sent with; `lax` by default.
    pub same_site: SameSiteName,
}

/// Which requests of other sites have the cookie, as the setting `http.cookie.same_site` says it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SameSiteName {
    /// None.
    Strict,
    /// Navigations.
    Lax,
    /// All; browsers want `secure`, too.
    None,
}

impl HttpSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        if let Some(cookie) = &self.cookie {
            cookie.validate(problems);
        }
    }
}

impl CookieSettings {
    fn validate(&self, problems: &mut Problems) {
        problems.require(
            HttpConfig::default().with_cookie(self).check().is_ok(),
            "http.cookie",
            "must have a name, and no characters that a cookie can't have",
        );
        problems.require(
            self.secure || self.same_site != SameSiteName::None,
            "http.cookie.same_site",
            "must not be \"none\" without `secure`: browsers would refuse the cookie",
        );
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            compression: false,
            compression_threshold: 1024,
            kept_headers: vec!["authorization".to_owned()],
            client_dir: None,
            cookie: None,
        }
    }
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            name: "io".to_owned(),
            path: "/".to_owned(),
            domain: None,
            max_age: Duration::ZERO,
            http_only: true,
            secure: false,
            same_site: SameSiteName::Lax,
        }
    }
}
