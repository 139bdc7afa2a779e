//! Who receives a broadcast, on one thread and on several.

use actix::Arbiter;
use sockeye_router::{
    Args, ArgsList, Broadcast, DisconnectReason, EmitError, Empty, GetMembers, GetRooms, Hub, Join,
    Namespace, RawArgs, RouterConfig, SocketRef,
    testing::{TestClient, TestError},
};
use tokio::sync::oneshot;

async fn join(socket: SocketRef, Args(rooms): Args<Vec<String>>) {
    socket.join(rooms).await;
}

fn hub() -> Hub {
    let namespace = Namespace::new("/").on("join", join).on("say", say);
    Hub::builder().namespace(namespace).build().unwrap()
}

async fn say(socket: SocketRef, Args((room, text)): Args<(String, String)>) {
    socket.to(room).emit("said", &text).unwrap();
}

async fn member(hub: &Hub, rooms: &[&str]) -> Result<TestClient, TestError> {
    let client = TestClient::connect(hub, "/").await?;
    client.emit("join", &rooms)?;
    Ok(client)
}

#[actix::test]
async fn a_socket_in_several_rooms_gets_one_copy() -> Result<(), TestError> {
    let hub = hub();
    let both = member(&hub, &["a", "b"]).await?;
    let one = member(&hub, &["b"]).await?;
    let none = member(&hub, &[]).await?;
    let namespace = hub.of("/").unwrap();

    let reached = namespace
        .to("a")
        .to("b")
        .emit_counted("x", &1)
        .await
        .unwrap();

    assert_eq!(reached, 2);
    assert_eq!(both.take_raw(), [r#"2["x",1]"#]);
    assert_eq!(one.take_raw(), [r#"2["x",1]"#]);
    assert!(none.take_raw().is_empty());
    Ok(())
}

#[actix::test]
async fn exceptions_win_and_no_room_means_everyone() -> Result<(), TestError> {
    let hub = hub();
    let a = member(&hub, &["a"]).await?;
    let b = member(&hub, &["a", "b"]).await?;
    let namespace = hub.of("/").unwrap();

    namespace.to("a").except("b").emit("x", &()).unwrap();
    namespace.except(["b"]).emit("y", &()).unwrap();
    namespace
        .to(Vec::<String>::new())
        .emit("z", &ArgsList(vec![1, 2]))
        .unwrap();

    assert_eq!(a.take_raw(), [r#"2["x"]"#, r#"2["y"]"#, r#"2["z",1,2]"#]);
    assert_eq!(b.take_raw(), [r#"2["z",1,2]"#]);
    Ok(())
}

#[actix::test]
async fn a_sender_is_left_out_and_its_id_is_a_room() -> Result<(), TestError> {
    let hub = hub();
    let a = member(&hub, &["a"]).await?;
    let b = member(&hub, &["a"]).await?;
    let namespace = hub.of("/").unwrap();
    let ids = namespace.to("a").socket_ids().await;

    a.emit("say", &("a", "hi"))?;
    for id in &ids {
        namespace.to(id.as_str()).emit("you", &id.as_str()).unwrap();
    }
    namespace
        .socket(ids[0])
        .unwrap()
        .to(ids[0])
        .emit("nobody", &())
        .unwrap();

    assert_eq!(ids.len(), 2);
    assert_eq!(a.take_raw().len(), 1);
    assert_eq!(b.take_raw()[0], r#"2["said","hi"]"#);
    Ok(())
}

#[actix::test]
async fn a_member_that_never_reads_is_dropped_and_the_others_get_everything()
-> Result<(), TestError> {
    let hub = hub();
    let slow = TestClient::builder(&hub).queue(2).connect().await?;
    let quick = TestClient::connect(&hub, "/").await?;
    let namespace = hub.of("/").unwrap();

    for number in 0..10 {
        namespace.emit("n", &number).unwrap();
    }

    assert_eq!(slow.close_reason(), Some(DisconnectReason::SlowConsumer));
    assert_eq!(quick.take_raw().len(), 10);
    assert_eq!(hub.stats().sockets, 1);
    Ok(())
}

#[actix::test]
async fn rooms_and_sockets_answer_as_actors() -> Result<(), TestError> {
    let hub = hub();
    let a = member(&hub, &["a"]).await?;
    let namespace = hub.of("/").unwrap();
    let room = namespace.room("b");
    let socket = a.socket().unwrap();
    let addr = socket.addr();
    let args = RawArgs::encode(&("x", 1)).unwrap();

    addr.send(Join {
        rooms: vec!["b".into()],
    })
    .await
    .unwrap();
    let rooms = addr.send(GetRooms).await.unwrap();
    let members = room.send(GetMembers).await.unwrap();
    let event = "news".to_owned();
    let reached = room
        .send(Broadcast {
            event,
            args,
            except: None,
        })
        .await
        .unwrap();
    room.send(Empty).await.unwrap();

    assert_eq!(
        rooms.iter().map(|room| &**room).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(members, [socket.id()]);
    assert_eq!(reached.unwrap(), 1);
    assert_eq!(a.take_raw(), [r#"2["news","x",1]"#]);
    assert!(!socket.is_in("b"));
    assert_eq!(namespace.room("b"), room);
    Ok(())
}

#[actix::test]
async fn many_sockets_can_be_moved_and_disconnected_together() -> Result<(), TestError> {
    let hub = hub();
    let a = member(&hub, &["a"]).await?;
    let b = member(&hub, &["b"]).await?;
    let namespace = hub.of("/").unwrap();

    namespace.to("a").join(["c", "d"]).await;
    namespace.to("c").emit("c", &()).unwrap();
    namespace.to("c").leave("c").await;
    let left = namespace.to("c").count().await;
    namespace.to("d").disconnect(true).await;

    assert_eq!(left, 0);
    assert_eq!(a.take_raw(), [r#"2["c"]"#, "1"]);
    assert_eq!(a.close_reason(), Some(DisconnectReason::ForcedClose));
    assert!(b.close_reason().is_none());
    assert_eq!(hub.stats().rooms, 1);
    Ok(())
}

#[actix::test]
async fn rooms_beyond_the_limit_are_not_joined() -> Result<(), TestError> {
    let hub = Hub::builder()
        .config(RouterConfig::default().with_rooms_per_socket(2))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let client = TestClient::connect(&hub, "/").await?;
    let socket = client.socket().unwrap();

    socket.join(["a", "b", "c", "a"]).await;

    assert_eq!(socket.rooms().len(), 2);
    Ok(())
}

#[actix::test]
async fn many_rooms_are_joined_and_left_as_one_by_one() -> Result<(), TestError> {
    let hub = hub();
    let client = TestClient::connect(&hub, "/").await?;
    let socket = client.socket().unwrap();
    let names = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|number| format!("r{number}")).collect()
    };
    let own = vec![socket.id().to_string()];

    socket.join(["r15", "first"]).await;
    socket
        .join([own.clone(), names(0..20), names(10..30)].concat())
        .await;
    socket
        .leave([own, names(1..20), names(40..60)].concat())
        .await;

    let expected = [vec!["first".to_owned(), "r0".to_owned()], names(20..30)].concat();
    let rooms: Vec<_> = socket.rooms().iter().map(ToString::to_string).collect();
    assert_eq!(rooms, expected);
    assert_eq!(hub.stats().rooms, expected.len());
    Ok(())
}

#[actix::test]
async fn a_broadcast_reaches_other_threads_in_order() -> Result<(), TestError> {
    let hub = hub();
    let there = Arbiter::new();
    let (heard, received) = oneshot::channel();
    let (ready, connected) = oneshot::channel();
    let other = hub.clone();
    there.spawn_fn(move || {
        actix_rt::spawn(async move {
            let client = member(&other, &["a"]).await.unwrap();
            ready.send(client.socket().unwrap()).unwrap();
            let mut all = Vec::new();
            for _ in 0..201 {
                all.push(client.next_raw().await.unwrap());
            }
            heard.send(all).unwrap();
        });
    });
    let remote = connected.await.unwrap();
    let here = member(&hub, &["a"]).await?;
    let namespace = hub.of("/").unwrap();

    let counted = namespace.to("a").emit_counted("first", &()).await.unwrap();
    for number in 0..100 {
        namespace.to("a").emit("all", &number).unwrap();
        remote.emit("one", &number).unwrap();
    }

    let all = received.await.unwrap();
    assert_eq!(counted, 2);
    for number in 0..100 {
        assert_eq!(all[1 + 2 * number], format!(r#"2["all",{number}]"#));
        assert_eq!(all[2 + 2 * number], format!(r#"2["one",{number}]"#));
    }
    assert_eq!(here.take_raw().len(), 101);
    there.stop();
    there.join().unwrap();
    Ok(())
}

#[actix::test]
async fn a_thread_that_has_fallen_behind_is_told_apart() -> Result<(), TestError> {
    let hub = Hub::builder()
        .config(RouterConfig::default().with_courier_mailbox(2))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let there = Arbiter::new();
    let other = hub.clone();
    let (ready, connected) = oneshot::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    there.spawn_fn(move || {
        actix_rt::spawn(async move {
            let _client = TestClient::connect(&other, "/").await.unwrap();
            ready.send(()).unwrap();
            // The whole thread waits here.
            held.recv().unwrap();
        });
    });
    connected.await.unwrap();
    let namespace = hub.of("/").unwrap();

    let sent = (0..1000).take_while(|number| namespace.emit("n", number).is_ok());
    let sent = sent.count();

    assert!((2..1000).contains(&sent), "{sent}");
    assert!(matches!(
        namespace.emit("n", &()),
        Err(EmitError::QueueFull)
    ));
    release.send(()).unwrap();
    there.stop();
    there.join().unwrap();
    Ok(())
}
