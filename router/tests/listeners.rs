//! Listeners and middlewares of events.

mod peer;

use std::sync::{Arc, Mutex};

use peer::Peer;
use sockeye_router::{Hub, Namespace, SocketRef};

#[actix::test]
async fn listeners_of_outgoing_events_see_emits_and_broadcasts_but_no_acks() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let hub = hub(Namespace::new("/").on_any_outgoing(move |_, event| {
        let line = format!("{} {}", event.name(), event.args().json());
        log.lock().unwrap().push(line);
    }));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"21["ask"]"#);
    hub.of("/").unwrap().emit("news", &(1, "two")).unwrap();

    peer.hears(r#"2["direct",true]"#).await;
    peer.hears(r#"31["answer"]"#).await;
    peer.hears(r#"2["news",1,"two"]"#).await;
    assert_eq!(
        *seen.lock().unwrap(),
        [r#"direct [true]"#, r#"news [1,"two"]"#]
    );
}

async fn ask(socket: SocketRef) -> sockeye_router::Reply<&'static str> {
    socket.compress(false).emit("direct", &true).unwrap();
    sockeye_router::Reply("answer")
}

fn hub(namespace: Namespace) -> Hub {
    Hub::builder()
        .namespace(namespace.on("ask", ask))
        .build()
        .unwrap()
}
