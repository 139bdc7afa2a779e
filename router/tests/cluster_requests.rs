//! What nodes of a cluster ask each other: sockets, and events from server to server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use sockeye_router::{
    Ack, AckError, Args, BuildError, EmitError, Event, FetchError, Hub, HubBuilder, Identity,
    Namespace, NamespaceRef, RawArgs, Refusal, Reply, SocketRef, State,
    cluster::{Adapter, AdapterError, Channel, ClusterMessage, InProcess, Inbox, Members, NodeId},
    testing::{TestClient, TestError, advance, settle, stop_clock},
};

async fn join(socket: SocketRef, Args(rooms): Args<Vec<String>>) {
    socket.set_attribute("rooms", &rooms.len()).unwrap();
    socket.join(rooms).await;
}

fn chat() -> Namespace {
    Namespace::new("/").on("join", join)
}

fn node(adapter: impl Adapter) -> Hub {
    build(Hub::builder().namespace(chat()).adapter(adapter))
}

fn build(builder: HubBuilder) -> Hub {
    builder.build().unwrap()
}

async fn member(hub: &Hub, rooms: &[&str]) -> Result<TestClient, TestError> {
    let client = TestClient::builder(hub)
        .auth(&json!({ "name": "n" }))
        .header("Cookie", "a=b")
        .query("EIO", "4")
        .address("10.0.0.1")
        .connect()
        .await?;
    client.emit("join", &rooms)?;
    Ok(client)
}

#[actix::test]
async fn sockets_of_all_nodes_are_found_with_what_they_are() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two) = (node(cluster.clone()), node(cluster));
    let a = member(&one, &["r"]).await?;
    let b = member(&two, &["r", "s"]).await?;
    let _elsewhere = member(&two, &["t"]).await?;

    let mut found = one.root().to("r").fetch_sockets().await.unwrap();

    found.sort_by_key(|socket| !socket.is_local());
    let [here, there] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((here.id(), there.id()), (a.id(), b.id()));
    assert_eq!(here.socket(), a.socket().as_ref());
    assert!(there.socket().is_none());
    for socket in &found {
        assert_eq!(&*socket.auth_payload(), r#"{"name":"n"}"#);
        assert_eq!(socket.handshake().headers().get("cookie"), Some("a=b"));
        assert_eq!(socket.handshake().query("EIO"), Some("4"));
        assert_eq!(socket.handshake().address(), Some("10.0.0.1"));
    }
    assert_eq!(there.rooms(), ["r".into(), "s".into()]);
    assert_eq!(there.attribute("rooms"), Some(2));
    assert_eq!(there.attribute::<String>("rooms"), None);
    assert_eq!(here.attributes()["rooms"], 1);
    assert_eq!(one.root().local().fetch_sockets().await.unwrap().len(), 1);
    Ok(())
}

#[actix::test]
async fn a_socket_of_another_node_can_be_used_as_one_s_own() -> Result<(), TestError> {
    stop_clock();
    let cluster = InProcess::new();
    let (one, two) = (node(cluster.clone()), node(cluster));
    let b = member(&two, &["r"]).await?;
    let found = one.root().fetch_sockets().await.unwrap();
    let [socket] = &found[..] else {
        panic!("{found:?}");
    };

    socket.emit("hello", &1).unwrap();
    socket.join("new").await;
    socket.leave("r").await;
    assert_eq!(b.receive::<u8>("hello").await?, 1);
    let asking = actix_rt::spawn(
        socket
            .emit_with_ack::<_, (u8, u8)>("ask", &"?")
            .into_future(),
    );
    let request = b.receive_request::<String>("ask").await?;
    request.ack(&(1, 2))?;
    assert_eq!(asking.await.unwrap().unwrap(), (1, 2));
    assert_eq!(b.socket().unwrap().rooms(), ["new".into()]);

    let unanswered = socket.emit_with_ack::<_, u8>("ask", &"?");
    let unanswered = unanswered.timeout(Duration::from_secs(1)).await;
    assert!(
        matches!(unanswered, Err(AckError::Timeout)),
        "{unanswered:?}"
    );
    socket.disconnect(false).await;
    b.disconnected().await?;
    let gone = socket.emit_with_ack::<_, u8>("ask", &"?").await;
    assert!(
        matches!(gone, Err(AckError::Emit(EmitError::Closed))),
        "{gone:?}"
    );
    Ok(())
}

#[actix::test]
async fn a_node_that_does_not_answer_makes_fetching_fail_in_time() -> Result<(), TestError> {
    stop_clock();
    let cluster = InProcess::new();
    let mute = Wrapped::new(&cluster);
    let (one, two) = (node(cluster), node(mute.clone()));
    let a = member(&one, &[]).await?;
    let _b = member(&two, &[]).await?;
    mute.cut();
    let began = tokio::time::Instant::now();

    let default = one.root().broadcast().fetch_sockets().await;
    assert_eq!(began.elapsed().as_secs(), 5);
    let quick = one.root().broadcast().timeout(Duration::from_secs(1));
    let quick = quick.fetch_sockets().await;

    assert_eq!(began.elapsed().as_secs(), 6);
    for failed in [default, quick] {
        let Err(FetchError::Timeout { found, missing: 1 }) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(found[0].id(), a.id());
    }
    Ok(())
}

#[actix::test]
async fn server_events_reach_every_other_node_and_not_the_sender() {
    let cluster = InProcess::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let nodes: Vec<_> = ["one", "two", "three"]
        .map(|name| listening(name, &log, &cluster))
        .into();

    nodes[0].root().server_side_emit("note", &("a", 1)).unwrap();
    nodes[0].root().server_side_emit("note", &("b", 2)).unwrap();
    nodes[0].root().server_side_emit("unknown", &()).unwrap();
    settle().await;

    let mut log = log.lock().unwrap().clone();
    log.sort_by_key(|line| line.starts_with("two"));
    assert_eq!(
        log,
        ["three / a 1", "three / b 2", "two / a 1", "two / b 2"]
    );
}

/// What handlers write to, and whose it is.
struct Log(&'static str, Arc<Mutex<Vec<String>>>);

async fn note(namespace: NamespaceRef, log: State<Log>, Args((text, n)): Args<(String, u8)>) {
    let line = format!("{} {} {text} {n}", log.0.0, namespace.name());
    log.0.1.lock().unwrap().push(line);
}

async fn whoami(log: State<Log>) -> Reply<&'static str> {
    Reply(log.0.0)
}

async fn later(ack: Ack, event: Event) {
    assert!(ack.is_wanted());
    settle().await;
    ack.send(&(event.name.as_str(), event.args.len())).unwrap();
}

async fn refuse(_: RawArgs) -> Result<(), Refusal> {
    Err(Refusal::new("no"))
}

async fn hang() {
    std::future::pending().await
}

async fn panics() {
    panic!("on purpose");
}

fn listening(name: &'static str, log: &Arc<Mutex<Vec<String>>>, cluster: &InProcess) -> Hub {
    let namespace = chat()
        .on_server_event("note", note)
        .on_server_event("who", whoami)
        .on_server_event("refuse", refuse)
        .on_server_event("later", later)
        .on_server_event("hang", hang)
        .on_server_event("panic", panics);
    let builder = Hub::builder()
        .namespace(namespace)
        .state(Log(name, log.clone()));
    build(builder.adapter(cluster.clone()))
}

#[actix::test]
async fn every_other_node_answers_once() {
    stop_clock();
    let cluster = InProcess::new();
    let log = Arc::default();
    let one = listening("one", &log, &cluster);
    let alone = one
        .root()
        .server_side_emit_with_ack::<_, String>("who", &());
    assert!(
        alone.await.unwrap().replies.is_empty(),
        "nobody else is there"
    );
    let _others = [
        listening("two", &log, &cluster),
        listening("three", &log, &cluster),
    ];

    let root = one.root();
    let report = root
        .server_side_emit_with_ack::<_, String>("who", &())
        .await;
    let refused = root
        .server_side_emit_with_ack::<_, serde_json::Value>("refuse", &())
        .await;
    let later = root
        .server_side_emit_with_ack::<_, (String, usize)>("later", &(1, 2))
        .await;
    let unfit = root
        .server_side_emit_with_ack::<_, u8>("who", &())
        .await
        .unwrap();

    let report = report.unwrap();
    let mut names: Vec<_> = report.replies.iter().map(|reply| &*reply.value).collect();
    names.sort_unstable();
    assert_eq!(names, ["three", "two"]);
    assert!(report.is_complete());
    assert_ne!(report.replies[0].node, report.replies[1].node);
    assert_eq!(refused.unwrap().replies[0].value, json!({ "error": "no" }));
    assert_eq!(later.unwrap().replies[1].value, ("later".to_owned(), 2));
    assert_eq!((unfit.errors.len(), unfit.missing), (2, 0));
}

#[actix::test]
async fn who_does_not_answer_is_counted_after_the_timeout_or_when_it_leaves() {
    stop_clock();
    let cluster = InProcess::new();
    let log = Arc::default();
    let one = listening("one", &log, &cluster);
    let _two = listening("two", &log, &cluster);
    let without = node(cluster.clone());
    let began = tokio::time::Instant::now();

    let root = one.root();
    let partial = root
        .server_side_emit_with_ack::<_, String>("who", &())
        .await;
    assert_eq!(began.elapsed().as_secs(), 5);
    let panicked = root.server_side_emit_with_ack::<_, String>("panic", &());
    let panicked = panicked.timeout(Duration::from_secs(1)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 6);
    let left = root.server_side_emit_with_ack::<_, String>("who", &());
    let left = actix_rt::spawn(left.into_future());
    settle().await;
    without.leave_cluster();
    let left = left.await.unwrap().unwrap();

    let partial = partial.unwrap();
    assert_eq!((partial.replies.len(), partial.missing), (1, 1));
    assert_eq!((panicked.replies.len(), panicked.missing), (0, 2));
    assert_eq!((left.replies.len(), left.missing), (1, 0));
    assert_eq!(began.elapsed().as_secs(), 6);
}

#[actix::test]
async fn a_server_that_has_too_much_to_do_ignores_the_rest() {
    stop_clock();
    let cluster = InProcess::new();
    let log = Arc::default();
    let (one, two) = (node(cluster.clone()), listening("two", &log, &cluster));

    for _ in 0..4_096 {
        one.root().server_side_emit("hang", &()).unwrap();
    }
    let ignored = one
        .root()
        .server_side_emit_with_ack::<_, String>("who", &());

    assert_eq!(ignored.await.unwrap().missing, 1);
    assert_eq!(two.stats().sockets, 0);
}

#[actix::test]
async fn handlers_of_server_events_can_t_ask_for_a_socket() {
    let refused = |namespace: Namespace| {
        let builder = Hub::builder()
            .namespace(namespace)
            .adapter(InProcess::new());
        builder.build().unwrap_err()
    };
    let socket = async |_: SocketRef| {};
    let identity = async |_: Identity| {};
    let event = async |_: Event| {};

    let missing = BuildError::MissingSocket {
        namespace: "/".into(),
    };
    assert_eq!(refused(chat().on_server_event("x", socket)), missing);
    assert_eq!(refused(chat().on_server_event("x", identity)), missing);
    let reserved = refused(chat().on_server_event("connection", event));
    assert!(
        matches!(reserved, BuildError::ReservedEvent { .. }),
        "{reserved:?}"
    );
    let emitted = node(InProcess::new())
        .root()
        .server_side_emit("connect", &());
    assert!(matches!(emitted, Err(EmitError::ReservedName(_))));
}

#[test]
fn a_hub_with_an_adapter_needs_an_arbiter() {
    let built = Hub::builder()
        .namespace(chat())
        .adapter(InProcess::new())
        .build();

    assert_eq!(built.unwrap_err(), BuildError::NoArbiter);
}

#[actix::test]
async fn nodes_find_each_other_by_heartbeats_where_the_transport_can_t_tell()
-> Result<(), TestError> {
    stop_clock();
    let cluster = InProcess::new();
    let adapters = [(); 3].map(|()| Wrapped::new(&cluster).counting(Count::Heartbeats));
    let [one, two, three] = adapters.clone().map(node);
    let b = member(&two, &[]).await?;
    settle().await;
    for hub in [&one, &two, &three] {
        assert_eq!(hub.root().node_count().await.unwrap(), 3);
    }

    advance(Duration::from_secs(60)).await;
    assert_eq!(one.root().node_count().await.unwrap(), 3);
    let found = one.root().broadcast().fetch_sockets().await.unwrap();
    assert_eq!(found[0].id(), b.id());
    three.leave_cluster();
    settle().await;
    assert_eq!(one.root().node_count().await.unwrap(), 2);

    // A crash: nothing more is heard, and nobody says so.
    adapters[1].cut();
    let waiting = one.root().broadcast().timeout(Duration::from_secs(30));
    let waiting = waiting.emit_with_ack::<_, u8>("ask", &());
    let began = tokio::time::Instant::now();
    let report = waiting.await.unwrap();

    assert!(
        (9..=12).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    assert!(report.is_complete() && report.replies.is_empty());
    assert_eq!(one.root().node_count().await.unwrap(), 1);
    Ok(())
}

#[actix::test]
async fn nodes_that_are_only_counted_are_waited_for_by_number() -> Result<(), TestError> {
    stop_clock();
    let cluster = InProcess::new();
    let counted = || Wrapped::new(&cluster).counting(Count::Number(Ok(2)));
    let (one, two) = (node(counted()), node(counted()));
    let _three = node(counted());
    let b = member(&two, &[]).await?;

    let found = one.root().broadcast().fetch_sockets().await.unwrap();
    let asking = one.root().broadcast().emit_with_ack::<_, u8>("ask", &"?");
    let asking = actix_rt::spawn(asking.into_future());
    b.receive_request::<String>("ask").await?.ack(&1)?;
    let report = asking.await.unwrap().unwrap();

    assert_eq!(found.len(), 1);
    assert_eq!(report.replies[0].value, 1);
    assert!(report.is_complete());
    let lost = node(Wrapped::new(&cluster).counting(Count::Number(Err(()))));
    let fetched = lost.root().broadcast().fetch_sockets().await;
    assert!(matches!(fetched, Err(FetchError::Adapter(_))));
    let report = lost.root().broadcast().emit_with_ack::<_, u8>("ask", &"?");
    assert_eq!(report.await.unwrap().silent, 1);
    Ok(())
}

/// An adapter that knows less than the one in it, and can be cut off.
#[derive(Clone)]
struct Wrapped {
    inner: InProcess,
    count: Option<Count>,
    cut: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Count {
    Heartbeats,
    Number(Result<usize, ()>),
}

struct Cuttable {
    inner: Box<dyn Channel>,
    count: Option<Count>,
    cut: Arc<AtomicBool>,
}

impl Wrapped {
    fn new(inner: &InProcess) -> Self {
        Self {
            inner: inner.clone(),
            count: None,
            cut: Arc::default(),
        }
    }

    fn counting(mut self, count: Count) -> Self {
        self.count = Some(count);
        self
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }
}

impl Adapter for Wrapped {
    fn connect(&self, inbox: Inbox) -> Box<dyn Channel> {
        Box::new(Cuttable {
            inner: self.inner.connect(inbox),
            count: self.count.clone(),
            cut: self.cut.clone(),
        })
    }
}

impl Channel for Cuttable {
    fn publish(&self, message: &ClusterMessage) -> Result<(), AdapterError> {
        if self.cut.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.inner.publish(message)
    }

    fn respond(&self, to: &NodeId, message: &ClusterMessage) -> Result<(), AdapterError> {
        if self.cut.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.inner.respond(to, message)
    }

    fn members(&self) -> Members {
        match self.count.clone() {
            None => self.inner.members(),
            Some(Count::Heartbeats) => Members::Heartbeats,
            Some(Count::Number(count)) => {
                let count = count.map_err(|()| AdapterError::new("no connection"));
                Members::Counted(Box::pin(async move { count }))
            }
        }
    }

    fn leave(&self) {
        self.inner.leave();
    }
}
