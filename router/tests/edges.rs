//! Edges of the API at which the reference server has an answer that somebody may rely on.

use std::sync::{Arc, Mutex};

use sockeye_router::{
    Hub, Namespace, Refusal, Reply, SocketRef,
    testing::{TestClient, TestConnection, TestError},
};

fn hub(namespace: Namespace) -> Hub {
    Hub::builder()
        .namespace(namespace)
        .namespace(Namespace::new("/other"))
        .build()
        .unwrap()
}

#[actix::test]
async fn a_socket_that_is_not_admitted_yet_can_not_be_disconnected() -> Result<(), TestError> {
    async fn hasty(socket: SocketRef) {
        socket.disconnect(true).await;
    }
    let hub = hub(Namespace::new("/").middleware(hasty));

    let client = TestClient::connect(&hub, "/").await?;

    assert!(client.is_connected());
    Ok(())
}

#[actix::test]
async fn a_refused_socket_is_in_no_room_any_more() -> Result<(), TestError> {
    async fn join_and_refuse(socket: SocketRef) -> Result<(), Refusal> {
        socket.join(["a", "b"]).await;
        Err("no".into())
    }
    let hub = hub(Namespace::new("/").middleware(join_and_refuse));
    let connection = TestConnection::open(&hub);

    let refused = connection.join_namespace("/").await.unwrap_err();

    assert_eq!(refused.refusal().unwrap().message(), "no");
    assert!(hub.root().room_names().is_empty());
    Ok(())
}

#[actix::test]
async fn listeners_see_a_volatile_event_that_is_dropped() -> Result<(), TestError> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let names = seen.clone();
    let hub = hub(Namespace::new("/").on_any_outgoing(move |_, event| {
        names.lock().unwrap().push(event.name().to_owned());
    }));
    let client = TestClient::connect(&hub, "/").await?;
    client.set_queue(0);

    hub.root().volatile().emit("lost", &()).unwrap();
    client
        .socket()
        .unwrap()
        .volatile()
        .emit("too", &())
        .unwrap();

    assert_eq!(*seen.lock().unwrap(), ["lost", "too"]);
    client.expect_nothing().await
}

#[actix::test]
async fn handlers_of_one_event_run_in_turn_and_the_first_answer_counts() -> Result<(), TestError> {
    async fn first(socket: SocketRef) -> Reply<u32> {
        socket.emit("first", &()).unwrap();
        Reply(1)
    }
    async fn second(socket: SocketRef) -> Reply<u32> {
        socket.emit("second", &()).unwrap();
        Reply(2)
    }
    let hub = hub(Namespace::new("/").on("ask", first).on("ask", second));
    let client = TestClient::connect(&hub, "/").await?;

    let answer: u32 = client.emit_with_ack("ask", &()).await?;

    assert_eq!(answer, 1);
    let (): () = client.receive("first").await?;
    client.receive("second").await
}

#[actix::test]
async fn a_sender_is_left_out_however_it_chooses_the_others() -> Result<(), TestError> {
    async fn tell(socket: SocketRef) {
        socket.join("a").await;
        socket.except("nobody").emit("x", &()).unwrap();
        socket.to("a").except("nobody").emit("x", &()).unwrap();
        socket.broadcast().emit("x", &()).unwrap();
    }
    let hub = hub(Namespace::new("/").on("tell", tell));
    let sender = TestClient::connect(&hub, "/").await?;
    let other = TestClient::connect(&hub, "/").await?;

    sender.emit("tell", &())?;

    for _ in 0..2 {
        let (): () = other.receive("x").await?;
    }
    other.expect_nothing().await?;
    sender.expect_nothing().await
}

#[actix::test]
async fn the_root_is_one_namespace_and_not_all_of_them() -> Result<(), TestError> {
    let hub = hub(Namespace::new("/"));
    let root = TestClient::connect(&hub, "/").await?;
    let other = TestClient::connect(&hub, "/other").await?;

    hub.root().emit("news", &()).unwrap();

    let (): () = root.receive("news").await?;
    other.expect_nothing().await
}
