use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
    time::SystemTime,
};

use sockeye_protocol::{
    Prepared,
    engine::{CloseReason, EngineConfig, Transport},
};
use sockeye_router::Handshake;

use super::*;
use crate::engine::{Application, Desk, Receiver};

struct Silent;

impl Application for Silent {
    fn connect(&self, _: &Connection, _: Handshake) -> Box<dyn Receiver> {
        Box::new(Self)
    }
}

impl Receiver for Silent {
    fn message(&self, _: Message) {}

    fn closed(&self, _: CloseReason) {}
}

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything that the link gives, and whether its host will come again by itself.
fn take(link: &LocalLink, bell: &Arc<Bell>) -> (Vec<u8>, bool) {
    let waker = Waker::from(bell.clone());
    let mut all = Vec::new();
    let give = &mut |chunk: Bytes| all.extend_from_slice(&chunk);
    let polled = link.poll_chunks(&mut Context::from_waker(&waker), usize::MAX, give);
    assert!(polled.is_pending());
    (all, bell.0.swap(false, Ordering::Relaxed))
}

#[actix_web::test]
async fn what_is_queued_while_the_queue_is_emptied_wakes_the_host() {
    let config = EngineConfig::default().with_send_queue_packets(4);
    let engine = Engine::new(config, Silent).unwrap();
    let desk = Desk::of(&engine);
    let (sid, handshake) = (Sid::from_random([7; 15]), Handshake::new(SystemTime::now()));
    let connection = desk.open(&engine, Transport::WebSocket, false, sid, handshake, None);
    let connection = connection.unwrap();
    let (link, bell) = (connection.first_link().unwrap(), Arc::default());
    take(&link, &bell);
    for _ in 0..4 {
        connection.send(&Prepared::text("a")).unwrap();
    }
    let late = connection.clone();
    connection.when_drained(Box::new(move || late.send(&Prepared::text("b")).unwrap()));
    bell.0.store(false, Ordering::Relaxed);

    let (first, is_woken) = take(&link, &bell);
    let (second, _) = take(&link, &bell);

    assert_eq!(first, b"\x81\x024a".repeat(4));
    assert!(is_woken);
    assert_eq!(second, b"\x81\x024b");
    connection.abort(CloseReason::ForcedClose);
}
