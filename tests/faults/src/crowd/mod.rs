//! Clients in numbers: each is a task, and says what has become of it.

mod audience;
mod chance;
mod client;
mod flock;
mod member;
mod narrow;
mod notes;
mod official;
mod passage;
mod polling;

pub use self::{
    audience::{Audience, Guests},
    chance::Chance,
    client::{Client, Incoming},
    flock::{Answers, Flock},
    member::{Member, Way},
    narrow::narrow,
    notes::{Noted, note_over_polling, note_over_websocket},
    official::Official,
    passage::{Passages, Tally},
    polling::Polling,
};
