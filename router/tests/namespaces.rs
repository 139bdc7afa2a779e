//! Namespaces that come and go.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use sockeye_router::{
    Args, BuildError, DisconnectReason, Hub, HubBuilder, Namespace, NamespaceRequest, RouterConfig,
    SocketRef,
    testing::{TestConnection, TestError, advance, settle, stop_clock},
};

const ORGS: &str = r"^/org-\d+$";

#[actix::test]
async fn every_name_that_matches_is_a_namespace_of_its_own() -> Result<(), TestError> {
    let hub = build(Hub::builder().namespace(echoing(Namespace::pattern(ORGS))));
    let (one, two) = (TestConnection::open(&hub), TestConnection::open(&hub));

    one.join_namespace("/org-1").await?;
    two.join_namespace("/org-2").await?;
    one.send_raw(r#"2/org-1,["echo",1]"#);
    hub.of("/org-2").unwrap().emit("news", &2).unwrap();

    one.expect_raw(r#"2/org-1,["echo",1]"#).await?;
    two.expect_raw(r#"2/org-2,["news",2]"#).await?;
    assert!(one.take_raw().is_empty());
    Ok(())
}

#[actix::test]
async fn a_name_that_nothing_accepts_is_refused_and_the_connection_stays() -> Result<(), TestError>
{
    let hub = build(
        Hub::builder()
            .namespace(Namespace::pattern(ORGS))
            .namespace(Namespace::dynamic("never", async |_| false)),
    );
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/org-x,");
    connection
        .expect_raw(r#"4/org-x,{"message":"Invalid namespace"}"#)
        .await?;

    connection.join_namespace("/org-1").await?;
    assert_eq!(hub.stats().children, 1);
    assert!(hub.of("/org-x").is_none());
    Ok(())
}

#[actix::test]
async fn a_predicate_sees_name_and_auth_and_the_first_that_accepts_wins() -> Result<(), TestError> {
    let hub = build(
        Hub::builder()
            .namespace(named("exact", Namespace::new("/t-0")))
            .namespace(named("tenant", Namespace::dynamic("tenants", tenant)))
            .namespace(named("pattern", Namespace::pattern("^/t-"))),
    );
    let connection = TestConnection::open(&hub);

    for (namespace, tenant, name) in [
        ("/t-0", "/t-0", "exact"),
        ("/t-1", "/t-1", "tenant"),
        ("/t-2", "/t-1", "pattern"),
    ] {
        let auth = json!({"tenant": tenant});
        let client = connection.join_namespace_with(namespace, &auth).await?;
        assert_eq!(client.receive::<String>("name").await?, name);
    }
    Ok(())
}

#[actix::test]
async fn what_a_client_sends_waits_for_a_slow_predicate() -> Result<(), TestError> {
    stop_clock();
    let hub = build(Hub::builder().namespace(echoing(Namespace::dynamic("slow", slow))));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/x,");
    connection.send_raw(r#"2/x,["echo","held"]"#);

    assert!(connection.next_raw().await?.text.starts_with("0/x,"));
    connection.expect_raw(r#"2/x,["echo","held"]"#).await?;
    Ok(())
}

#[actix::test]
async fn leaving_and_coming_back_while_the_predicate_is_asked_ends_inside() -> Result<(), TestError>
{
    stop_clock();
    let hub = build(Hub::builder().namespace(echoing(Namespace::dynamic("slow", slow))));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/x,");
    connection.send_raw("1/x,");
    connection.send_raw("0/x,");
    connection.send_raw(r#"2/x,["echo",2]"#);

    let (first, second) = (connection.next_raw().await?, connection.next_raw().await?);
    assert!(first.text.starts_with("0/x,") && second.text.starts_with("0/x,"));
    assert_ne!(first, second);
    connection.expect_raw(r#"2/x,["echo",2]"#).await?;
    assert_eq!(hub.stats().sockets, 1);
    Ok(())
}

#[actix::test]
async fn a_client_that_goes_while_the_predicate_is_asked_leaves_nothing() -> Result<(), TestError> {
    stop_clock();
    let hub = build(Hub::builder().namespace(Namespace::dynamic("slow", slow)));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/x,");
    connection.drop_connection(DisconnectReason::TransportClose);
    advance(Duration::from_secs(2)).await;

    assert_eq!(hub.stats(), Default::default());
    Ok(())
}

#[actix::test]
async fn a_predicate_that_panics_refuses() -> Result<(), TestError> {
    let hub = build(Hub::builder().namespace(Namespace::dynamic("bad", panics)));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/x,");

    connection
        .expect_raw(r#"4/x,{"message":"Invalid namespace"}"#)
        .await?;
    Ok(())
}

#[actix::test]
async fn a_child_goes_with_its_last_socket_and_comes_back() -> Result<(), TestError> {
    let hub = build(Hub::builder().namespace(Namespace::pattern(ORGS)));
    let (one, two) = (TestConnection::open(&hub), TestConnection::open(&hub));
    one.join_namespace("/org-1").await?;
    two.join_namespace("/org-1").await?;

    one.send_raw("1/org-1,");
    assert_eq!(hub.stats().children, 1);
    two.drop_connection(DisconnectReason::TransportClose);
    settle().await;
    assert_eq!(hub.stats().children, 0);

    one.join_namespace("/org-1").await?;
    assert_eq!(hub.stats().children, 1);
    Ok(())
}

#[actix::test]
async fn a_refused_socket_leaves_no_child() -> Result<(), TestError> {
    let refusing = Namespace::pattern(ORGS).middleware(async || Err::<(), _>("no"));
    let hub = build(Hub::builder().namespace(refusing));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/org-1,");
    connection.expect_raw(r#"4/org-1,{"message":"no"}"#).await?;
    settle().await;

    assert_eq!(hub.stats().children, 0);
    Ok(())
}

#[actix::test]
async fn empty_children_stay_where_that_is_wanted() -> Result<(), TestError> {
    let config = RouterConfig::default().with_cleanup_empty_children(false);
    let hub = build(
        Hub::builder()
            .config(config)
            .namespace(Namespace::pattern(ORGS)),
    );
    let connection = TestConnection::open(&hub);
    connection.join_namespace("/org-1").await?;

    connection.send_raw("1/org-1,");
    settle().await;

    assert_eq!(hub.stats().children, 1);
    Ok(())
}

#[actix::test]
async fn a_handle_keeps_its_child_and_reaches_who_comes_later() -> Result<(), TestError> {
    let hub = build(Hub::builder().namespace(Namespace::pattern(ORGS)));
    let org = hub.of("/org-7").unwrap();
    let connection = TestConnection::open(&hub);

    connection.join_namespace("/org-7").await?;
    org.emit("news", &()).unwrap();
    connection.expect_raw(r#"2/org-7,["news"]"#).await?;
    connection.send_raw("1/org-7,");
    connection.join_namespace("/org-7").await?;
    org.emit("news", &()).unwrap();

    connection.expect_raw(r#"2/org-7,["news"]"#).await?;
    Ok(())
}

#[actix::test]
async fn a_parent_reaches_all_its_children_and_no_others() -> Result<(), TestError> {
    let hub = build(
        Hub::builder()
            .namespace(Namespace::new("/"))
            .namespace(echoing(Namespace::pattern(ORGS))),
    );
    let connections = [
        TestConnection::open(&hub),
        TestConnection::open(&hub),
        TestConnection::open(&hub),
    ];
    connections[0].join_namespace("/org-1").await?;
    connections[1].join_namespace("/org-2").await?;
    connections[2].join_namespace("/").await?;
    connections[1].send_raw(r#"2/org-2,["join","vip"]"#);
    let parent = hub.parent(ORGS).unwrap();

    parent.emit("all", &1).unwrap();
    parent.to("vip").emit("vips", &2).unwrap();
    parent.except("vip").emit("rest", &3).unwrap();

    connections[0].expect_raw(r#"2/org-1,["all",1]"#).await?;
    connections[0].expect_raw(r#"2/org-1,["rest",3]"#).await?;
    connections[1].expect_raw(r#"2/org-2,["all",1]"#).await?;
    connections[1].expect_raw(r#"2/org-2,["vips",2]"#).await?;
    assert!(
        connections
            .iter()
            .all(|connection| connection.take_raw().is_empty())
    );
    assert_eq!(parent.children().len(), 2);
    assert_eq!(parent.to("vip").socket_ids().await.len(), 1);
    assert!(hub.parent("nothing").is_none());
    Ok(())
}

#[actix::test]
async fn a_parent_moves_and_disconnects_the_sockets_of_its_children() -> Result<(), TestError> {
    let hub = build(Hub::builder().namespace(Namespace::pattern(ORGS)));
    let (one, two) = (TestConnection::open(&hub), TestConnection::open(&hub));
    one.join_namespace("/org-1").await?;
    two.join_namespace("/org-2").await?;
    let parent = hub.parent(ORGS).unwrap();

    parent.to(Vec::<String>::new()).join("everyone").await;
    assert_eq!(hub.of("/org-2").unwrap().room_names().len(), 1);
    parent.to("everyone").disconnect(false).await;

    one.expect_raw("1/org-1,").await?;
    two.expect_raw("1/org-2,").await?;
    Ok(())
}

#[actix::test]
async fn new_namespaces_are_announced_once_each() -> Result<(), TestError> {
    let names = Arc::new(Mutex::new(Vec::new()));
    let log = names.clone();
    let hub = build(
        Hub::builder()
            .namespace(Namespace::pattern(ORGS))
            .on_new_namespace(move |namespace| {
                log.lock().unwrap().push(namespace.name().to_owned());
            }),
    );
    let (one, two) = (TestConnection::open(&hub), TestConnection::open(&hub));

    one.join_namespace("/org-1").await?;
    two.join_namespace("/org-1").await?;
    let held = hub.of("/org-2").unwrap();

    assert_eq!(*names.lock().unwrap(), ["/org-1", "/org-2"]);
    assert_eq!(held.name(), "/org-2");
    Ok(())
}

#[actix::test]
async fn middlewares_and_connect_handlers_of_a_parent_run_for_each_child() -> Result<(), TestError>
{
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
    let connection = TestConnection::open(&hub);

    connection.join_namespace("/org-1").await?;
    connection.join_namespace("/org-2").await?;

    assert_eq!(runs.load(Ordering::Relaxed), 22);
    Ok(())
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
