//! Who may open a session: how many there may be, of one address too, and how often one may ask.
//!
//! A refusal is decided before the application is asked and before anything is kept of the client,
//! so that it costs no more than its answer. A session that was let in holds a [`Permit`], which
//! gives its place back when it goes.

mod address;
mod config;
mod gate;

pub(crate) use self::{
    address::AddressKey,
    gate::{Gate, Permit},
};
pub use self::{config::Admission, config::AdmissionStats};
