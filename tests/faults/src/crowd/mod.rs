//! Clients in numbers: each is a task, and says what has become of it.

mod client;

pub use self::client::{Client, Incoming};
