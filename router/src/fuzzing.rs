//! What reads the bytes of strangers and is no part of the interface, for the fuzz targets.

use crate::recovery;

/// Returns the session's key and the last offset that a CONNECT packet's payload asks for.
#[must_use]
pub fn wish_to_return(auth_payload: &str) -> Option<(String, Option<String>)> {
    recovery::asked(auth_payload)
}
