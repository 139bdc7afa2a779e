//! Namespaces: as they are described, as they run, and the handles to them.

mod description;
mod handle;
mod inner;
mod matcher;
mod parent;
mod spec;

pub use self::{
    description::Namespace,
    handle::NamespaceRef,
    matcher::NamespaceRequest,
    parent::{ParentOperator, ParentRef},
};
pub(crate) use self::{
    inner::NamespaceInner,
    matcher::{Matcher, Rule},
    parent::{Children, Parent},
    spec::Spec,
};
