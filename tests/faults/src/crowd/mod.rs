//! Clients in numbers: each is a task, and says what has become of it.

mod client;
mod official;

pub use self::{
    client::{Client, Incoming},
    official::Official,
};
