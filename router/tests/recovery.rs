//! Clients that lose their connection come back to their session. The clock is stopped where time
//! matters.

mod tab;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sockeye_router::{
    Ack, DisconnectReason, EmitError, Hub, Namespace, NamespaceRef, Recovery, RecoveryStatus,
    Refusal, RouterConfig, SocketRef,
    testing::{advance, stop_clock},
};
use tab::{Peer, Tab};

#[actix::test]
async fn every_event_without_ack_says_how_far_the_client_has_come() {
    async fn ask(ack: Ack) {
        ack.send(&"done").unwrap();
    }
    let hub = hub(Namespace::new("/").on("ask", ask));
    let tab = Tab::open(&hub).await;
    let namespace = root(&hub);
    let socket = namespace.socket(tab.id()).unwrap();

    namespace.emit("a", &()).unwrap();
    socket.emit("b", &(1, "two")).unwrap();
    socket.volatile().emit("c", &1).unwrap();
    let asking = socket.clone();
    actix::spawn(async move { asking.emit_with_ack::<_, ()>("d", &"text").await });
    tokio::task::yield_now().await;
    tab.peer.say(r#"27["ask"]"#);

    let heard = tab.peer.heard();
    let prefix = &heard[0][7..11];
    assert_eq!(heard[0], format!(r#"2["a","{prefix}1"]"#));
    assert_eq!(heard[1], format!(r#"2["b",1,"two","{prefix}2"]"#));
    assert_eq!(
        heard[2..],
        [r#"2["c",1]"#, r#"20["d","text"]"#, r#"37["done"]"#]
    );
}

#[actix::test]
async fn what_was_missed_comes_first_and_in_order() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    let (sid, namespace) = (tab.sid.clone(), root(&hub));
    namespace.socket(tab.id()).unwrap().join("a").await;
    namespace.emit("n", &1).unwrap();
    namespace.emit("n", &2).unwrap();

    tab.receive_some(1);
    tab.lose();
    namespace.to("a").emit("n", &3).unwrap();
    namespace.to("b").emit("n", &"not for it").unwrap();
    namespace.to(tab.id()).emit("n", &4).unwrap();
    namespace.except("a").emit("n", &"not for it").unwrap();
    namespace.volatile().emit("n", &"too late").unwrap();
    namespace.emit("n", &5).unwrap();
    tab.come_back().await;
    namespace.emit("n", &6).unwrap();
    tab.receive();

    assert!(tab.recovered);
    assert_eq!(tab.sid, sid);
    assert_eq!(tab.got, numbered(1..=6));
}

#[actix::test]
async fn a_client_that_has_received_nothing_is_recovered_too() {
    let hub = hub(Namespace::new("/"));
    root(&hub).emit("n", &"before its time").unwrap();
    let mut tab = Tab::open(&hub).await;

    root(&hub).emit("n", &1).unwrap();
    tab.lose();
    root(&hub).emit("n", &2).unwrap();
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=2));
}

#[actix::test]
async fn a_session_is_recovered_after_every_break() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;

    for number in 0..10 {
        tab.lose();
        root(&hub).emit("n", &number).unwrap();
        tab.come_back().await;
        assert!(tab.recovered);
    }

    assert_eq!(tab.got, numbered(0..=9));
}

#[actix::test]
async fn a_break_before_the_missed_events_arrive_loses_nothing() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    root(&hub).emit("n", &1).unwrap();
    tab.receive();
    tab.lose();
    root(&hub).emit("n", &2).unwrap();

    tab.peer = Peer::open(&hub);
    tab.ask();
    tab.lose();
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=2));
}

#[actix::test]
async fn a_session_is_good_for_one_use() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    tab.lose();
    let (pid, sid) = (tab.pid.clone(), tab.sid.clone());
    tab.come_back().await;
    let mut thief = Tab::open(&hub).await;
    thief.pid = pid.clone();

    // The one that comes last has the session, and nobody else.
    thief.come_back().await;

    assert!(thief.recovered);
    assert_eq!(thief.sid, sid);
    assert_eq!(tab.peer.closed(), Some(DisconnectReason::TransportClose));
    assert_eq!(root(&hub).socket_count(), 1);
}

#[actix::test]
async fn a_client_that_is_back_before_its_old_connection_ended_is_recovered() {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let seen = ends.clone();
    let hub = hub(
        Namespace::new("/").on_disconnect(move |reason: DisconnectReason| {
            seen.lock().unwrap().push(reason);
            std::future::ready(())
        }),
    );
    let mut tab = Tab::open(&hub).await;
    root(&hub).emit("n", &1).unwrap();

    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=1));
    assert_eq!(*ends.lock().unwrap(), [DisconnectReason::TransportClose]);
    assert_eq!(root(&hub).socket_count(), 1);
}

#[actix::test]
async fn a_socket_says_whether_it_is_recovered_and_why_not() {
    stop_clock();
    let (statuses, namespace) = noting_statuses();
    let small = Recovery::new()
        .duration(Duration::from_secs(10))
        .max_bytes(2000);
    let hub = hub_with(namespace, small);
    let mut tab = Tab::open(&hub).await;

    tab.lose();
    advance(Duration::from_secs(9)).await;
    tab.come_back().await;
    tab.lose();
    advance(Duration::from_millis(10_500)).await;
    tab.come_back().await;
    assert!(!tab.recovered);
    tab.pid = Some("A".repeat(20));
    tab.come_back().await;
    tab.pid = Some("no key".to_owned());
    tab.come_back().await;
    tab.lose();
    root(&hub).emit("big", &"x".repeat(2000)).unwrap();
    tab.come_back().await;
    assert!(!tab.recovered);

    let seen = statuses.lock().unwrap();
    assert_eq!(
        *seen,
        [
            RecoveryStatus::NotRequested,
            RecoveryStatus::Recovered,
            RecoveryStatus::Expired,
            RecoveryStatus::UnknownSession,
            RecoveryStatus::UnknownSession,
            RecoveryStatus::OffsetLost,
        ]
    );
}

#[actix::test]
async fn without_recovery_packets_are_as_ever() {
    let (statuses, namespace) = noting_statuses();
    let hub = Hub::builder().namespace(namespace).build().unwrap();
    let mut tab = Tab::open(&hub).await;

    root(&hub).emit("n", &1).unwrap();
    tab.peer.hears(r#"2["n",1]"#).await;
    tab.lose();
    tab.pid = Some("A".repeat(20));
    tab.come_back().await;

    assert_eq!(tab.pid, None);
    assert_eq!(*statuses.lock().unwrap(), [RecoveryStatus::Disabled; 2]);
}

#[actix::test]
async fn a_quiet_client_is_recovered_long_after_its_last_event() {
    stop_clock();
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    root(&hub).emit("n", &1).unwrap();
    tab.receive();
    advance(Duration::from_secs(3600)).await;
    // The log forgets the old event.
    root(&hub).to("nobody").emit("n", &()).unwrap();

    tab.lose();
    root(&hub).emit("n", &2).unwrap();
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=2));
}

#[actix::test]
async fn an_offset_of_an_earlier_session_means_nothing_to_the_next() {
    stop_clock();
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    root(&hub).emit("n", &1).unwrap();
    tab.receive();
    tab.lose();
    advance(Duration::from_secs(121)).await;
    root(&hub).emit("n", &"lost").unwrap();
    tab.come_back().await;
    assert!(!tab.recovered);

    // No event since; the client still sends its last offset.
    tab.lose();
    root(&hub).emit("n", &2).unwrap();
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=2));
}

#[actix::test]
async fn a_restarted_server_recovers_nobody() {
    let before = hub(Namespace::new("/"));
    let mut tab = Tab::open(&before).await;
    root(&before).emit("n", &1).unwrap();
    tab.receive();
    tab.lose();

    let after = hub(Namespace::new("/"));
    let mut again = Tab::open(&after).await;
    (again.pid, again.offset) = (tab.pid.clone(), tab.offset.clone());
    again.lose();
    again.come_back().await;
    assert!(!again.recovered);

    // The old offset is no obstacle to the new session.
    again.lose();
    root(&after).emit("n", &2).unwrap();
    again.come_back().await;
    assert!(again.recovered);
    assert_eq!(again.got, numbered(2..=2));
}

#[actix::test]
async fn rooms_and_data_are_back_before_the_handlers_run() {
    struct Name(String);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    let hub = hub(Namespace::new("/").on_connect(move |socket: SocketRef| {
        let name = socket.data::<Name>().map(|name| name.0.clone());
        notes.lock().unwrap().push((socket.rooms(), name));
        socket.emit("welcome", &()).unwrap();
        std::future::ready(())
    }));
    let mut tab = Tab::open(&hub).await;
    let socket = root(&hub).socket(tab.id()).unwrap();
    socket.join(["a", "b"]).await;
    socket.set_data(Name("x".to_owned()));
    socket.set_attribute("level", &7).unwrap();

    tab.lose();
    tab.come_back().await;
    root(&hub).to("b").emit("n", &1).unwrap();
    tab.receive();
    let back = root(&hub).socket(tab.id()).unwrap();
    assert_eq!(back.attribute::<u32>("level"), Some(7));

    let rooms = vec!["a".into(), "b".into()];
    let expected = [(vec![], None), (rooms, Some("x".to_owned()))];
    assert_eq!(*seen.lock().unwrap(), expected);
    let welcome = r#"["welcome"]"#;
    assert_eq!(tab.got, [welcome, welcome, r#"["n",1]"#]);
    assert_eq!(
        socket.emit("n", &1).map_err(|e| e.to_string()),
        Err(EmitError::Closed.to_string())
    );
}

#[actix::test]
async fn an_event_to_a_room_that_was_left_since_is_not_lost() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    let (namespace, socket) = (root(&hub), root(&hub).socket(tab.id()).unwrap());
    namespace.to("a").emit("n", &"too early").unwrap();
    socket.join("a").await;

    namespace.to("a").emit("n", &1).unwrap();
    socket.leave("a").await;
    namespace.to("a").emit("n", &"too late").unwrap();
    tab.receive_some(0);
    tab.lose();
    tab.come_back().await;

    assert_eq!(tab.got, numbered(1..=1));
}

#[actix::test]
async fn recovered_sockets_are_spared_the_middlewares_if_so_set() {
    for (skip, expected) in [(true, 1), (false, 2)] {
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = runs.clone();
        let namespace = Namespace::new("/").middleware(move |socket: SocketRef| {
            // What is emitted here comes after what was missed.
            socket.emit("early", &()).unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now()
        });
        let hub = hub_with(namespace, Recovery::new().skip_middlewares(skip));
        let mut tab = Tab::open(&hub).await;
        tab.receive();
        tab.lose();
        root(&hub).emit("n", &1).unwrap();

        tab.come_back().await;
        tab.receive();

        assert!(tab.recovered);
        assert_eq!(runs.load(Ordering::Relaxed), expected);
        let early = r#"["early"]"#;
        let got = [early, r#"["n",1]"#, early];
        assert_eq!(tab.got, got[..1 + expected]);
    }
}

#[actix::test]
async fn a_session_that_a_middleware_refuses_is_over() {
    let hub = hub_with(
        Namespace::new("/").middleware(async |socket: SocketRef| {
            if socket.recovery().is_recovered() {
                return Err(Refusal::new("no"));
            }
            Ok(())
        }),
        Recovery::new().skip_middlewares(false),
    );
    let mut tab = Tab::open(&hub).await;
    tab.lose();

    tab.peer = Peer::open(&hub);
    tab.ask();
    tab.peer.hears(r#"4{"message":"no"}"#).await;
    tab.come_back().await;

    assert!(!tab.recovered);
}

#[actix::test]
async fn only_broken_sessions_can_be_recovered() {
    use DisconnectReason::*;
    for (reason, expected) in [
        (TransportClose, true),
        (TransportError, true),
        (PingTimeout, true),
        (ForcedClose, true),
        (SlowConsumer, true),
        (ServerShuttingDown, true),
        (ParseError, false),
    ] {
        let hub = hub(Namespace::new("/"));
        let mut tab = Tab::open(&hub).await;
        tab.peer.lose(reason);
        tab.come_back().await;
        assert_eq!(tab.recovered, expected, "{reason}");
    }
    let hub = hub(Namespace::new("/"));
    let mut left = Tab::open(&hub).await;
    left.peer.say("1");
    left.come_back().await;
    assert!(!left.recovered);
    let mut thrown_out = Tab::open(&hub).await;
    let socket = root(&hub).socket(thrown_out.id()).unwrap();
    socket.disconnect(false).await;
    thrown_out.come_back().await;
    assert!(!thrown_out.recovered);
}

#[actix::test]
async fn a_volatile_event_that_ends_in_text_does_not_confuse_the_client() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    let socket = root(&hub).socket(tab.id()).unwrap();
    root(&hub).emit("n", &1).unwrap();

    socket.volatile().emit("text", &"x").unwrap();
    root(&hub).volatile().emit("none", &()).unwrap();
    tab.receive();
    tab.lose();
    root(&hub).emit("n", &2).unwrap();
    tab.come_back().await;

    let expected = [r#"["n",1]"#, r#"["text","x"]"#, r#"["none"]"#, r#"["n",2]"#];
    assert_eq!(tab.got, expected);
}

#[actix::test]
async fn what_was_said_not_to_be_queued_is_not_sent_later() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    tab.lose();
    tab.open_narrow(2);
    tab.connect().await;
    let socket = root(&hub).socket(tab.id()).unwrap();

    socket.emit("n", &1).unwrap();
    socket.emit("n", &2).unwrap();
    assert!(matches!(socket.emit("n", &3), Err(EmitError::QueueFull)));
    tab.receive_some(1);
    socket.emit("n", &4).unwrap();
    tab.lose();
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, [r#"["n",1]"#, r#"["n",2]"#, r#"["n",4]"#]);
}

#[actix::test]
async fn a_slow_consumer_that_comes_back_gets_what_it_was_too_slow_for() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    tab.lose();
    tab.open_narrow(2);
    tab.connect().await;

    for number in 1..=4 {
        root(&hub).emit("n", &number).unwrap();
    }
    assert_eq!(tab.peer.closed(), Some(DisconnectReason::SlowConsumer));
    tab.receive();
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=4));
}

#[actix::test]
async fn a_client_with_no_room_for_what_it_missed_starts_anew() {
    let hub = hub(Namespace::new("/"));
    let mut tab = Tab::open(&hub).await;
    tab.lose();
    for number in 1..=4 {
        root(&hub).emit("n", &number).unwrap();
    }

    // The answer to CONNECT needs a place, too.
    tab.open_narrow(4);
    tab.connect().await;

    assert!(!tab.recovered);
    assert!(tab.got.is_empty());
    let sockets = root(&hub).sockets();
    assert_eq!(sockets.len(), 1);
    assert_eq!(sockets[0].recovery(), RecoveryStatus::TooMuchMissed);
}

#[actix::test]
async fn a_child_of_a_dynamic_namespace_waits_for_its_clients() {
    stop_clock();
    let hub = hub(Namespace::pattern("^/org-.*$"));
    let peer = Peer::open(&hub);
    peer.say("0/org-1,");
    let answer = peer.next().await;
    let json = answer.strip_prefix("0/org-1,").unwrap().to_owned();

    drop(peer);
    assert_eq!(hub.stats().children, 1);
    hub.of("/org-1").unwrap().emit("n", &1).unwrap();
    let peer = Peer::open(&hub);
    peer.say(&format!("0/org-1,{json}"));
    let missed = peer.next().await;
    assert!(missed.starts_with(r#"2/org-1,["n",1,"#), "{missed}");
    peer.hears(&answer).await;
    drop(peer);

    tokio::time::sleep(Duration::from_secs(123)).await;
    assert_eq!(hub.stats().children, 0);
}

fn hub(namespace: Namespace) -> Hub {
    hub_with(namespace, Recovery::new())
}

fn hub_with(namespace: Namespace, recovery: Recovery) -> Hub {
    Hub::builder()
        .config(RouterConfig::default().with_recovery(recovery))
        .namespace(namespace)
        .build()
        .unwrap()
}

fn root(hub: &Hub) -> NamespaceRef {
    hub.of("/").unwrap()
}

fn numbered(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!(r#"["n",{number}]"#)).collect()
}

fn noting_statuses() -> (Arc<Mutex<Vec<RecoveryStatus>>>, Namespace) {
    let statuses = Arc::new(Mutex::new(Vec::new()));
    let notes = statuses.clone();
    let namespace = Namespace::new("/").on_connect(move |socket: SocketRef| {
        notes.lock().unwrap().push(socket.recovery());
        std::future::ready(())
    });
    (statuses, namespace)
}
