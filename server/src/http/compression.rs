use std::io::{self, Write as _};

use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::negotiation::preferred;

/// How the payloads of polls are compressed: as `gzip` or `deflate`, whichever the client prefers.
///
/// A payload in which no packet [may be compressed](crate::Prepared::is_compressible) is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub struct Compression {
    threshold: usize,
    level: u32,
}

impl Default for Compression {
    /// Payloads of 1024 bytes and more, at level 6.
    fn default() -> Self {
        Self {
            threshold: 1024,
            level: 6,
        }
    }
}

impl Compression {
    /// Sets the bytes from which on a payload is compressed; zero compresses all.
    pub fn with_threshold(mut self, threshold: usize) -> Self {
        self.threshold = threshold;
        self
    }

    /// Sets the level, from 0 for none to 9 for the smallest; more counts as 9.
    pub fn with_level(mut self, level: u32) -> Self {
        self.level = level.min(9);
        self
    }

    /// Returns the encoding that a payload is to have, if any.
    pub(super) fn choose(&self, headers: &HeaderMap, len: usize) -> Option<Encoding> {
        if len < self.threshold {
            return None;
        }
        match preferred(headers, &["gzip", "deflate"])? {
            "gzip" => Some(Encoding::Gzip),
            _ => Some(Encoding::Deflate),
        }
    }

    /// Compresses a payload. A large one is done on another thread, as it takes milliseconds.
    pub(super) async fn compress(&self, body: Bytes, encoding: Encoding) -> io::Result<Bytes> {
        let level = self.level;
        if body.len() < LARGE {
            return encoding.encode(&body, level);
        }
        let encoded = actix_web::web::block(move || encoding.encode(&body, level)).await;
        encoded.map_err(io::Error::other)?
    }
}

/// An encoding of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    Gzip,
    /// The zlib format (RFC 9110 §8.4.1.2).
    Deflate,
}

impl Encoding {
    /// Returns the name for `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    fn encode(self, body: &[u8], level: u32) -> io::Result<Bytes> {
        let out = Vec::with_capacity(body.len() / 4);
        let level = flate2::Compression::new(level);
        let encoded = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, level);
                encoder.write_all(body)?;
                encoder.finish()?
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(out, level);
                encoder.write_all(body)?;
                encoder.finish()?
            }
        };
        Ok(encoded.into())
    }
}

/// Compressing more than this at once would hold up the other connections of the thread.
const LARGE: usize = 64 * 1024;
