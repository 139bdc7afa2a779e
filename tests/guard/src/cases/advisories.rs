//! Published advisories of servers like this one, and what was sent there.

mod engine;
mod http;
mod parser;
mod websocket;

use crate::case::Case;

pub(super) fn cases() -> Vec<Case> {
    [
        engine::cases(),
        parser::cases(),
        websocket::cases(),
        http::cases(),
    ]
    .concat()
}
