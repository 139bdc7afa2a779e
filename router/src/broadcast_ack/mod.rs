//! Broadcasts that ask for answers: one packet with one ack id, and one place where the answers
//! of all threads and nodes meet.
//!
//! [`Gather`] is that place. A thread that delivers the packet reports its
//! receivers there, each pending ack of a socket holds an [`Answer`], and
//! [`BroadcastAck`] is who waits.

mod collector;
mod delivery;
mod gather;
mod report;
mod request;
mod tally;

pub(crate) use self::{
    collector::Collector,
    gather::{Answer, Gather},
};
pub use self::{
    report::{AckReply, AckReport, Missing},
    request::{AckStream, BroadcastAck},
};
