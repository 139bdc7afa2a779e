//! Random sequences of what an application and its clients do, compared with models that are as
//! simple as can be. `make models` runs more cases of each.

mod acks;
mod cancel;
#[path = "../../../protocol/src/tests/cases.rs"]
mod cases;
mod rooms;
