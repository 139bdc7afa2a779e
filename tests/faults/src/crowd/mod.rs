//! Clients in numbers: each is a task, and says what has become of it.

mod client;
mod notes;
mod official;

pub use self::{
    client::{Client, Incoming},
    notes::{Noted, note_over_polling, note_over_websocket},
    official::Official,
};
