use std::{
    io,
    path::{Path, PathBuf},
};

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ContentEncoding, HeaderValue, VARY},
};

use super::negotiation::preferred;

/// The files of the JavaScript client, in a directory of the embedder's.
///
/// They are read when they are asked for. Beside a file may lie the same one compressed, with
/// `.br` or `.gz` at the end of its name.
#[derive(Clone, Debug)]
pub(crate) struct ClientFiles {
    directory: PathBuf,
}

impl ClientFiles {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns whether there is any file to serve.
    pub(crate) fn exist(&self) -> bool {
        NAMES.iter().any(|name| self.directory.join(name).is_file())
    }

    /// Answers a request for one of the files, whatever its method; none if it is for none.
    pub(super) fn respond(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let name = requested(request)?;
        let file = match self.open(request, name) {
            Ok(file) => file.disable_content_disposition(),
            Err(error) => {
                tracing::warn!(%error, name, directory = %self.directory.display(), "client file not read");
                return None;
            }
        };
        let mut response = file.into_response(request);
        let headers = response.headers_mut();
        let content_type = if name.ends_with(".map") {
            "application/json; charset=utf-8"
        } else {
            "application/javascript; charset=utf-8"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let caching = HeaderValue::from_static("public, max-age=0");
        headers.insert(CACHE_CONTROL, caching);
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        Some(response)
    }

    fn open(&self, request: &HttpRequest, name: &str) -> io::Result<NamedFile> {
        let mut offered = vec!["br", "gzip"];
        while let Some(coding) = preferred(request.headers(), &offered) {
            let (suffix, encoding) = match coding {
                "br" => ("br", ContentEncoding::Brotli),
                _ => ("gz", ContentEncoding::Gzip),
            };
            let path = self.directory.join(format!("{name}.{suffix}"));
            match NamedFile::open(path) {
                Ok(file) => return Ok(file.set_content_encoding(encoding)),
                Err(_) => offered.retain(|other| *other != coding),
            }
        }
        NamedFile::open(self.directory.join(name))
    }
}

/// Returns the file that follows the engine's path in the request's.
fn requested(request: &HttpRequest) -> Option<&'static str> {
    let rest = request.match_info().unprocessed().strip_prefix('/')?;
    NAMES.into_iter().find(|name| *name == rest)
}

const NAMES: [&str; 8] = [
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
];
