use std::{cell::Cell, rc::Rc};

use tokio::{sync::Semaphore, task::yield_now};

/// Lets a worker's new connections in a few at a time, in the order in which they came.
///
/// The first request of each costs as much as many events of a client that is there: were thousands
/// served in one turn of the event loop, as after a restart, those would wait for all of them. A turn
/// that has nothing else to do is followed by the next at once, so nobody loses time by this.
pub(super) struct Turnstile {
    free: Semaphore,
    passed: Cell<usize>,
}

impl Turnstile {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            free: Semaphore::new(A_TURN),
            passed: Cell::new(0),
        })
    }

    /// Waits for this connection's turn. Must be called on an arbiter.
    pub(super) async fn pass(self: Rc<Self>) {
        // It is never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        let passed = self.passed.get();
        self.passed.set(passed + 1);
        if passed == 0 {
            let turnstile = self.clone();
            actix_rt::spawn(async move {
                yield_now().await;
                turnstile.free.add_permits(turnstile.passed.replace(0));
            });
        }
    }
}

/// How many are let in between two looks at what else there is to do.
const A_TURN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_crowd_is_let_in_a_few_at_a_time() {
        let turnstile = Turnstile::new();
        let inside = Rc::new(Cell::new(0));
        for _ in 0..A_TURN * 4 {
            let (turnstile, inside) = (turnstile.clone(), inside.clone());
            actix_rt::spawn(async move {
                turnstile.pass().await;
                inside.set(inside.get() + 1);
            });
        }

        let mut turns = 0;
        while inside.get() < A_TURN * 4 {
            let before = inside.get();
            yield_now().await;
            assert!(inside.get() <= before + A_TURN);
            turns += 1;
        }
        assert!(turns >= 4, "{turns}");
    }
}
