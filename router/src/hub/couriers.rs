use std::sync::{PoisonError, RwLock};

use crate::courier::{CourierHandle, CourierId};

/// The couriers of a hub, one for each thread that has or had a client of it.
#[derive(Default)]
pub(crate) struct Couriers {
    handles: RwLock<Vec<Option<CourierHandle>>>,
}

impl Couriers {
    /// Takes the next id; its courier is unknown to others until it is filled in.
    pub(crate) fn reserve(&self) -> CourierId {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        // A thread that has ended leaves a place.
        let ended = |handle: &Option<CourierHandle>| {
            handle
                .as_ref()
                .is_some_and(|handle| !handle.addr.connected())
        };
        if let Some(at) = handles.iter().position(ended) {
            handles[at] = None;
            return CourierId(at);
        }
        handles.push(None);
        CourierId(handles.len() - 1)
    }

    pub(crate) fn fill(&self, handle: CourierHandle) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        let at = handle.id.0;
        handles[at] = Some(handle);
    }

    pub(crate) fn get(&self, id: CourierId) -> Option<CourierHandle> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.get(id.0)?.clone()
    }

    pub(crate) fn all(&self) -> Vec<CourierHandle> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.iter().flatten().cloned().collect()
    }
}
