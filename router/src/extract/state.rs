use std::{
    any::{TypeId, type_name},
    ops::Deref,
    sync::Arc,
};

use super::{Call, ExtractError, FromCall, Need};

/// A value that was shared with [`HubBuilder::state`](crate::HubBuilder::state).
#[derive(Debug)]
pub struct State<T>(pub Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromCall for State<T> {
    fn needs() -> Option<Need> {
        Some(Need::State(TypeId::of::<T>(), type_name::<T>()))
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        let state = call.hub().0.state.get();
        let missing = ExtractError::Missing(type_name::<T>());
        Ok(Self(state.ok_or(missing)?))
    }
}
