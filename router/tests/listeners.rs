//! Listeners and middlewares of events.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use sockeye_router::{
    Args, DisconnectReason, Event, EventName, HandlerError, Hub, Namespace, Refusal, Reply,
    SocketRef, State,
    testing::{TestClient, TestError, stop_clock},
};

#[actix::test]
async fn listeners_of_outgoing_events_see_emits_and_broadcasts_but_no_acks() -> Result<(), TestError>
{
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let hub = hub(Namespace::new("/").on_any_outgoing(move |_, event| {
        let line = format!("{} {}", event.name(), event.args().json());
        log.lock().unwrap().push(line);
    }));
    let client = TestClient::connect(&hub, "/").await?;

    client.send_raw(r#"21["ask"]"#);
    hub.of("/").unwrap().emit("news", &(1, "two")).unwrap();

    client.expect_raw(r#"2["direct",true]"#).await?;
    client.expect_raw(r#"31["answer"]"#).await?;
    client.expect_raw(r#"2["news",1,"two"]"#).await?;
    assert_eq!(
        *seen.lock().unwrap(),
        [r#"direct [true]"#, r#"news [1,"two"]"#]
    );
    Ok(())
}

async fn ask(socket: SocketRef) -> Reply<&'static str> {
    socket.compress(false).emit("direct", &true).unwrap();
    Reply("answer")
}

fn hub(namespace: Namespace) -> Hub {
    Hub::builder()
        .namespace(namespace.on("ask", ask))
        .build()
        .unwrap()
}

#[actix::test]
async fn middlewares_of_events_change_them_and_run_in_order() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/")
        .event_middleware(async |event: Event| Event {
            name: event.name.as_str().to_lowercase().into(),
            args: event.args.with(&"one").unwrap(),
        })
        .event_middleware(async |event: Event| Event {
            args: event.args.with(&"two").unwrap(),
            ..event
        })
        .on("shout", async |Args(all): Args<Vec3>| Reply(all)));
    let client = TestClient::connect(&hub, "/").await?;

    client.send_raw(r#"25["SHOUT","zero"]"#);

    client.expect_raw(r#"35["zero","one","two"]"#).await?;
    Ok(())
}

#[actix::test]
async fn a_middleware_that_refuses_answers_the_ack_and_stops_the_event() -> Result<(), TestError> {
    let namespace = Namespace::new("/")
        .on_any(async |log: State<Log>, name: EventName| log.add(format!("any {name}")))
        .event_middleware(async |name: EventName| match name.as_str() {
            "secret" => Err(Refusal::new("forbidden").with_data(json!({"need": "role"}))),
            _ => Ok(()),
        })
        .on_fallback(async |log: State<Log>, name: EventName| log.add(format!("on {name}")));
    let (hub, log) = logging_hub(namespace);
    let client = TestClient::connect(&hub, "/").await?;

    client.send_raw(r#"27["secret"]"#);
    client.send_raw(r#"2["secret"]"#);
    client.send_raw(r#"2["open"]"#);
    client.send_raw(r#"28["ask"]"#);

    client
        .expect_raw(r#"37[{"data":{"need":"role"},"error":"forbidden"}]"#)
        .await?;
    client.expect_raw(r#"2["direct",true]"#).await?;
    client.expect_raw(r#"38["answer"]"#).await?;
    assert_eq!(
        log.take(),
        ["any secret", "any secret", "any open", "on open", "any ask"]
    );
    Ok(())
}

#[actix::test]
async fn events_keep_their_order_through_a_slow_middleware() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Namespace::new("/")
        .event_middleware(async |Args(millis): Args<u64>| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        })
        .on("n", async |socket: SocketRef, Args(n): Args<u64>| {
            socket.emit("n", &n).unwrap();
        }));
    let client = TestClient::connect(&hub, "/").await?;

    for n in [30, 5, 0, 20] {
        client.send_raw(format!(r#"2["n",{n}]"#));
    }

    for n in [30, 5, 0, 20] {
        client.expect_raw(format!(r#"2["n",{n}]"#)).await?;
    }
    Ok(())
}

#[actix::test]
async fn what_a_handler_returns_or_why_it_failed_is_the_ack() -> Result<(), TestError> {
    let namespace = Namespace::new("/")
        .on("value", async || Reply(("a", 1)))
        .on("refusal", async || {
            Err::<Reply<u8>, _>(Refusal::new("not now"))
        })
        .on("broken", async || -> Result<Reply<u8>, HandlerError> {
            Ok(Reply("no number".parse()?))
        })
        .on("typed", async |Args((_n,)): Args<(u32,)>| Reply(true))
        .on("nested", async || -> Result<(), HandlerError> {
            Err(Refusal::new("deep").into())
        })
        .on_error(log_error)
        .on_connect(async || Err::<(), _>("late"));
    let (hub, log) = logging_hub(namespace);
    let client = TestClient::connect(&hub, "/").await?;

    for event in ["value", "refusal", "broken", r#"typed","x"#, "nested"] {
        client.send_raw(format!(r#"20["{event}"]"#));
    }
    client.send_raw(r#"2["refusal"]"#);

    client.expect_raw(r#"30["a",1]"#).await?;
    client.expect_raw(r#"30[{"error":"not now"}]"#).await?;
    client
        .expect_raw(r#"30[{"error":"Internal server error"}]"#)
        .await?;
    client
        .expect_raw(r#"30[{"error":"Invalid arguments"}]"#)
        .await?;
    client.expect_raw(r#"30[{"error":"deep"}]"#).await?;
    let log = log.take();
    assert_eq!(log[..2], ["- error: late", "refusal refusal: not now"]);
    assert!(log[2].starts_with("broken error: invalid digit"), "{log:?}");
    assert!(
        log[3].starts_with("typed error: unexpected arguments: "),
        "{log:?}"
    );
    assert_eq!(
        log[4..],
        ["nested refusal: deep", "refusal refusal: not now"]
    );
    Ok(())
}

async fn log_error(log: State<Log>, name: Option<EventName>, error: HandlerError) {
    let kind = error.refusal().map_or("error", |_| "refusal");
    let name = name.map_or_else(|| "-".to_owned(), |name| name.to_string());
    log.add(format!("{name} {kind}: {error}"));
}

#[actix::test]
async fn rooms_are_there_while_disconnecting_and_gone_after() -> Result<(), TestError> {
    for leave in ["1", "disconnect", "gone"] {
        let namespace = Namespace::new("/")
            .on_connect(async |socket: SocketRef| socket.join(["a", "b"]).await)
            .on("disconnect me", async |socket: SocketRef| {
                socket.disconnect(false).await;
                // Must not follow the DISCONNECT packet.
                assert!(socket.emit("late", &()).is_err());
            })
            .on_disconnecting(disconnecting)
            .on_disconnect(async |log: State<Log>, socket: SocketRef| {
                assert!(!socket.is_connected());
                log.add(format!("in {}", socket.rooms().join("+")));
            });
        let (hub, log) = logging_hub(namespace);
        let client = TestClient::connect(&hub, "/").await?;

        let reason = match leave {
            "1" => {
                client.send_raw("1");
                "client namespace disconnect"
            }
            "disconnect" => {
                client.send_raw(r#"2["disconnect me"]"#);
                client.expect_raw("1").await?;
                "server namespace disconnect"
            }
            _ => {
                client.drop_connection(DisconnectReason::PingTimeout);
                "ping timeout"
            }
        };

        let expected = [format!("{reason}, in a+b"), "in ".to_owned()];
        assert_eq!(log.take(), expected);
        assert!(client.take_raw().is_empty());
    }
    Ok(())
}

async fn disconnecting(log: State<Log>, socket: SocketRef, reason: DisconnectReason) {
    assert!(socket.is_connected() && socket.emit("too late", &()).is_err());
    socket.disconnect(true).await;
    log.add(format!("{reason}, in {}", socket.rooms().join("+")));
}

/// What handlers have written down.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn logging_hub(namespace: Namespace) -> (Hub, Log) {
    let log = Log::default();
    let builder = Hub::builder().state(log.clone());
    let hub = builder.namespace(namespace.on("ask", ask)).build();
    (hub.unwrap(), log)
}

type Vec3 = (String, String, String);
