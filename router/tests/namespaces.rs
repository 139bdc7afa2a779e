//! Namespaces that come and go.

mod peer;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use peer::Peer;
use serde_json::Value;
use sockeye_router::{
    Args, BuildError, DisconnectReason, Hub, HubBuilder, Namespace, NamespaceRequest, RouterConfig,
    SocketRef,
};

const ORGS: &str = r"^/org-\d+$";

#[actix::test]
async fn every_name_that_matches_is_a_namespace_of_its_own() {
    let hub = build(Hub::builder().namespace(echoing(Namespace::pattern(ORGS))));
    let (one, two) = (Peer::open(&hub), Peer::open(&hub));

    enter(&one, "/org-1").await;
    enter(&two, "/org-2").await;
    one.say(r#"2/org-1,["echo",1]"#);
    hub.of("/org-2").unwrap().emit("news", &2).unwrap();

    one.hears(r#"2/org-1,["echo",1]"#).await;
    two.hears(r#"2/org-2,["news",2]"#).await;
    assert!(one.heard().is_empty());
}

#[actix::test]
async fn a_name_that_nothing_accepts_is_refused_and_the_connection_stays() {
    let hub = build(
        Hub::builder()
            .namespace(Namespace::pattern(ORGS))
            .namespace(Namespace::dynamic("never", async |_| false)),
    );
    let peer = Peer::open(&hub);

    peer.say("0/org-x,");
    peer.hears(r#"4/org-x,{"message":"Invalid namespace"}"#)
        .await;

    enter(&peer, "/org-1").await;
    assert_eq!(hub.stats().children, 1);
    assert!(hub.of("/org-x").is_none());
}

#[actix::test]
async fn a_predicate_sees_name_and_auth_and_the_first_that_accepts_wins() {
    let hub = build(
        Hub::builder()
            .namespace(named("exact", Namespace::new("/t-0")))
            .namespace(named("tenant", Namespace::dynamic("tenants", tenant)))
            .namespace(named("pattern", Namespace::pattern("^/t-"))),
    );
    let peer = Peer::open(&hub);

    for (namespace, auth, name) in [
        ("/t-0", r#"{"tenant":"/t-0"}"#, "exact"),
        ("/t-1", r#"{"tenant":"/t-1"}"#, "tenant"),
        ("/t-2", r#"{"tenant":"/t-1"}"#, "pattern"),
    ] {
        peer.say(&format!("0{namespace},{auth}"));
        assert!(peer.next().await.starts_with(&format!("0{namespace},")));
        peer.hears(&format!(r#"2{namespace},["name","{name}"]"#))
            .await;
    }
}

#[actix::test]
async fn what_a_client_sends_waits_for_a_slow_predicate() {
    tokio::time::pause();
    let hub = build(Hub::builder().namespace(echoing(Namespace::dynamic("slow", slow))));
    let peer = Peer::open(&hub);

    peer.say("0/x,");
    peer.say(r#"2/x,["echo","held"]"#);

    assert!(peer.next().await.starts_with("0/x,"));
    peer.hears(r#"2/x,["echo","held"]"#).await;
}

#[actix::test]
async fn leaving_and_coming_back_while_the_predicate_is_asked_ends_inside() {
    tokio::time::pause();
    let hub = build(Hub::builder().namespace(echoing(Namespace::dynamic("slow", slow))));
    let peer = Peer::open(&hub);

    peer.say("0/x,");
    peer.say("1/x,");
    peer.say("0/x,");
    peer.say(r#"2/x,["echo",2]"#);

    let (first, second) = (peer.next().await, peer.next().await);
    assert!(first.starts_with("0/x,") && second.starts_with("0/x,"));
    assert_ne!(first, second);
    peer.hears(r#"2/x,["echo",2]"#).await;
    assert_eq!(hub.stats().sockets, 1);
}

#[actix::test]
async fn a_client_that_goes_while_the_predicate_is_asked_leaves_nothing() {
    tokio::time::pause();
    let hub = build(Hub::builder().namespace(Namespace::dynamic("slow", slow)));
    let peer = Peer::open(&hub);

    peer.say("0/x,");
    peer.client.disconnected(DisconnectReason::TransportClose);
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::task::yield_now().await;

    assert_eq!(hub.stats(), Default::default());
}

#[actix::test]
async fn a_predicate_that_panics_refuses() {
    let hub = build(Hub::builder().namespace(Namespace::dynamic("bad", panics)));
    let peer = Peer::open(&hub);

    peer.say("0/x,");

    peer.hears(r#"4/x,{"message":"Invalid namespace"}"#).await;
}

#[actix::test]
async fn a_child_goes_with_its_last_socket_and_comes_back() {
    let hub = build(Hub::builder().namespace(Namespace::pattern(ORGS)));
    let (one, two) = (Peer::open(&hub), Peer::open(&hub));
    enter(&one, "/org-1").await;
    enter(&two, "/org-1").await;

    one.say("1/org-1,");
    assert_eq!(hub.stats().children, 1);
    two.client.disconnected(DisconnectReason::TransportClose);
    settle().await;
    assert_eq!(hub.stats().children, 0);

    enter(&one, "/org-1").await;
    assert_eq!(hub.stats().children, 1);
}

#[actix::test]
async fn a_refused_socket_leaves_no_child() {
    let refusing = Namespace::pattern(ORGS).middleware(async || Err::<(), _>("no"));
    let hub = build(Hub::builder().namespace(refusing));
    let peer = Peer::open(&hub);

    peer.say("0/org-1,");
    peer.hears(r#"4/org-1,{"message":"no"}"#).await;
    settle().await;

    assert_eq!(hub.stats().children, 0);
}

#[actix::test]
async fn empty_children_stay_where_that_is_wanted() {
    let config = RouterConfig::default().with_cleanup_empty_children(false);
    let hub = build(
        Hub::builder()
            .config(config)
            .namespace(Namespace::pattern(ORGS)),
    );
    let peer = Peer::open(&hub);
    enter(&peer, "/org-1").await;

    peer.say("1/org-1,");
    settle().await;

    assert_eq!(hub.stats().children, 1);
}

#[actix::test]
async fn a_handle_keeps_its_child_and_reaches_who_comes_later() {
    let hub = build(Hub::builder().namespace(Namespace::pattern(ORGS)));
    let org = hub.of("/org-7").unwrap();
    let peer = Peer::open(&hub);

    enter(&peer, "/org-7").await;
    org.emit("news", &()).unwrap();
    peer.hears(r#"2/org-7,["news"]"#).await;
    peer.say("1/org-7,");
    enter(&peer, "/org-7").await;
    org.emit("news", &()).unwrap();

    peer.hears(r#"2/org-7,["news"]"#).await;
}

#[actix::test]
async fn a_parent_reaches_all_its_children_and_no_others() {
    let hub = build(
        Hub::builder()
            .namespace(Namespace::new("/"))
            .namespace(echoing(Namespace::pattern(ORGS))),
    );
    let peers = [Peer::open(&hub), Peer::open(&hub), Peer::open(&hub)];
    enter(&peers[0], "/org-1").await;
    enter(&peers[1], "/org-2").await;
    enter(&peers[2], "/").await;
    peers[1].say(r#"2/org-2,["join","vip"]"#);
    let parent = hub.parent(ORGS).unwrap();

    parent.emit("all", &1).unwrap();
    parent.to("vip").emit("vips", &2).unwrap();
    parent.except("vip").emit("rest", &3).unwrap();

    peers[0].hears(r#"2/org-1,["all",1]"#).await;
    peers[0].hears(r#"2/org-1,["rest",3]"#).await;
    peers[1].hears(r#"2/org-2,["all",1]"#).await;
    peers[1].hears(r#"2/org-2,["vips",2]"#).await;
    assert!(peers.iter().all(|peer| peer.heard().is_empty()));
    assert_eq!(parent.children().len(), 2);
    assert_eq!(parent.to("vip").socket_ids().await.len(), 1);
    assert!(hub.parent("nothing").is_none());
}

#[actix::test]
async fn a_parent_moves_and_disconnects_the_sockets_of_its_children() {
    let hub = build(Hub::builder().namespace(Namespace::pattern(ORGS)));
    let (one, two) = (Peer::open(&hub), Peer::open(&hub));
    enter(&one, "/org-1").await;
    enter(&two, "/org-2").await;
    let parent = hub.parent(ORGS).unwrap();

    parent.to(Vec::<String>::new()).join("everyone").await;
    assert_eq!(hub.of("/org-2").unwrap().room_names().len(), 1);
    parent.to("everyone").disconnect(false).await;

    one.hears("1/org-1,").await;
    two.hears("1/org-2,").await;
}

#[actix::test]
async fn new_namespaces_are_announced_once_each() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let log = names.clone();
    let hub = build(
        Hub::builder()
            .namespace(Namespace::pattern(ORGS))
            .on_new_namespace(move |namespace| {
                log.lock().unwrap().push(namespace.name().to_owned());
            }),
    );
    let (one, two) = (Peer::open(&hub), Peer::open(&hub));

    enter(&one, "/org-1").await;
    enter(&two, "/org-1").await;
    let held = hub.of("/org-2").unwrap();

    assert_eq!(*names.lock().unwrap(), ["/org-1", "/org-2"]);
    assert_eq!(held.name(), "/org-2");
}

#[actix::test]
async fn middlewares_and_connect_handlers_of_a_parent_run_for_each_child() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (a, b) = (runs.clone(), runs.clone());
    let namespace = Namespace::pattern(ORGS)
        .middleware(move || {
            a.fetch_add(1, Ordering::Relaxed);
            async {}
        })
        .on_connect(move || {
            b.fetch_add(10, Ordering::Relaxed);
            async {}
        });
    let hub = build(Hub::builder().namespace(namespace));
    let peer = Peer::open(&hub);

    enter(&peer, "/org-1").await;
    enter(&peer, "/org-2").await;

    assert_eq!(runs.load(Ordering::Relaxed), 22);
}

#[test]
fn mistakes_are_named() {
    let build = |namespaces: [Namespace; 2]| {
        let [one, two] = namespaces;
        let hub = Hub::builder().namespace(one).namespace(two).build();
        hub.unwrap_err()
    };

    let twice = build([Namespace::pattern(ORGS), Namespace::pattern(ORGS)]);
    let broken = build([Namespace::new("/"), Namespace::pattern("(")]);

    assert_eq!(twice, BuildError::DuplicateNamespace(ORGS.to_owned()));
    assert!(matches!(broken, BuildError::InvalidPattern { pattern, .. } if pattern == "("));
}

async fn tenant(request: NamespaceRequest) -> bool {
    let auth: Value = serde_json::from_str(request.auth_payload()).unwrap();
    auth["tenant"] == request.name()
}

async fn slow(_: NamespaceRequest) -> bool {
    tokio::time::sleep(Duration::from_secs(1)).await;
    true
}

async fn panics(_: NamespaceRequest) -> bool {
    panic!("a predicate of a test");
}

fn echoing(namespace: Namespace) -> Namespace {
    namespace
        .on(
            "echo",
            async |socket: SocketRef, Args(value): Args<Value>| {
                socket.emit("echo", &value).unwrap();
            },
        )
        .on(
            "join",
            async |socket: SocketRef, Args(room): Args<String>| {
                socket.join(room).await;
            },
        )
}

fn named(name: &'static str, namespace: Namespace) -> Namespace {
    namespace.on_connect(async move |socket: SocketRef| {
        socket.emit("name", name).unwrap();
    })
}

fn build(builder: HubBuilder) -> Hub {
    builder.build().unwrap()
}

async fn enter(peer: &Peer, namespace: &str) {
    let prefix = if namespace == "/" {
        String::new()
    } else {
        format!("{namespace},")
    };
    peer.say(&format!("0{prefix}"));
    let answer = peer.next().await;
    assert!(answer.starts_with(&format!("0{prefix}{{")), "{answer}");
}

/// Lets actors stop: their socket is held until then.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}
