//! The end of a hub: its clients are closed a few at a time.

use std::{rc::Rc, time::Duration};

use actix::{Context, Handler, Message};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::{
    DisconnectReason,
    client::ClientCell,
    courier::{Courier, Local},
};

/// Closes every client of a thread: the hub is shutting down.
pub(crate) struct CloseClients {
    pub(crate) within: Duration,
    /// Told when all are closed.
    pub(crate) done: oneshot::Sender<()>,
}

impl Message for CloseClients {
    type Result = ();
}

impl Handler<CloseClients> for Courier {
    type Result = ();

    fn handle(&mut self, message: CloseClients, _: &mut Context<Self>) {
        if let Some(local) = self.local() {
            actix_rt::spawn(async move {
                close_clients(&local, message.within).await;
                // Whoever asked may have stopped waiting.
                let _ = message.done.send(());
            });
        }
    }
}

/// Closes the clients evenly over `within`, or sooner if they are few, so that they don't all come
/// back in one moment; those whose handlers run, when these are done with what has arrived, or at the
/// end.
async fn close_clients(local: &Local, within: Duration) {
    let end = Instant::now() + within;
    let mut busy = Vec::new();
    let clients = local.clients();
    let steps = (within.as_millis() / STEP.as_millis()).max(1);
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    let batch = clients.len().div_ceil(steps).max(SMALLEST_BATCH);
    for (at, batch) in clients.chunks(batch).enumerate() {
        if at > 0 {
            sleep(STEP).await;
        }
        for client in batch {
            if client.is_busy() {
                client.take_leave();
                busy.push(client.clone());
            } else {
                close(client);
            }
        }
    }
    drop(clients);
    while Instant::now() < end && !busy.is_empty() {
        sleep(STEP.min(end - Instant::now())).await;
        let (still, done) = busy.into_iter().partition(|client| client.is_busy());
        busy = still;
        let done: Vec<_> = done;
        done.iter().for_each(close);
    }
    // The rest, and whoever has come meanwhile.
    local.clients().iter().for_each(close);
}

fn close(client: &Rc<ClientCell>) {
    client.close(DisconnectReason::ServerShuttingDown);
}

/// How long it is from one batch to the next.
const STEP: Duration = Duration::from_millis(50);

/// How many clients are closed together in any case.
const SMALLEST_BATCH: usize = 64;
