//! The faults, one in a file.

mod careless;
mod clock;
mod descriptors;
mod drained;
mod frozen;
mod held;
mod killed;
mod memory;
mod network;
mod overload;
mod slow;
mod soak;
mod storm;
mod stuck;
mod unwritable;

use crate::fault::Fault;

/// Returns all of them, in the order of their ids.
#[must_use]
pub fn all() -> Vec<Fault> {
    vec![
        killed::FAULT,
        drained::FAULT,
        stuck::FAULT,
        held::FAULT,
        slow::FAULT,
        storm::FAULT,
        soak::FAULT,
        descriptors::FAULT,
        memory::FAULT,
        clock::FAULT,
        frozen::FAULT,
        network::FAULT,
        unwritable::FAULT,
        careless::FAULT,
        overload::FAULT,
    ]
}
