//! Events are handled in order, one at a time, and what a handler does takes effect in order.

use std::time::Duration;

use sockeye_router::{
    Ack, Args, DisconnectReason, EmitError, Hub, Namespace, Reply, RouterConfig, SocketRef,
    testing::{Ending, TestClient, TestConnection, TestError, settle, stop_clock},
};
use tokio::time::sleep;

fn hub(namespace: Namespace) -> Hub {
    Hub::builder().namespace(namespace).build().unwrap()
}

fn hub_with_queue(events: usize, namespace: Namespace) -> Hub {
    Hub::builder()
        .config(RouterConfig::default().with_inbound_queue(events))
        .namespace(namespace)
        .build()
        .unwrap()
}

/// Takes longer for smaller numbers.
async fn echo_late(socket: SocketRef, Args((number,)): Args<(u64,)>) {
    sleep(Duration::from_millis(100 - number)).await;
    socket.emit("echo", &number).unwrap();
}

async fn ask(socket: SocketRef) {
    let (answer,): (u32,) = socket.emit_with_ack("how many", &()).await.unwrap();
    socket.emit("so many", &answer).unwrap();
}

#[actix::test]
async fn events_behind_a_slow_handler_stay_in_order() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Namespace::new("/").on("echo", echo_late));
    let client = TestClient::connect(&hub, "/").await?;

    for number in 0..100 {
        client.emit("echo", &number)?;
    }

    for number in 0..100 {
        assert_eq!(client.receive::<u64>("echo").await?, number);
    }
    Ok(())
}

#[actix::test]
async fn concurrent_handlers_may_overlap() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Namespace::new("/").on_concurrent("echo", echo_late));
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("echo", &1)?;
    client.emit("echo", &90)?;

    assert_eq!(client.receive::<u64>("echo").await?, 90);
    assert_eq!(client.receive::<u64>("echo").await?, 1);
    Ok(())
}

#[actix::test]
async fn reading_stops_when_a_handler_falls_behind_and_goes_on_after() -> Result<(), TestError> {
    stop_clock();
    let hub = hub_with_queue(4, Namespace::new("/").on("echo", echo_late));
    let client = TestClient::connect(&hub, "/").await?;

    for number in 0..4 {
        client.emit("echo", &number)?;
        assert!(!client.is_reading_paused());
    }
    client.emit("echo", &4)?;

    assert!(client.is_reading_paused());
    for number in 0..5 {
        assert_eq!(client.receive::<u64>("echo").await?, number);
    }
    assert!(!client.is_reading_paused());
    Ok(())
}

#[actix::test]
async fn a_handler_may_wait_for_an_ack_of_its_own_client() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/").on("ask", ask));
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("ask", &())?;
    let request = client.receive_request::<()>("how many").await?;
    request.ack(&3)?;

    assert_eq!(client.receive::<u32>("so many").await?, 3);
    Ok(())
}

#[actix::test]
async fn an_awaited_ack_is_read_past_a_full_queue() -> Result<(), TestError> {
    async fn other() {}
    let namespace = Namespace::new("/").on("ask", ask).on("other", other);
    let hub = hub_with_queue(2, namespace);
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("ask", &())?;
    client.receive_request::<()>("how many").await?;
    for _ in 0..7 {
        client.emit("other", &())?;
        assert!(!client.is_reading_paused());
    }
    client.emit("other", &())?;
    assert!(client.is_reading_paused());
    // The transport had read it before.
    client.send_raw("30[3]");

    assert_eq!(client.receive::<u32>("so many").await?, 3);
    assert!(!client.is_reading_paused());
    Ok(())
}

#[actix::test]
async fn joining_then_broadcasting_reaches_the_joiner_in_order() -> Result<(), TestError> {
    async fn go(socket: SocketRef) {
        socket.join("a").await;
        socket.namespace().to("a").emit("n", &1).unwrap();
        socket.emit("n", &2).unwrap();
        socket.leave("a").await;
        socket.namespace().to("a").emit("n", &3).unwrap();
        socket.emit("n", &4).unwrap();
    }
    let hub = hub(Namespace::new("/").on("go", go));
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("go", &())?;

    for number in [1, 2, 4] {
        assert_eq!(client.receive::<u32>("n").await?, number);
    }
    client.expect_nothing().await
}

#[actix::test]
async fn an_event_in_the_same_breath_as_the_connection_is_handled_after_it() -> Result<(), TestError>
{
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
    let connection = TestConnection::open(&hub);

    connection.send_raw("0");
    connection.send_raw(r#"27["echo","x"]"#);

    assert!(connection.next_raw().await?.text.starts_with("0{"));
    connection.expect_raw(r#"2["hello"]"#).await?;
    connection.expect_raw(r#"37["x"]"#).await
}

#[actix::test]
async fn a_socket_sees_nothing_before_its_connect_packet() -> Result<(), TestError> {
    async fn eager(socket: SocketRef) {
        socket.join("a").await;
        socket.emit("early", &1).unwrap();
        socket.namespace().to("a").emit("too early", &()).unwrap();
    }
    let hub = hub(Namespace::new("/").middleware(eager));
    let connection = TestConnection::open(&hub);

    connection.send_raw("0");
    assert!(connection.next_raw().await?.text.starts_with("0{"));
    connection.expect_raw(r#"2["early",1]"#).await?;
    hub.of("/").unwrap().to("a").emit("in time", &()).unwrap();

    connection.expect_raw(r#"2["in time"]"#).await
}

#[actix::test]
async fn a_thousand_emits_of_one_handler_all_arrive() -> Result<(), TestError> {
    async fn burst(socket: SocketRef, ack: Ack) {
        for number in 0..1000 {
            socket.emit("n", &number).unwrap();
        }
        ack.send(&"done").unwrap();
    }
    let hub = hub(Namespace::new("/").on("burst", burst));
    let client = TestClient::connect(&hub, "/").await?;

    client.send_raw(r#"20["burst"]"#);

    let heard = client.take_raw();
    assert_eq!(heard.len(), 1001);
    assert_eq!(heard[999], r#"2["n",999]"#);
    assert_eq!(heard[1000], r#"30["done"]"#);
    Ok(())
}

#[actix::test]
async fn nothing_is_sent_after_a_socket_disconnects_itself() -> Result<(), TestError> {
    async fn bye(socket: SocketRef) {
        socket.emit("bye", &"before").unwrap();
        socket.disconnect(false).await;
        assert!(socket.emit("bye", &"after").is_err());
    }
    let hub = hub(Namespace::new("/").on("bye", bye));
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("bye", &())?;

    assert_eq!(client.disconnected().await?, Ending::ByServer);
    assert_eq!(client.take_raw(), [r#"2["bye","before"]"#, "1"]);
    Ok(())
}

#[actix::test]
async fn an_emit_that_waits_goes_at_the_pace_of_its_reader() -> Result<(), TestError> {
    async fn flood(socket: SocketRef) -> Result<(), EmitError> {
        for n in 0..1000 {
            socket.emit_when_ready("n", &n).await?;
        }
        socket.emit("end", &())
    }
    stop_clock();
    let hub = hub(Namespace::new("/").on("flood", flood));
    let client = TestClient::builder(&hub).queue(7).connect().await?;

    client.emit("flood", &())?;

    for n in 0..1000 {
        assert_eq!(client.next_event().await?.args::<u32>()?, n);
    }
    client.receive("end").await
}

#[actix::test]
async fn an_emit_that_waits_ends_with_its_socket() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Namespace::new("/"));
    let client = TestClient::connect(&hub, "/").await?;
    client.set_queue(0);

    let waiting = actix::spawn(client.socket().unwrap().emit_when_ready("late", &()));
    settle().await;
    client.drop_connection(DisconnectReason::TransportClose);

    assert!(matches!(waiting.await.unwrap(), Err(EmitError::Closed)));
    Ok(())
}

#[actix::test]
async fn what_another_thread_has_emitted_before_arrives_before() {
    let hub = hub(Namespace::new("/"));
    let (tell_socket, socket) = std::sync::mpsc::channel::<SocketRef>();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let arbiter = actix::Arbiter::new();
    let (heard, done) = tokio::sync::oneshot::channel();

    let other_thread = async move |hub: Hub| {
        let client = TestClient::connect(&hub, "/").await.unwrap();
        let socket = client.socket().unwrap();
        tell_socket.send(socket.clone()).unwrap();
        // The thread is kept from its mailbox meanwhile.
        may_go_on.recv().unwrap();
        socket.emit("n", &3).unwrap();
        socket.namespace().emit("n", &4).unwrap();
        let mut numbers = Vec::new();
        for _ in 0..4 {
            numbers.push(client.receive::<u32>("n").await.unwrap());
        }
        heard.send(numbers).unwrap();
    };
    let spawned = hub.clone();
    arbiter.spawn_fn(move || {
        actix::spawn(other_thread(spawned));
    });
    let socket = socket.recv().unwrap();
    socket.emit("n", &1).unwrap();
    socket.namespace().emit("n", &2).unwrap();
    go_on.send(()).unwrap();

    assert_eq!(done.await.unwrap(), [1, 2, 3, 4]);
    arbiter.stop();
}

#[actix::test]
async fn a_client_that_sends_faster_than_it_reads_loses_no_answer() -> Result<(), TestError> {
    async fn echo(socket: SocketRef, Args((n,)): Args<(u32,)>) -> Result<Reply<u32>, EmitError> {
        socket.emit("echo", &n)?;
        Ok(Reply(n))
    }
    stop_clock();
    let hub = hub(Namespace::new("/").on("echo", echo));
    let client = TestClient::builder(&hub).queue(8).connect().await?;

    for n in 0..500 {
        client.send_raw(format!(r#"2{n}["echo",{n}]"#));
    }

    for n in 0..500 {
        client.expect_raw(format!(r#"2["echo",{n}]"#)).await?;
        client.expect_raw(format!("3{n}[{n}]")).await?;
    }
    Ok(())
}

#[actix::test]
async fn an_answer_waits_for_room() -> Result<(), TestError> {
    async fn flood(socket: SocketRef) -> Reply<bool> {
        while socket.emit("n", &()).is_ok() {}
        Reply(true)
    }
    stop_clock();
    let hub = hub(Namespace::new("/").on("flood", flood));
    let client = TestClient::builder(&hub).queue(8).connect().await?;

    let answer = client.emit_with_ack::<_, bool>("flood", &());
    for _ in 0..8 {
        client.receive::<()>("n").await?;
    }

    assert!(answer.await?);
    Ok(())
}

#[actix::test]
async fn a_client_that_never_reads_while_it_sends_is_dropped() -> Result<(), TestError> {
    async fn echo(socket: SocketRef) -> Result<(), EmitError> {
        socket.emit("echo", &())
    }
    stop_clock();
    let hub = hub(Namespace::new("/").on("echo", echo));
    let client = TestClient::builder(&hub).queue(8).connect().await?;
    let started = tokio::time::Instant::now();

    for _ in 0..100 {
        client.send_raw(r#"2["echo"]"#);
    }
    let reason = client.closed().await?;

    assert_eq!(reason, DisconnectReason::SlowConsumer);
    assert!(started.elapsed() >= Duration::from_secs(60));
    assert_eq!(hub.stats().sockets, 0);
    Ok(())
}
