use std::time::Duration;

use tokio::time::Instant;

/// Stops the clock of this thread's runtime; does nothing if it stands still already.
///
/// From then on time passes only in [`advance`] and while everything waits for it: then it jumps
/// to the next timer, so that a wait for an hour takes no time. Wall-clock times, such as an
/// identity's expiry, and the clocks of other threads go on.
///
/// # Panics
///
/// Outside of a runtime of one thread, which `#[actix::test]` provides.
pub fn stop_clock() {
    if !is_stopped() {
        tokio::time::pause();
    }
}

/// Stops the clock if it runs, moves it by `duration`, and lets happen what is then due.
///
/// Timers on the way fire in their order, at their time. Timers have a resolution of 1 ms.
///
/// # Panics
///
/// As of [`stop_clock`].
pub async fn advance(duration: Duration) {
    stop_clock();
    tokio::time::sleep(duration).await;
    settle().await;
}

/// Lets everything happen on this thread that waits neither for time nor for another thread.
///
/// The clock doesn't move.
pub async fn settle() {
    for _ in 0..ROUNDS {
        tokio::task::yield_now().await;
    }
}

/// Whether the clock of this thread's runtime stands still, which tokio doesn't tell.
pub(super) fn is_stopped() -> bool {
    let seen = Instant::now();
    let real = std::time::Instant::now();
    while std::time::Instant::now() == real {}
    Instant::now() == seen
}

/// More turns than any chain of tasks that wake one another takes, and the tasks of a thousand
/// clients.
const ROUNDS: usize = 256;
