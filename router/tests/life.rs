//! From the connection request to the end: admission, refusal, disconnection, what is left.

mod peer;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use peer::Peer;
use serde_json::json;
use sockeye_router::{
    Ack, AckError, Args, AuthPayload, BuildError, DisconnectReason, EmitError, Hub, Namespace,
    Refusal, Reply, RouterConfig, SocketRef, State, Stats,
};

type Log = Arc<Mutex<Vec<String>>>;

fn log(log: &Log, line: impl Into<String>) {
    log.lock().unwrap().push(line.into());
}

async fn remember(socket: SocketRef, reason: DisconnectReason, seen: State<Log>) {
    assert!(!socket.is_connected());
    assert!(socket.rooms().is_empty());
    log(&seen, reason.as_str());
}

fn hub_with(namespace: Namespace) -> (Hub, Log) {
    let seen = Log::default();
    let hub = Hub::builder()
        .state(seen.clone())
        .namespace(namespace.on_disconnect(remember))
        .build()
        .unwrap();
    (hub, seen)
}

#[actix::test]
async fn a_middleware_refuses_with_message_and_data() {
    async fn check(AuthPayload(auth): AuthPayload<serde_json::Value>) -> Result<(), Refusal> {
        match auth["name"].as_str() {
            Some(_) => Ok(()),
            None => Err(Refusal::new("who are you?").with_data(json!({"code": 7}))),
        }
    }
    let (hub, seen) = hub_with(Namespace::new("/").middleware(check));
    let peer = Peer::open(&hub);

    peer.say("0");
    peer.hears(r#"4{"message":"who are you?","data":{"code":7}}"#)
        .await;
    peer.say(r#"0{"name":"ann"}"#);

    assert!(peer.next().await.starts_with("0{"));
    assert!(seen.lock().unwrap().is_empty());
}

#[actix::test]
async fn an_unknown_namespace_is_refused_and_the_connection_stays() {
    let (hub, _) = hub_with(Namespace::new("/"));
    let peer = Peer::open(&hub);

    peer.say("0/nope,");
    peer.hears(r#"4/nope,{"message":"Invalid namespace"}"#)
        .await;
    peer.say("0");

    assert!(peer.next().await.starts_with("0{"));
}

#[actix::test]
async fn every_end_has_its_reason() {
    let (hub, seen) = hub_with(Namespace::new("/"));
    let namespace = hub.of("/").unwrap();

    Peer::connect(&hub).await.say("1");
    Peer::connect(&hub)
        .await
        .client
        .disconnected(DisconnectReason::PingTimeout);
    drop(Peer::connect(&hub).await);
    let kicked = Peer::connect(&hub).await;
    namespace.sockets().remove(0).disconnect(false).await;
    let broken = Peer::connect(&hub).await;
    broken.say("9");

    assert_eq!(kicked.heard(), ["1"]);
    assert_eq!(broken.closed(), Some(DisconnectReason::ForcedClose));
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "client namespace disconnect",
            "ping timeout",
            "transport close",
            "server namespace disconnect",
            "forced close",
        ]
    );
}

#[actix::test]
async fn a_client_may_leave_a_namespace_and_come_back() {
    let (hub, _) = hub_with(Namespace::new("/"));
    let peer = Peer::connect(&hub).await;
    let first = hub.of("/").unwrap().sockets().remove(0).id();

    peer.say("1");
    peer.say("0");
    assert!(peer.next().await.starts_with("0{"));

    assert_ne!(hub.of("/").unwrap().sockets().remove(0).id(), first);
}

#[actix::test]
async fn a_pending_ack_ends_with_its_socket_or_its_time() {
    tokio::time::pause();
    let (hub, _) = hub_with(Namespace::new("/"));
    let peer = Peer::connect(&hub).await;
    let socket = hub.of("/").unwrap().sockets().remove(0);

    let late = socket
        .emit_with_ack::<_, ()>("a", &())
        .timeout(Duration::from_secs(1))
        .await;
    peer.say("30[]");
    let gone = actix_rt::spawn({
        let socket = socket.clone();
        async move { socket.emit_with_ack::<_, ()>("b", &()).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(hub.stats().pending_acks, 1);
    peer.say("1");

    assert!(matches!(late, Err(AckError::Timeout)));
    assert!(matches!(gone.await.unwrap(), Err(AckError::Disconnected)));
    assert!(matches!(
        socket.emit_with_ack::<_, ()>("c", &()).await,
        Err(AckError::Emit(EmitError::Closed))
    ));
    assert_eq!(hub.stats().pending_acks, 0);
}

#[actix::test]
async fn packets_for_a_socket_that_is_not_admitted_are_bounded() {
    async fn eager(socket: SocketRef) {
        let sent = (0..300).take_while(|number| socket.emit("n", number).is_ok());
        assert_eq!(sent.count(), 256);
        assert!(matches!(socket.emit("n", &()), Err(EmitError::QueueFull)));
    }
    let (hub, _) = hub_with(Namespace::new("/").middleware(eager));
    let peer = Peer::open(&hub);

    peer.say("0");

    assert_eq!(peer.heard().len(), 257);
}

#[actix::test]
async fn one_ack_too_many_ends_the_oldest() {
    let hub = Hub::builder()
        .config(RouterConfig::default().with_pending_acks(1))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let peer = Peer::connect(&hub).await;
    let socket = hub.of("/").unwrap().sockets().remove(0);
    let ask = |event: &'static str| {
        let socket = socket.clone();
        actix_rt::spawn(async move { socket.emit_with_ack::<_, (u8,)>(event, &()).await })
    };

    let first = ask("a");
    peer.hears(r#"20["a"]"#).await;
    let second = ask("b");
    peer.hears(r#"21["b"]"#).await;
    peer.say("31[5]");

    assert!(matches!(first.await.unwrap(), Err(AckError::Timeout)));
    assert_eq!(second.await.unwrap().unwrap(), (5,));
}

#[actix::test]
async fn a_panic_in_a_handler_costs_its_socket_only() {
    async fn boom() {
        panic!("on purpose");
    }
    let (hub, _) = hub_with(Namespace::new("/").on("boom", boom));
    let unlucky = Peer::connect(&hub).await;
    let other = Peer::connect(&hub).await;

    unlucky.say(r#"2["boom"]"#);
    hub.of("/").unwrap().emit("still here", &()).unwrap();

    assert_eq!(unlucky.heard(), ["1"]);
    other.hears(r#"2["still here"]"#).await;
}

#[actix::test]
async fn arguments_that_do_not_fit_call_nothing_and_close_nothing() {
    async fn double(Args((number,)): Args<(u32,)>) -> Reply<u32> {
        Reply(number * 2)
    }
    let (hub, _) = hub_with(Namespace::new("/").on("double", double));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"20["double","two"]"#);
    peer.say(r#"21["double"]"#);
    peer.say(r#"22["double",2,"more"]"#);

    peer.hears(r#"30[{"error":"Invalid arguments"}]"#).await;
    peer.hears(r#"31[{"error":"Invalid arguments"}]"#).await;
    peer.hears("32[4]").await;
}

#[actix::test]
async fn an_ack_is_sent_once_and_only_if_asked_for() {
    async fn answer(ack: Ack) -> Reply<&'static str> {
        ack.send(&("first", "of two")).unwrap();
        Reply("second")
    }
    let (hub, _) = hub_with(Namespace::new("/").on("answer", answer));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["answer"]"#);
    peer.say(r#"25["answer"]"#);

    assert_eq!(peer.heard(), [r#"35["first","of two"]"#]);
}

#[actix::test]
async fn an_unhandled_event_goes_to_the_fallback() {
    async fn fallback(name: sockeye_router::EventName) -> Reply<String> {
        Reply(name.as_str().to_owned())
    }
    let (hub, _) = hub_with(Namespace::new("/").on_fallback(fallback));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"21["what \"is\" this"]"#);

    peer.hears(r#"31["what \"is\" this"]"#).await;
}

#[actix::test]
async fn a_connection_that_reaches_no_namespace_is_closed() {
    tokio::time::pause();
    let hub = Hub::builder()
        .config(RouterConfig::default().with_connect_timeout(Duration::from_secs(5)))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let idle = Peer::open(&hub);
    let refused = Peer::open(&hub);
    refused.say("0/nope,");
    refused.next().await;
    let admitted = Peer::connect(&hub).await;
    admitted.say("1");

    idle.hears("closed: forced close").await;
    refused.hears("closed: forced close").await;

    assert!(admitted.closed().is_none());
}

#[actix::test]
async fn closing_the_hub_ends_everyone_and_leaves_nothing() {
    let (hub, seen) = hub_with(Namespace::new("/"));
    let peers = [Peer::connect(&hub).await, Peer::connect(&hub).await];
    hub.of("/").unwrap().to("a").join("b").await;

    hub.close();
    for peer in &peers {
        peer.hears("closed: server shutting down").await;
    }

    assert_eq!(*seen.lock().unwrap(), ["server shutting down"; 2]);
    assert_eq!(hub.stats(), Stats::default());
}

#[test]
fn mistakes_in_the_description_are_reported_by_name() {
    let build = |namespace| Hub::builder().namespace(namespace).build().err();
    async fn nothing() {}

    let reserved = build(Namespace::new("/").on("disconnect", nothing));
    let name = build(Namespace::new("/a,b"));
    async fn counted(_: State<u32>) {}
    async fn known(_: sockeye_router::Identity) {}
    let state = build(Namespace::new("/").on("a", counted))
        .unwrap()
        .to_string();
    let auth = build(Namespace::new("/").middleware(known))
        .unwrap()
        .to_string();
    assert!(state.contains("State<u32>"), "{state}");
    assert!(auth.contains("Identity"), "{auth}");
    let twice = Hub::builder()
        .namespace(Namespace::new("a"))
        .namespace(Namespace::new("/a"));
    let setting = Hub::builder().config(RouterConfig::default().with_inbound_queue(0));

    assert!(
        matches!(reserved, Some(BuildError::ReservedEvent { event, .. }) if event == "disconnect")
    );
    assert_eq!(name, Some(BuildError::InvalidNamespace("/a,b".to_owned())));
    assert_eq!(
        twice.build().err(),
        Some(BuildError::DuplicateNamespace("/a".to_owned()))
    );
    assert!(
        setting
            .build()
            .err()
            .unwrap()
            .to_string()
            .starts_with("inbound_queue: ")
    );
}
