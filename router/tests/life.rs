//! From the connection request to the end: admission, refusal, disconnection, what is left.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use sockeye_router::{
    Ack, AckError, Args, AuthPayload, BuildError, DisconnectReason, EmitError, HandlerError, Hub,
    Namespace, Refusal, Reply, RouterConfig, SocketRef, State, Stats,
    testing::{TestClient, TestConnection, TestError, stop_clock},
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
async fn a_middleware_refuses_with_message_and_data() -> Result<(), TestError> {
    async fn check(AuthPayload(auth): AuthPayload<serde_json::Value>) -> Result<(), Refusal> {
        match auth["name"].as_str() {
            Some(_) => Ok(()),
            None => Err(Refusal::new("who are you?").with_data(json!({"code": 7}))),
        }
    }
    let (hub, seen) = hub_with(Namespace::new("/").middleware(check));
    let connection = TestConnection::open(&hub);

    let refused = connection.join_namespace("/").await.unwrap_err();
    let ann = json!({"name": "ann"});
    let admitted = connection.join_namespace_with("/", &ann).await?;

    let refusal = Refusal::new("who are you?").with_data(json!({"code": 7}));
    assert_eq!(refused.refusal(), Some(&refusal));
    assert!(admitted.is_connected());
    assert!(seen.lock().unwrap().is_empty());
    Ok(())
}

#[actix::test]
async fn an_unknown_namespace_is_refused_and_the_connection_stays() -> Result<(), TestError> {
    let (hub, _) = hub_with(Namespace::new("/"));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0/nope,");
    connection
        .expect_raw(r#"4/nope,{"message":"Invalid namespace"}"#)
        .await?;
    connection.send_raw("0");

    assert!(connection.next_raw().await?.text.starts_with("0{"));
    Ok(())
}

#[actix::test]
async fn too_large_a_handshake_payload_is_refused_and_the_connection_stays() -> Result<(), TestError>
{
    let limits = sockeye_router::Limits::default().with_max_auth_bytes(100);
    let config = RouterConfig::default().with_limits(limits);
    let namespace = Namespace::new("/");
    let hub = Hub::builder().config(config).namespace(namespace);
    let hub = hub.build().unwrap();
    let connection = TestConnection::open(&hub);

    let large = json!({"name": "n".repeat(100)});
    let refused = connection.join_namespace_with("/", &large).await;
    let admitted = connection.join_namespace("/").await?;

    let refusal = Refusal::new("handshake payload too large");
    assert_eq!(refused.unwrap_err().refusal(), Some(&refusal));
    assert_eq!(hub.limits().get(sockeye_router::Limit::AuthBytes), 1);
    assert!(admitted.is_connected());
    Ok(())
}

#[actix::test]
async fn every_end_has_its_reason() -> Result<(), TestError> {
    let (hub, seen) = hub_with(Namespace::new("/"));
    let connect = || TestClient::connect(&hub, "/");

    connect().await?.disconnect();
    let silent = connect().await?;
    silent.drop_connection(DisconnectReason::PingTimeout);
    drop(connect().await?);
    let kicked = connect().await?;
    kicked.socket().unwrap().disconnect(false).await;
    let broken = connect().await?;
    broken.send_raw("9");

    assert_eq!(kicked.take_raw(), ["1"]);
    assert_eq!(broken.close_reason(), Some(DisconnectReason::ForcedClose));
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
    Ok(())
}

#[actix::test]
async fn a_client_may_leave_a_namespace_and_come_back() -> Result<(), TestError> {
    let (hub, _) = hub_with(Namespace::new("/"));
    let client = TestClient::connect(&hub, "/").await?;

    client.disconnect();
    let back = client.join_namespace("/").await?;

    assert_ne!(back.id(), client.id());
    assert_eq!(hub.of("/").unwrap().socket_count(), 1);
    Ok(())
}

#[actix::test]
async fn a_pending_ack_ends_with_its_socket_or_its_time() -> Result<(), TestError> {
    stop_clock();
    let (hub, _) = hub_with(Namespace::new("/"));
    let client = TestClient::connect(&hub, "/").await?;
    let socket = client.socket().unwrap();

    let late = socket
        .emit_with_ack::<_, ()>("a", &())
        .timeout(Duration::from_secs(1))
        .await;
    client.receive_request::<()>("a").await?.ack(&())?;
    let gone = actix_rt::spawn({
        let socket = socket.clone();
        async move { socket.emit_with_ack::<_, ()>("b", &()).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(hub.stats().pending_acks, 1);
    client.disconnect();

    assert!(matches!(late, Err(AckError::Timeout)));
    assert!(matches!(gone.await.unwrap(), Err(AckError::Disconnected)));
    assert!(matches!(
        socket.emit_with_ack::<_, ()>("c", &()).await,
        Err(AckError::Emit(EmitError::Closed))
    ));
    assert_eq!(hub.stats().pending_acks, 0);
    Ok(())
}

#[actix::test]
async fn packets_for_a_socket_that_is_not_admitted_are_bounded() -> Result<(), TestError> {
    async fn eager(socket: SocketRef) {
        let sent = (0..300).take_while(|number| socket.emit("n", number).is_ok());
        assert_eq!(sent.count(), 256);
        assert!(matches!(socket.emit("n", &()), Err(EmitError::QueueFull)));
    }
    let (hub, _) = hub_with(Namespace::new("/").middleware(eager));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0");

    assert_eq!(connection.take_raw().len(), 257);
    Ok(())
}

#[actix::test]
async fn one_ack_too_many_ends_the_oldest() -> Result<(), TestError> {
    let hub = Hub::builder()
        .config(RouterConfig::default().with_pending_acks(1))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let client = TestClient::connect(&hub, "/").await?;
    let socket = client.socket().unwrap();
    let ask = |event: &'static str| {
        let socket = socket.clone();
        actix_rt::spawn(async move { socket.emit_with_ack::<_, (u8,)>(event, &()).await })
    };

    let first = ask("a");
    client.receive_request::<()>("a").await?;
    let second = ask("b");
    client.receive_request::<()>("b").await?.ack(&5)?;

    assert!(matches!(first.await.unwrap(), Err(AckError::Timeout)));
    assert_eq!(second.await.unwrap().unwrap(), (5,));
    Ok(())
}

#[actix::test]
async fn a_panic_in_a_handler_costs_its_socket_only() -> Result<(), TestError> {
    async fn boom() {
        panic!("on purpose");
    }
    let hub = Hub::builder()
        .namespace(Namespace::new("/").on("boom", boom))
        .namespace(Namespace::new("/more"))
        .build()
        .unwrap();
    let alone = TestClient::connect(&hub, "/").await?;
    let in_two = TestClient::connect(&hub, "/").await?;
    let more = in_two.join_namespace("/more").await?;
    let other = TestClient::connect(&hub, "/").await?;

    alone.emit("boom", &())?;
    in_two.emit("boom", &())?;
    hub.of("/").unwrap().emit("still here", &()).unwrap();
    hub.of("/more").unwrap().emit("still here", &()).unwrap();

    // As after a crash, so that the client comes back.
    assert_eq!(alone.closed().await?, DisconnectReason::ForcedClose);
    in_two.expect_raw("1").await?;
    more.receive::<()>("still here").await?;
    other.receive("still here").await
}

#[actix::test]
async fn a_middleware_may_fail_with_any_error() -> Result<(), TestError> {
    async fn check(AuthPayload(auth): AuthPayload<serde_json::Value>) -> Result<(), HandlerError> {
        let text = auth["age"].as_str().ok_or_else(|| Refusal::new("no age"))?;
        let _age: u8 = text.parse()?;
        Ok(())
    }
    async fn note(error: HandlerError, seen: State<Log>) {
        log(&seen, error.to_string());
    }
    let (hub, seen) = hub_with(Namespace::new("/").middleware(check).on_error(note));

    for (auth, message) in [
        (json!({}), "no age"),
        (json!({"age": "old"}), "Internal server error"),
    ] {
        let refused = TestClient::builder(&hub).auth(&auth).connect().await;
        let refused = refused.err().unwrap();
        assert_eq!(refused.refusal().unwrap().message(), message);
    }

    assert_eq!(*seen.lock().unwrap(), ["invalid digit found in string"]);
    Ok(())
}

#[actix::test]
async fn what_asks_for_an_answer_is_sent_at_once() -> Result<(), TestError> {
    let (hub, _) = hub_with(Namespace::new("/"));
    let client = TestClient::connect(&hub, "/").await?;
    let socket = client.socket().unwrap();

    let answers = [1, 2].map(|n| socket.emit_with_ack::<_, u32>("ask", &n));
    let given_up = socket.emit_with_ack::<_, u32>("ask", &3);
    socket.emit("then", &()).unwrap();
    drop(given_up);

    for n in 1..=2 {
        let request = client.receive_request::<u32>("ask").await?;
        assert_eq!(request.args, n);
        request.ack(&(n * 10))?;
    }
    assert_eq!(client.heard(), ["ask", "then"]);
    assert_eq!(hub.stats().pending_acks, 0);
    let answers = futures_util::future::try_join_all(answers).await;
    assert_eq!(answers.unwrap(), [10, 20]);
    Ok(())
}

#[actix::test]
async fn arguments_that_do_not_fit_call_nothing_and_close_nothing() -> Result<(), TestError> {
    async fn double(Args((number,)): Args<(u32,)>) -> Reply<u32> {
        Reply(number * 2)
    }
    let (hub, _) = hub_with(Namespace::new("/").on("double", double));
    let client = TestClient::connect(&hub, "/").await?;

    client.send_raw(r#"20["double","two"]"#);
    client.send_raw(r#"21["double"]"#);
    client.send_raw(r#"22["double",2,"more"]"#);

    client
        .expect_raw(r#"30[{"error":"Invalid arguments"}]"#)
        .await?;
    client
        .expect_raw(r#"31[{"error":"Invalid arguments"}]"#)
        .await?;
    client.expect_raw("32[4]").await
}

#[actix::test]
async fn an_ack_is_sent_once_and_only_if_asked_for() -> Result<(), TestError> {
    async fn answer(ack: Ack) -> Reply<&'static str> {
        ack.send(&("first", "of two")).unwrap();
        Reply("second")
    }
    let (hub, _) = hub_with(Namespace::new("/").on("answer", answer));
    let client = TestClient::connect(&hub, "/").await?;

    client.send_raw(r#"2["answer"]"#);
    client.send_raw(r#"25["answer"]"#);

    assert_eq!(client.take_raw(), [r#"35["first","of two"]"#]);
    Ok(())
}

#[actix::test]
async fn an_unhandled_event_goes_to_the_fallback() -> Result<(), TestError> {
    async fn fallback(name: sockeye_router::EventName) -> Reply<String> {
        Reply(name.as_str().to_owned())
    }
    let (hub, _) = hub_with(Namespace::new("/").on_fallback(fallback));
    let client = TestClient::connect(&hub, "/").await?;
    let name = r#"what "is" this"#;

    let answer: String = client.emit_with_ack(name, &()).await?;

    assert_eq!(answer, name);
    Ok(())
}

#[actix::test]
async fn a_connection_that_reaches_no_namespace_is_closed() -> Result<(), TestError> {
    stop_clock();
    let hub = Hub::builder()
        .config(RouterConfig::default().with_connect_timeout(Duration::from_secs(5)))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let idle = TestConnection::open(&hub);
    let refused = TestConnection::open(&hub);
    refused.join_namespace("/nope").await.unwrap_err();
    let admitted = TestClient::connect(&hub, "/").await?;
    admitted.disconnect();

    for connection in [idle, refused] {
        assert_eq!(connection.closed().await?, DisconnectReason::ForcedClose);
    }

    assert_eq!(admitted.close_reason(), None);
    Ok(())
}

#[actix::test]
async fn closing_the_hub_ends_everyone_and_leaves_nothing() -> Result<(), TestError> {
    let (hub, seen) = hub_with(Namespace::new("/"));
    let clients = [
        TestClient::connect(&hub, "/").await?,
        TestClient::connect(&hub, "/").await?,
    ];
    hub.of("/").unwrap().to("a").join("b").await;

    hub.close(Duration::from_secs(10)).await;
    for client in &clients {
        let reason = client.closed().await?;
        assert_eq!(reason, DisconnectReason::ServerShuttingDown);
    }

    assert_eq!(*seen.lock().unwrap(), ["server shutting down"; 2]);
    assert_eq!(hub.stats(), Stats::default());
    Ok(())
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
    async fn wants_args(_: Args<u8>) {}
    async fn wants_reason(_: DisconnectReason) {}
    async fn wants_error(_: HandlerError) {}
    async fn wants_name(_: sockeye_router::EventName) {}
    for (namespace, wanted) in [
        (Namespace::new("/").on_connect(wants_args), "connection"),
        (
            Namespace::new("/").on_disconnect(wants_args),
            "disconnection",
        ),
        (Namespace::new("/").on("a", wants_reason), "an event"),
        (Namespace::new("/").on("a", wants_error), "an event"),
        (Namespace::new("/").middleware(wants_name), "connection"),
        (Namespace::new("/").on_error(wants_args), "an error"),
    ] {
        let problem = build(namespace).unwrap();
        assert!(
            matches!(problem, BuildError::NeverCalled { .. }),
            "{problem}"
        );
        assert!(problem.to_string().contains(wanted), "{problem}");
    }
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
