//! What hostile clients do, by the part of the server that has to bear it.

mod admission;
mod advisories;
mod backends;
mod browsers;
mod frames;
mod packets;
mod payloads;
mod requests;
mod rooms;
mod sessions;
mod slow;
mod sockets;
mod tokens;

use crate::case::Case;

/// Returns every case.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        requests::cases(),
        payloads::cases(),
        sessions::cases(),
        frames::cases(),
        packets::cases(),
        sockets::cases(),
        rooms::cases(),
        slow::cases(),
        browsers::cases(),
        tokens::cases(),
        backends::cases(),
        admission::cases(),
        advisories::cases(),
    ]
    .concat()
}
