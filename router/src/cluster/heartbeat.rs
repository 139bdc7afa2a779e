use std::{sync::Weak, time::Duration};

use super::{Content, Port};

/// Says regularly that the node is there, and notices who is not any more.
pub(super) async fn run(port: Weak<Port>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut since_last = Duration::ZERO;
    loop {
        looks.tick().await;
        let Some(port) = port.upgrade().filter(|port| !port.has_left()) else {
            return;
        };
        port.peers();
        since_last += LOOK_EVERY;
        if since_last >= SAY_EVERY {
            since_last = Duration::ZERO;
            port.log(port.publish(Content::Heartbeat { first: false }));
        }
    }
}

/// How long a node may be silent.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(10);

const SAY_EVERY: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_secs(1);
