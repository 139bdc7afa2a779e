use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{Checked, Failure};

/// Lets time pass, for a client whose wickedness is to be slow.
pub fn pause(time: Duration) {
    // Nobody sends on the channel, so this always takes the whole time.
    let (_sender, receiver) = mpsc::channel::<()>();
    let _ = receiver.recv_timeout(time);
}

/// Waits until `condition` gives `Ok`, for at most `cap`.
///
/// # Errors
///
/// The condition's last failure.
pub fn eventually<T>(cap: Duration, mut condition: impl FnMut() -> Checked<T>) -> Checked<T> {
    let start = Instant::now();
    loop {
        match condition() {
            Ok(value) => return Ok(value),
            Err(failure) if start.elapsed() > cap => {
                return Err(Failure::new(format!("after {cap:?} still: {failure}")));
            }
            Err(_) => pause(Duration::from_millis(20)),
        }
    }
}
