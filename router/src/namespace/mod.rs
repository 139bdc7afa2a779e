//! Namespaces: as they are described, as they run, and the handles to them.

mod description;
mod handle;
mod inner;
mod spec;

pub use self::{description::Namespace, handle::NamespaceRef};
pub(crate) use self::{inner::NamespaceInner, spec::Spec};
