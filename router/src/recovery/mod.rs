//! Recovery: what a client has missed while its connection was broken.
//!
//! ```text
//!  emit ──► the namespace's log, under one lock ──► the inbox of every thread with receivers
//!                │ number, offset, packet, audience            │ drained in order by the thread
//!                ▼                                             ▼ before it delivers its own
//!          a client comes back ◄── what followed its offset   sockets
//! ```
//!
//! One log per namespace makes "everything after this offset" mean the same to every thread. An
//! entry gets its number and goes to the inboxes under one lock, and a thread that changes who is
//! where, or delivers an entry of its own, first delivers what waits in its inbox: so every socket
//! gets entries in the order of their numbers, and at each moment of its life it is known which it
//! has been given. No packet is delivered, and nothing of the application runs, under the lock.
//!
//! A session belongs to one socket at a time. While its socket is connected it is live; a break
//! saves it, with the rooms and the data; coming back takes it out again, so that a key and an
//! offset are good for one use.
//!
//! What clients have sent to others takes a share of the log each, so that none of them can make
//! everybody's events be forgotten. Where one has sent more, its oldest go out of the middle of the
//! log, and leave [gaps](gaps::Gaps), which concern only those whom they were for.
//!
//! [`Log`](log::Log), [`Shares`](shares::Shares), [`Gaps`](gaps::Gaps),
//! [`Sessions`](sessions::Sessions), [`History`](history::History) and [`Offsets`](offset::Offsets)
//! are pure.

mod emission;
mod gaps;
mod history;
mod log;
mod offset;
mod opening;
mod recoverer;
mod restoring;
mod session;
mod sessions;
mod settings;
mod shares;
mod stats;
mod status;
mod tending;
mod weight;

#[cfg(feature = "testing")]
pub(crate) use self::opening::asked;
pub(crate) use self::weight::weight;
pub(crate) use self::{opening::Opening, recoverer::Recoverer, session::Tracked};
pub use self::{settings::Recovery, stats::RecoveryStats, status::RecoveryStatus};
