use std::{
    future::Future,
    task::{Context, Waker},
};

/// Runs a future where it stands, and the rest of it as a task: most have nothing to wait for, and
/// then need no task of the runtime.
pub(crate) fn run(future: impl Future<Output = ()> + 'static) {
    let mut future = Box::pin(future);
    // The task polls it again, which registers the waker that counts.
    let mut context = Context::from_waker(Waker::noop());
    if future.as_mut().poll(&mut context).is_pending() {
        actix_rt::spawn(future);
    }
}
