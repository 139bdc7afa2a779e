use std::{
    future::Future,
    task::{Context, Waker},
};

use crate::{Hub, hub::Held};

/// Runs a future where it stands, and the rest of it as a task: most have nothing to wait for, and
/// then need no task of the runtime.
pub(crate) fn run(hub: &Hub, future: impl Future<Output = ()> + 'static) {
    let mut future = Box::pin(future);
    // The task polls it again, which registers the waker that counts.
    let mut context = Context::from_waker(Waker::noop());
    if future.as_mut().poll(&mut context).is_pending() {
        spawn(hub, future);
    }
}

/// Runs a future as a task, which is counted.
pub(crate) fn spawn(hub: &Hub, future: impl Future<Output = ()> + 'static) {
    let held = Held::new(&hub.0.memory, |gauges| &gauges.tasks);
    actix_rt::spawn(async move {
        future.await;
        drop(held);
    });
}
