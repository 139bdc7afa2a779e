//! Events are handled in order, one at a time, and what a handler does takes effect in order.

mod peer;

use std::time::{Duration, SystemTime};

use peer::Peer;
use sockeye_router::{
    Ack, Args, DisconnectReason, EmitError, Handshake, Hub, Namespace, Reply, RouterConfig,
    SocketRef,
};
use tokio::time::sleep;

fn hub(namespace: Namespace) -> Hub {
    Hub::builder().namespace(namespace).build().unwrap()
}

#[actix::test]
async fn events_behind_a_slow_handler_stay_in_order() {
    tokio::time::pause();
    async fn echo(socket: SocketRef, Args((number,)): Args<(u64,)>) {
        // Earlier events take longer.
        sleep(Duration::from_millis(100 - number)).await;
        socket.emit("echo", &number).unwrap();
    }
    let hub = hub(Namespace::new("/").on("echo", echo));
    let peer = Peer::connect(&hub).await;

    for number in 0..100 {
        peer.say(&format!(r#"2["echo",{number}]"#));
    }

    for number in 0..100 {
        peer.hears(&format!(r#"2["echo",{number}]"#)).await;
    }
}

#[actix::test]
async fn concurrent_handlers_may_overlap() {
    tokio::time::pause();
    async fn echo(socket: SocketRef, Args((number,)): Args<(u64,)>) {
        sleep(Duration::from_millis(100 - number)).await;
        socket.emit("echo", &number).unwrap();
    }
    let hub = hub(Namespace::new("/").on_concurrent("echo", echo));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["echo",1]"#);
    peer.say(r#"2["echo",90]"#);

    peer.hears(r#"2["echo",90]"#).await;
    peer.hears(r#"2["echo",1]"#).await;
}

#[actix::test]
async fn reading_stops_when_a_handler_falls_behind_and_goes_on_after() {
    tokio::time::pause();
    async fn slow(socket: SocketRef, Args((number,)): Args<(u64,)>) {
        sleep(Duration::from_millis(10)).await;
        socket.emit("done", &number).unwrap();
    }
    let hub = Hub::builder()
        .config(RouterConfig::default().with_inbound_queue(4))
        .namespace(Namespace::new("/").on("slow", slow))
        .build()
        .unwrap();
    let peer = Peer::connect(&hub).await;

    for number in 0..4 {
        peer.say(&format!(r#"2["slow",{number}]"#));
        assert!(!peer.is_paused());
    }
    peer.say(r#"2["slow",4]"#);

    assert!(peer.is_paused());
    for number in 0..5 {
        peer.hears(&format!(r#"2["done",{number}]"#)).await;
    }
    assert!(!peer.is_paused());
}

#[actix::test]
async fn a_handler_may_wait_for_an_ack_of_its_own_client() {
    async fn ask(socket: SocketRef) {
        let (answer,): (u32,) = socket.emit_with_ack("how many", &()).await.unwrap();
        socket.emit("so many", &answer).unwrap();
    }
    let hub = hub(Namespace::new("/").on("ask", ask));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["ask"]"#);
    peer.hears(r#"20["how many"]"#).await;
    peer.say("30[3]");

    peer.hears(r#"2["so many",3]"#).await;
}

#[actix::test]
async fn an_awaited_ack_is_read_past_a_full_queue() {
    async fn ask(socket: SocketRef) {
        let (answer,): (u32,) = socket.emit_with_ack("how many", &()).await.unwrap();
        socket.emit("so many", &answer).unwrap();
    }
    async fn other() {}
    let hub = Hub::builder()
        .config(RouterConfig::default().with_inbound_queue(2))
        .namespace(Namespace::new("/").on("ask", ask).on("other", other))
        .build()
        .unwrap();
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["ask"]"#);
    peer.hears(r#"20["how many"]"#).await;
    for _ in 0..7 {
        peer.say(r#"2["other"]"#);
        assert!(!peer.is_paused());
    }
    peer.say(r#"2["other"]"#);
    assert!(peer.is_paused());
    peer.say("30[3]");

    peer.hears(r#"2["so many",3]"#).await;
    assert!(!peer.is_paused());
}

#[actix::test]
async fn joining_then_broadcasting_reaches_the_joiner_in_order() {
    async fn go(socket: SocketRef) {
        socket.join("a").await;
        socket.namespace().to("a").emit("n", &1).unwrap();
        socket.emit("n", &2).unwrap();
        socket.leave("a").await;
        socket.namespace().to("a").emit("n", &3).unwrap();
        socket.emit("n", &4).unwrap();
    }
    let hub = hub(Namespace::new("/").on("go", go));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["go"]"#);

    for number in [1, 2, 4] {
        peer.hears(&format!(r#"2["n",{number}]"#)).await;
    }
}

#[actix::test]
async fn an_event_in_the_same_breath_as_the_connection_is_handled_after_it() {
    async fn hello(socket: SocketRef) {
        socket.emit("hello", &()).unwrap();
    }
    async fn echo(Args((text,)): Args<(String,)>) -> Reply<String> {
        Reply(text)
    }
    async fn slow() {
        tokio::task::yield_now().await;
    }
    let hub = hub(Namespace::new("/")
        .middleware(slow)
        .on_connect(hello)
        .on("echo", echo));
    let peer = Peer::open(&hub);

    peer.say("0");
    peer.say(r#"27["echo","x"]"#);

    assert!(peer.next().await.starts_with("0{"));
    peer.hears(r#"2["hello"]"#).await;
    peer.hears(r#"37["x"]"#).await;
}

#[actix::test]
async fn a_socket_sees_nothing_before_its_connect_packet() {
    async fn eager(socket: SocketRef) {
        socket.join("a").await;
        socket.emit("early", &1).unwrap();
        socket.namespace().to("a").emit("too early", &()).unwrap();
    }
    let hub = hub(Namespace::new("/").middleware(eager));
    let peer = Peer::open(&hub);

    peer.say("0");
    assert!(peer.next().await.starts_with("0{"));
    peer.hears(r#"2["early",1]"#).await;
    hub.of("/").unwrap().to("a").emit("in time", &()).unwrap();

    peer.hears(r#"2["in time"]"#).await;
}

#[actix::test]
async fn a_thousand_emits_of_one_handler_all_arrive() {
    async fn burst(socket: SocketRef, ack: Ack) {
        for number in 0..1000 {
            socket.emit("n", &number).unwrap();
        }
        ack.send(&"done").unwrap();
    }
    let hub = hub(Namespace::new("/").on("burst", burst));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"20["burst"]"#);

    let heard = peer.heard();
    assert_eq!(heard.len(), 1001);
    assert_eq!(heard[999], r#"2["n",999]"#);
    assert_eq!(heard[1000], r#"30["done"]"#);
}

#[actix::test]
async fn nothing_is_sent_after_a_socket_disconnects_itself() {
    async fn bye(socket: SocketRef) {
        socket.emit("bye", &"before").unwrap();
        socket.disconnect(false).await;
        assert!(socket.emit("bye", &"after").is_err());
    }
    let hub = hub(Namespace::new("/").on("bye", bye));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["bye"]"#);

    assert_eq!(peer.heard(), [r#"2["bye","before"]"#, "1"]);
}

#[actix::test]
async fn an_emit_that_waits_goes_at_the_pace_of_its_reader() {
    async fn flood(socket: SocketRef) -> Result<(), EmitError> {
        for n in 0..1000 {
            socket.emit_when_ready("n", &n).await?;
        }
        socket.emit("end", &())
    }
    tokio::time::pause();
    let hub = hub(Namespace::new("/").on("flood", flood));
    let peer = Peer::open_with(&hub, Handshake::new(SystemTime::UNIX_EPOCH), 7);
    peer.say("0");
    peer.next().await;

    peer.say(r#"2["flood"]"#);

    for n in 0..1000 {
        peer.hears(&format!(r#"2["n",{n}]"#)).await;
    }
    peer.hears(r#"2["end"]"#).await;
}

#[actix::test]
async fn an_emit_that_waits_ends_with_its_socket() {
    tokio::time::pause();
    let hub = hub(Namespace::new("/"));
    let peer = Peer::open_with(&hub, Handshake::new(SystemTime::UNIX_EPOCH), 1);
    peer.say("0");
    let socket = hub.of("/").unwrap().sockets().remove(0);

    let waiting = actix::spawn(socket.emit_when_ready("late", &()));
    tokio::task::yield_now().await;
    peer.client.disconnected(DisconnectReason::TransportClose);

    assert!(matches!(waiting.await.unwrap(), Err(EmitError::Closed)));
}
