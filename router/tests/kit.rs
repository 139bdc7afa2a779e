//! The test kit itself: what it hears, what it says when it doesn't, and its clock.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sockeye_router::{
    Ack, AckError, Args, AuthPayload, DisconnectReason, EmitError, Handshake, Hub, Namespace,
    RawArgs, Refusal, Reply, RouterConfig, SocketRef,
    testing::{
        Ending, TestClient, TestConnection, TestError, TestErrorKind, advance, settle, stop_clock,
    },
};
use tokio::time::{Instant, sleep};

fn hub(namespace: Namespace) -> Hub {
    Hub::builder()
        .namespace(namespace)
        .namespace(Namespace::new("/chat").on("echo", echo))
        .build()
        .unwrap()
}

async fn echo(Args((value,)): Args<(serde_json::Value,)>) -> Reply<serde_json::Value> {
    Reply(value)
}

#[actix::test]
async fn events_are_taken_by_name_and_the_others_stay() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/"));
    let ann = TestClient::connect(&hub, "/").await?;
    let socket = ann.socket().unwrap();
    socket.emit("first", &(1, "one")).unwrap();
    socket.emit("second", &()).unwrap();
    socket.emit("first", &2).unwrap();

    let second: () = ann.receive("second").await?;
    let first: (u32, String) = ann.receive("first").await?;

    assert_eq!((first, second), ((1, "one".to_owned()), ()));
    assert_eq!(ann.heard(), ["first"]);
    assert_eq!(ann.next_event().await?.args::<u32>()?, 2);
    ann.expect_nothing().await
}

#[actix::test]
async fn both_sides_ask_and_answer() -> Result<(), TestError> {
    async fn guess(socket: SocketRef) -> Reply<u32> {
        let (number,): (u32,) = socket.emit_with_ack("number?", &"please").await.unwrap();
        Reply(number * 2)
    }
    let hub = hub(Namespace::new("/").on("guess", guess));
    let ann = TestClient::connect(&hub, "/").await?;

    let doubled = ann.emit_with_ack::<_, u32>("guess", &());
    let request = ann.receive_request::<String>("number?").await?;
    assert_eq!(request.args, "please");
    request.ack(&21)?;

    assert_eq!(doubled.await?, 42);
    Ok(())
}

#[actix::test]
async fn an_ack_may_never_come() -> Result<(), TestError> {
    stop_clock();
    async fn forget(ack: Ack) {
        drop(ack);
    }
    let hub = hub(Namespace::new("/").on("forget", forget));
    let ann = TestClient::connect(&hub, "/").await?;
    let socket = ann.socket().unwrap();

    let unanswered = socket.emit_with_ack::<_, ()>("hello?", &()).await;
    let error = ann.emit_with_ack::<_, ()>("forget", &()).await.unwrap_err();

    assert!(matches!(unanswered, Err(AckError::Timeout)));
    assert_eq!(error.kind(), TestErrorKind::Late);
    let text = error.to_string();
    assert!(
        text.starts_with(r#"waited 1h for the ack of "forget""#),
        "{text}"
    );
    assert!(text.contains(r#""hello?" (wants an ack) []"#), "{text}");
    Ok(())
}

#[actix::test]
async fn bytes_travel_both_ways() -> Result<(), TestError> {
    async fn reverse(
        socket: SocketRef,
        Args((name, data)): Args<(String, Bytes)>,
    ) -> Result<Reply<(String, Bytes)>, EmitError> {
        let mut data = data.to_vec();
        data.reverse();
        socket.emit("reversed", &(Bytes::from(data.clone()), &name))?;
        Ok(Reply((name, data.into())))
    }
    let hub = hub(Namespace::new("/").on("reverse", reverse));
    let ann = TestClient::connect(&hub, "/").await?;

    let asked = ("a", Bytes::from_static(&[1, 2, 3]));
    let (name, data): (String, Bytes) = ann.emit_with_ack("reverse", &asked).await?;
    let (event, _): (Bytes, String) = ann.receive("reversed").await?;

    assert_eq!(name, "a");
    assert_eq!(data, [3, 2, 1].as_slice());
    assert_eq!(event, data);
    Ok(())
}

#[actix::test]
async fn a_refusal_is_told_with_its_data() -> Result<(), TestError> {
    async fn check(AuthPayload(auth): AuthPayload<serde_json::Value>) -> Result<(), Refusal> {
        match auth["token"].as_str() {
            Some("t") => Ok(()),
            _ => Err(Refusal::new("no").with_data(json!({"code": 7}))),
        }
    }
    let hub = hub(Namespace::new("/").middleware(check));

    let refused = TestClient::connect(&hub, "/").await.unwrap_err();
    let nowhere = TestClient::connect(&hub, "/nope").await.unwrap_err();
    let no_object = TestClient::builder(&hub).auth("t").connect().await;
    let admitted = TestClient::builder(&hub).auth(&json!({"token": "t"}));

    let expected = Refusal::new("no").with_data(json!({"code": 7}));
    assert_eq!(refused.refusal(), Some(&expected));
    assert_eq!(nowhere.refusal(), Some(&Refusal::new("Invalid namespace")));
    assert_eq!(no_object.unwrap_err().kind(), TestErrorKind::Unsendable);
    assert!(admitted.connect().await?.is_connected());
    assert_eq!(hub.stats().clients, 0);
    Ok(())
}

#[actix::test]
async fn the_handshake_is_the_tests() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/"));

    let ann = TestClient::builder(&hub)
        .header("cookie", "a=b")
        .header("origin", "http://a.test")
        .query("k", "v")
        .address("192.0.2.1")
        .secure(true)
        .extension(7_u8)
        .connect()
        .await?;

    let socket = ann.socket().unwrap();
    let handshake: &Handshake = socket.handshake();
    assert_eq!(handshake.headers().get("cookie"), Some("a=b"));
    assert!(handshake.is_cross_domain() && handshake.is_secure());
    assert_eq!(handshake.query("k"), Some("v"));
    assert_eq!(handshake.address(), Some("192.0.2.1"));
    assert_eq!(handshake.extension(), Some(&7_u8));
    Ok(())
}

#[actix::test]
async fn namespaces_of_one_connection_hear_their_own() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/").on("echo", echo));
    let ann = TestClient::connect(&hub, "/").await?;
    let chat = ann.join_namespace("/chat").await?;
    hub.of("/chat").unwrap().emit("news", &1).unwrap();

    ann.expect_nothing().await?;
    assert_eq!(chat.emit_with_ack::<_, u32>("echo", &5).await?, 5);
    assert_eq!(chat.receive::<u32>("news").await?, 1);
    chat.disconnect();

    assert_eq!(chat.disconnected().await?, Ending::ByClient);
    assert!(chat.socket().is_none());
    assert!(ann.is_connected());
    assert_eq!(hub.stats().clients, 1);
    let back = ann
        .join_namespace_with("/chat", &json!({"again": true}))
        .await?;
    assert_ne!(back.id(), chat.id());
    assert_eq!(&*back.socket().unwrap().auth_payload(), r#"{"again":true}"#);
    Ok(())
}

#[actix::test]
async fn every_end_is_told_apart() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/"));
    let [sent_away, cut, closed] = [
        TestClient::connect(&hub, "/").await?,
        TestClient::connect(&hub, "/").await?,
        TestClient::connect(&hub, "/").await?,
    ];

    sent_away.socket().unwrap().disconnect(false).await;
    cut.drop_connection(DisconnectReason::PingTimeout);
    closed.socket().unwrap().disconnect(true).await;

    assert_eq!(sent_away.disconnected().await?, Ending::ByServer);
    assert_eq!(sent_away.close_reason(), None);
    let lost = Ending::Closed(DisconnectReason::PingTimeout);
    assert_eq!(cut.disconnected().await?, lost);
    assert_eq!(
        closed.disconnected().await?.as_str(),
        "io server disconnect"
    );
    assert_eq!(closed.closed().await?, DisconnectReason::ForcedClose);
    assert_eq!(hub.stats().sockets, 0);
    drop((sent_away, cut, closed));
    assert_eq!(hub.stats().clients, 0);
    Ok(())
}

#[actix::test]
async fn a_client_that_does_not_read_is_a_slow_consumer() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/"));
    let namespace = hub.of("/").unwrap();
    let slow = TestClient::builder(&hub).queue(2).connect().await?;
    let socket = slow.socket().unwrap();

    socket.emit("n", &1).unwrap();
    socket.emit("n", &2).unwrap();
    assert!(matches!(socket.emit("n", &3), Err(EmitError::QueueFull)));
    assert_eq!(slow.receive::<u32>("n").await?, 1);
    socket.emit("n", &4).unwrap();
    slow.set_queue(3);
    namespace.emit("n", &5).unwrap();
    namespace.volatile().emit("n", &6).unwrap();
    assert!(slow.is_connected());
    namespace.emit("n", &7).unwrap();

    assert_eq!(slow.closed().await?, DisconnectReason::SlowConsumer);
    // What it had not read is still there.
    for number in [2, 4, 5] {
        assert_eq!(slow.receive::<u32>("n").await?, number);
    }
    let over = slow.receive::<u32>("n").await.unwrap_err();
    assert_eq!(over.kind(), TestErrorKind::Ended);
    assert!(over.to_string().contains("closed: slow consumer"), "{over}");
    let unsent = slow.emit("n", &()).unwrap_err();
    assert_eq!(unsent.kind(), TestErrorKind::Unsendable);
    Ok(())
}

#[actix::test]
async fn what_waits_for_room_comes_as_the_test_takes() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Namespace::new("/"));
    let client = TestClient::builder(&hub).queue(1).connect().await?;
    let socket = client.socket().unwrap();
    let start = Instant::now();

    let sent = [1, 2, 3].map(|number| actix::spawn(socket.emit_when_ready("n", &number)));
    settle().await;

    assert_eq!(client.heard(), ["n"]);
    assert_eq!(client.receive::<u32>("n").await?, 1);
    assert_eq!(client.take_raw(), [r#"2["n",2]"#]);
    assert_eq!(client.heard(), ["n"]);
    client.set_queue(2);
    assert_eq!(client.receive::<u32>("n").await?, 3);
    for sent in sent {
        sent.await.unwrap().unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    Ok(())
}

#[actix::test]
async fn what_is_sent_while_reading_is_paused_arrives_in_order() -> Result<(), TestError> {
    async fn slow(socket: SocketRef, Args((number,)): Args<(u32,)>) -> Result<(), EmitError> {
        sleep(Duration::from_secs(1)).await;
        socket.emit("done", &number)
    }
    stop_clock();
    let hub = Hub::builder()
        .config(RouterConfig::default().with_inbound_queue(2))
        .namespace(Namespace::new("/").on("slow", slow))
        .build()
        .unwrap();
    let ann = TestClient::connect(&hub, "/").await?;

    for number in 0..20 {
        ann.emit("slow", &number)?;
    }

    assert!(ann.is_reading_paused());
    for number in 0..20 {
        assert_eq!(ann.receive::<u32>("done").await?, number);
    }
    assert!(!ann.is_reading_paused());
    Ok(())
}

#[actix::test]
async fn packets_can_be_spoken_and_heard_as_they_are() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/").on("echo", echo));
    let raw = TestConnection::open(&hub);

    raw.send_raw("0");
    let admitted = raw.next_raw().await?;
    raw.send_raw(r#"27["echo",{"a":[]}]"#);
    raw.send_raw(r#"28["echo",1]"#);

    assert!(admitted.text.starts_with(r#"0{"sid":""#), "{admitted}");
    raw.expect_raw(r#"37[{"a":[]}]"#).await?;
    assert_eq!(raw.take_raw(), ["38[1]"]);
    raw.send_raw("9");
    assert_eq!(raw.closed().await?, DisconnectReason::ForcedClose);
    assert_eq!(
        raw.next_raw().await.unwrap_err().kind(),
        TestErrorKind::Ended
    );
    Ok(())
}

#[actix::test]
async fn an_error_tells_what_was_heard_instead_and_where() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Namespace::new("/"));
    let ann = TestClient::connect(&hub, "/").await?;
    let chat = ann.join_namespace("/chat").await?;
    ann.socket().unwrap().emit("count", &("many", 2)).unwrap();
    chat.socket().unwrap().emit("said", &"hi").unwrap();

    let late = ann.receive::<String>("said").await.unwrap_err();
    let line = line!() - 1;
    let unexpected = ann.expect_nothing().await.unwrap_err();
    let unfit = ann.receive::<u32>("count").await.unwrap_err();

    let expected = format!(
        "waited 1h for \"said\"\n  \
           heard, and not taken:\n    \
             \"count\" [\"many\",2]\n    \
             /chat: \"said\" [\"hi\"]\n  \
           at {}:{line}:",
        file!()
    );
    let text = format!("{late:?}");
    assert!(text.starts_with(&expected), "{text}\n{expected}");
    assert_eq!(unexpected.kind(), TestErrorKind::Unexpected);
    assert_eq!(unfit.kind(), TestErrorKind::Unfit);
    let text = unfit.to_string();
    assert!(text.contains(r#"["many",2], which is no u32"#), "{text}");
    Ok(())
}

#[actix::test]
async fn where_time_is_real_patience_is_too() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/"));
    let patience = Duration::from_millis(5);
    let ann = TestClient::builder(&hub)
        .patience(patience)
        .connect()
        .await?;

    let late = ann.receive::<()>("never").await.unwrap_err();

    assert_eq!(late.kind(), TestErrorKind::Late);
    assert!(late.to_string().contains("waited 5ms for"), "{late}");
    Ok(())
}

#[actix::test]
async fn the_clock_moves_as_far_as_it_is_told() -> Result<(), TestError> {
    async fn tick(socket: SocketRef) {
        for number in 1.. {
            sleep(Duration::from_secs(1)).await;
            if socket.emit("tick", &number).is_err() {
                break;
            }
        }
    }
    let hub = hub(Namespace::new("/").on_concurrent("start", tick));
    let ann = TestClient::connect(&hub, "/").await?;
    stop_clock();
    let start = Instant::now();
    ann.emit("start", &())?;

    advance(Duration::from_millis(999)).await;
    ann.expect_nothing().await?;
    advance(Duration::from_millis(2500)).await;

    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(ann.heard(), ["tick"; 3]);
    Ok(())
}

#[actix::test]
async fn what_is_under_way_happens_before_silence_is_stated() -> Result<(), TestError> {
    async fn late(socket: SocketRef) -> Result<(), EmitError> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        socket.emit("late", &())
    }
    let hub = hub(Namespace::new("/").on("go", late));
    let ann = TestClient::connect(&hub, "/").await?;

    ann.emit("go", &())?;
    let heard_at_once = ann.heard();
    let error = ann.expect_nothing().await.unwrap_err();
    settle().await;

    assert!(heard_at_once.is_empty());
    assert_eq!(error.kind(), TestErrorKind::Unexpected);
    assert_eq!(ann.next_event().await?.raw_args(), &RawArgs::default());
    Ok(())
}

#[test]
#[should_panic(expected = "use `#[actix::test]`")]
fn elsewhere_than_on_an_arbiter_it_says_what_to_do() {
    let hub = hub(Namespace::new("/"));

    let _ = TestConnection::open(&hub);
}
