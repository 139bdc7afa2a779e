use std::{path::PathBuf, time::Duration};

use super::{
    Compression, Cors, OriginPattern, SessionCookie, TrustedProxies, client_files::ClientFiles,
    hooks::Hooks,
};
use crate::BuildServerError;

/// How an engine is served over HTTP.
///
/// The hooks are called on whichever thread a request arrives at. What an engine has in memory is
/// the same for every worker, so they are shared by all.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpConfig {
    pub(crate) cors: Option<Cors>,
    pub(crate) allowed_origins: Option<Vec<OriginPattern>>,
    pub(crate) body_timeout: Duration,
    pub(crate) max_target: usize,
    pub(crate) max_headers: usize,
    pub(crate) max_header_bytes: usize,
    pub(crate) compression: Option<Compression>,
    pub(crate) cookie: Option<SessionCookie>,
    pub(crate) client_files: Option<ClientFiles>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) hooks: Hooks,
    pub(crate) kept_headers: Option<Vec<String>>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cors: None,
            allowed_origins: None,
            body_timeout: Duration::from_secs(10),
            max_target: 8 * 1024,
            max_headers: 64,
            max_header_bytes: 16 * 1024,
            compression: None,
            cookie: None,
            client_files: None,
            proxies: TrustedProxies::default(),
            hooks: Hooks::default(),
            kept_headers: None,
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

    /// Sets how many bytes the path and query of a request may have; 8 KiB by default. A longer one
    /// is answered 414.
    pub fn with_max_target(mut self, bytes: usize) -> Self {
        self.max_target = bytes;
        self
    }

    /// Sets how many headers a request may have; 64 by default. More are answered 431.
    pub fn with_max_headers(mut self, headers: usize) -> Self {
        self.max_headers = headers;
        self
    }

    /// Sets how many bytes the headers of a request may have; 16 KiB by default. More are answered
    /// 431.
    ///
    /// actix-web reads up to 128 KiB of any request before this is looked at.
    pub fn with_max_header_bytes(mut self, bytes: usize) -> Self {
        self.max_header_bytes = bytes;
        self
    }

    /// Compresses the payloads of polls; they are not compressed by default, as the length of what
    /// is compressed together with a secret tells of it.
    pub fn with_compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.compression = compression.into();
        self
    }

    /// Sends a cookie with the session's id on each polling handshake; none by default.
    pub fn with_cookie(mut self, cookie: impl Into<SessionCookie>) -> Self {
        self.cookie = Some(cookie.into());
        self
    }

    /// Serves the files of the JavaScript client (`socket.io.js`, `socket.io.min.js`,
    /// `socket.io.esm.min.js`, `socket.io.msgpack.min.js` and their `.map`s) from a directory, under
    /// the engine's path; none by default.
    ///
    /// It is the `client-dist` directory of the `socket.io` npm package. Of a file that is there
    /// as `.br` or `.gz`, too, the one is sent that the client likes best.
    pub fn with_client_files(mut self, directory: impl Into<PathBuf>) -> Self {
        self.client_files = Some(ClientFiles::new(directory.into()));
        self
    }

    /// Keeps only the headers of these names in the [`Handshake`](crate::Handshake); all by default.
    ///
    /// A connection keeps its handshake as long as it lives, and a browser's cookies and user agent
    /// may be most of what it costs. Hooks see all headers, and may copy what they want of them
    /// into [extensions](crate::Handshake::with_extension).
    pub fn with_kept_headers<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        self.kept_headers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the proxies whose word is taken about who their clients are; none by default. The
    /// client's address, for [`Admission`](crate::Admission) and for the handshake, is then what
    /// they say.
    pub fn with_trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Names the first setting that can't be.
    pub(crate) fn check(&self) -> Result<(), BuildServerError> {
        if let Some(problem) = self.cors.as_ref().and_then(Cors::problem) {
            return Err(BuildServerError::Cors(problem));
        }
        if self
            .cookie
            .as_ref()
            .is_some_and(|cookie| !cookie.is_valid())
        {
            return Err(BuildServerError::Cookie);
        }
        match &self.client_files {
            Some(files) if !files.exist() => {
                Err(BuildServerError::ClientFiles(files.directory().to_owned()))
            }
            _ => Ok(()),
        }
    }
}
