//! Several hubs that reach each other's sockets.

use std::time::Duration;

use actix::Arbiter;
use bytes::Bytes;
use serde_json::json;
use sockeye_router::{
    AckError, Args, Auth, AuthError, Credentials, EmitError, Hub, HubBuilder, Identity, Namespace,
    SocketRef,
    cluster::InProcess,
    testing::{TestClient, TestError, settle, stop_clock},
};
use tokio::sync::oneshot;

async fn join(socket: SocketRef, Args(rooms): Args<Vec<String>>) {
    socket.join(rooms).await;
}

async fn tell_others(socket: SocketRef, Args(text): Args<String>) {
    socket.broadcast().emit("told", &text).unwrap();
}

fn describe() -> HubBuilder {
    let namespace = Namespace::new("/").on("join", join).on("tell", tell_others);
    Hub::builder().namespace(namespace)
}

fn node(cluster: &InProcess) -> Hub {
    describe().adapter(cluster.clone()).build().unwrap()
}

async fn member(hub: &Hub, rooms: &[&str]) -> Result<TestClient, TestError> {
    let client = TestClient::connect(hub, "/").await?;
    client.emit("join", &rooms)?;
    Ok(client)
}

#[actix::test]
async fn a_broadcast_reaches_the_sockets_of_every_node_once() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two, three) = (node(&cluster), node(&cluster), node(&cluster));
    let a = member(&one, &["r", "s"]).await?;
    let b = member(&two, &["r", "s"]).await?;
    let c = member(&three, &["t"]).await?;

    one.root().to(["r", "s"]).emit("rooms", &1).unwrap();
    settle().await;
    two.root().emit("all", &Bytes::from_static(b"x")).unwrap();
    settle().await;
    three.root().except("s").emit("rest", &()).unwrap();
    settle().await;

    assert_eq!(a.heard(), ["rooms", "all"]);
    assert_eq!(b.heard(), ["rooms", "all"]);
    assert_eq!(c.heard(), ["all", "rest"]);
    let (sent,) = c.receive::<(Bytes,)>("all").await?;
    assert_eq!(sent, "x");
    Ok(())
}

#[actix::test]
async fn what_is_local_stays_and_a_sender_is_left_out_everywhere() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two) = (node(&cluster), node(&cluster));
    let a = member(&one, &[]).await?;
    let b = member(&two, &[]).await?;

    one.root().local().emit("local", &()).unwrap();
    a.emit("tell", &"hi")?;
    one.root().to(b.id()).emit("you", &()).unwrap();
    settle().await;

    assert_eq!(a.heard(), ["local"]);
    assert_eq!(b.heard(), ["told", "you"]);
    Ok(())
}

#[actix::test]
async fn only_authenticated_sockets_of_other_nodes_are_selected() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let guarded = || {
        let auth = Auth::new(async |credentials: Credentials| {
            let name = credentials.token().to_owned();
            Ok::<_, AuthError>(Identity::new(name))
        });
        let namespace = Namespace::new("/").auth(auth).on("join", join);
        let builder = Hub::builder().namespace(namespace);
        builder.adapter(cluster.clone()).build().unwrap()
    };
    let (one, two) = (guarded(), guarded());
    let known = TestClient::builder(&two).auth(&json!({ "token": "n" }));
    let known = known.connect().await?;
    let unknown = TestClient::connect(&two, "/").await?;
    for client in [&known, &unknown] {
        client.socket().unwrap().join("r").await;
    }
    let _ = known.take_raw();

    one.root().authenticated().emit("all", &()).unwrap();
    one.root()
        .to("r")
        .authenticated()
        .emit("room", &())
        .unwrap();
    settle().await;

    assert_eq!(known.heard(), ["all", "room"]);
    assert!(unknown.heard().is_empty());
    Ok(())
}

#[actix::test]
async fn without_an_adapter_and_after_leaving_a_hub_is_alone() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two, alone) = (node(&cluster), node(&cluster), describe().build().unwrap());
    let b = member(&two, &[]).await?;
    assert_eq!(one.root().node_count().await.unwrap(), 2);
    assert_eq!(alone.root().node_count().await.unwrap(), 1);

    two.leave_cluster();
    one.root().emit("gone", &()).unwrap();
    two.root().emit("still here", &()).unwrap();
    settle().await;

    assert_eq!(one.root().node_count().await.unwrap(), 1);
    assert_eq!(two.root().node_count().await.unwrap(), 1);
    assert_eq!(b.heard(), ["still here"]);
    Ok(())
}

#[actix::test]
async fn a_hub_that_is_dropped_has_left() {
    let cluster = InProcess::new();
    let (one, two) = (node(&cluster), node(&cluster));

    drop(two);

    assert_eq!(one.root().node_count().await.unwrap(), 1);
}

#[actix::test]
async fn sockets_of_other_nodes_join_leave_and_are_disconnected() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two) = (node(&cluster), node(&cluster));
    let b = member(&two, &["old"]).await?;
    let other = member(&two, &[]).await?;

    one.root().to("old").join("new").await;
    one.root().to("old").leave("old").await;
    one.root().to("new").emit("welcome", &()).unwrap();
    one.root().to("new").disconnect(false).await;
    b.disconnected().await?;

    assert_eq!(b.heard(), ["welcome"]);
    assert!(other.is_connected());
    Ok(())
}

#[actix::test]
async fn children_of_dynamic_namespaces_are_linked_while_they_are_there() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let tenants = || {
        let namespace = Namespace::pattern(r"^/org-\d+$");
        let builder = Hub::builder().namespace(namespace);
        builder.adapter(cluster.clone()).build().unwrap()
    };
    let (one, two) = (tenants(), tenants());
    let a = TestClient::connect(&one, "/org-1").await?;
    let b = TestClient::connect(&two, "/org-1").await?;
    let c = TestClient::connect(&two, "/org-2").await?;

    one.of("/org-1").unwrap().emit("news", &()).unwrap();
    settle().await;
    assert_eq!(a.heard(), ["news"]);
    assert_eq!(b.heard(), ["news"]);
    assert!(c.heard().is_empty());
    b.disconnect();
    settle().await;

    assert_eq!(one.of("/org-1").unwrap().node_count().await.unwrap(), 1);
    Ok(())
}

#[actix::test]
async fn a_node_that_has_fallen_behind_is_reported_and_local_sockets_get_it()
-> Result<(), TestError> {
    let cluster = InProcess::new().with_queue(1);
    let (one, two) = (node(&cluster), node(&cluster));
    let a = member(&one, &[]).await?;
    let b = member(&two, &[]).await?;

    // No turn of the event loop between them, so the other node can't take any.
    let first = one.root().emit("first", &());
    let second = one.root().emit("second", &());
    settle().await;

    assert!(first.is_ok());
    assert!(matches!(second, Err(EmitError::Adapter(_))), "{second:?}");
    assert_eq!(a.heard(), ["first", "second"]);
    assert_eq!(b.heard(), ["first"]);
    Ok(())
}

#[actix::test]
async fn clients_of_all_nodes_answer_with_all_arguments() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two, _without_sockets) = (node(&cluster), node(&cluster), node(&cluster));
    let a = member(&one, &[]).await?;
    let b = member(&two, &[]).await?;
    let leaves = member(&two, &[]).await?;

    let everyone = one.root().broadcast();
    let asking = actix_rt::spawn(
        everyone
            .emit_with_ack::<_, (u8, u8)>("ask", &"?")
            .into_future(),
    );
    for (client, values) in [(&b, (2, 3)), (&a, (1, 2))] {
        client
            .receive_request::<String>("ask")
            .await?
            .ack(&values)?;
    }
    leaves.receive_request::<String>("ask").await?;
    leaves.disconnect();
    let mut report = asking.await.unwrap().unwrap();

    report.replies.sort_by_key(|reply| reply.value);
    let replies = report.replies.iter();
    let replies: Vec<_> = replies.map(|reply| (reply.socket, reply.value)).collect();
    assert_eq!(replies, [(Some(a.id()), (1, 2)), (Some(b.id()), (2, 3)),]);
    assert_eq!(report.missing.len(), 1);
    assert_eq!(report.missing[0].socket, Some(leaves.id()));
    assert!(matches!(report.missing[0].error, AckError::Disconnected));
    assert_eq!((report.unheard, report.silent), (0, 0));
    Ok(())
}

/// What a client does when it is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    Answers,
    AnswersNonsense,
    Leaves,
    IsSilent,
}

#[actix::test]
async fn whatever_clients_do_everyone_is_accounted_for_once() -> Result<(), TestError> {
    stop_clock();
    let manners = [
        Manner::Answers,
        Manner::AnswersNonsense,
        Manner::Leaves,
        Manner::IsSilent,
    ];
    let cluster = InProcess::new();
    let nodes = [node(&cluster), node(&cluster)];
    for mixture in 0..256 {
        // Two clients here, two on the other node, each in one of four manners.
        let manners = [0, 2, 4, 6].map(|shift| manners[mixture >> shift & 3]);
        let mut clients = Vec::new();
        for (at, manner) in manners.into_iter().enumerate() {
            clients.push((TestClient::connect(&nodes[at / 2], "/").await?, manner));
        }

        let asking = nodes[0]
            .root()
            .broadcast()
            .emit_with_ack::<_, u8>("ask", &"?");
        let asking = actix_rt::spawn(asking.into_future());
        for (client, manner) in &clients {
            let request = client.receive_request::<String>("ask").await?;
            match manner {
                Manner::Answers => request.ack(&1)?,
                Manner::AnswersNonsense => request.ack(&"text")?,
                Manner::Leaves => client.disconnect(),
                Manner::IsSilent => {}
            }
        }
        let report = asking.await.unwrap().unwrap();

        let mut named: Vec<_> = report.replies.iter().map(|reply| reply.socket).collect();
        named.extend(report.missing.iter().map(|missing| missing.socket));
        let mut expected = Vec::new();
        let mut unheard = 0;
        for (at, (client, manner)) in clients.iter().enumerate() {
            if at >= 2 && *manner == Manner::IsSilent {
                unheard += 1;
            } else {
                expected.push(Some(client.id()));
            }
            let missing = report.missing.iter();
            let error = missing.filter(|missing| missing.socket == Some(client.id()));
            let error = error.map(|missing| &missing.error).next();
            let as_expected = match manner {
                Manner::Answers => error.is_none(),
                Manner::AnswersNonsense => matches!(error, Some(AckError::Decode(_))),
                Manner::Leaves => matches!(error, Some(AckError::Disconnected)),
                Manner::IsSilent if at < 2 => matches!(error, Some(AckError::Timeout)),
                Manner::IsSilent => error.is_none(),
            };
            assert!(as_expected, "{manners:?} {at}: {error:?}");
        }
        named.sort();
        expected.sort();
        assert_eq!(named, expected, "{manners:?}");
        assert_eq!((report.unheard, report.silent), (unheard, 0), "{manners:?}");
        for (client, _) in clients {
            client.disconnect();
        }
        settle().await;
        assert_eq!(nodes[0].stats().pending_acks, 0);
        assert_eq!(nodes[1].stats().pending_acks, 0);
    }
    Ok(())
}

#[actix::test]
async fn answers_that_don_t_come_in_time_are_counted() -> Result<(), TestError> {
    stop_clock();
    let cluster = InProcess::new();
    let (one, two) = (node(&cluster), node(&cluster));
    let b = member(&two, &[]).await?;
    let _silent = member(&two, &[]).await?;
    let began = tokio::time::Instant::now();

    let asking = one.root().broadcast().timeout(Duration::from_secs(3));
    let asking = actix_rt::spawn(asking.emit_with_ack::<_, u8>("ask", &"?").into_future());
    b.receive_request::<String>("ask").await?.ack(&1)?;
    let report = asking.await.unwrap().unwrap();
    settle().await;

    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(report.replies.len(), 1);
    assert_eq!((report.unheard, report.silent), (1, 0));
    assert_eq!(two.stats().pending_acks, 0);
    Ok(())
}

#[actix::test]
async fn a_node_that_leaves_is_not_waited_for() -> Result<(), TestError> {
    stop_clock();
    let cluster = InProcess::new();
    let (one, two) = (node(&cluster), node(&cluster));
    let b = member(&two, &[]).await?;
    let began = tokio::time::Instant::now();

    let asking = one.root().broadcast().emit_with_ack::<_, u8>("ask", &"?");
    let asking = actix_rt::spawn(asking.into_future());
    b.receive_request::<String>("ask").await?;
    settle().await;
    two.leave_cluster();
    let report = asking.await.unwrap().unwrap();

    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((report.unheard, report.silent), (1, 0));
    assert_eq!(two.stats().pending_acks, 0);
    Ok(())
}

#[actix::test]
async fn dropping_a_request_forgets_it_on_every_node() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let (one, two) = (node(&cluster), node(&cluster));
    let _a = member(&one, &[]).await?;
    let b = member(&two, &[]).await?;

    let asking = one.root().broadcast().emit_with_ack::<_, u8>("ask", &"?");
    let asking = actix_rt::spawn(asking.into_future());
    b.receive_request::<String>("ask").await?;
    assert_eq!((one.stats().pending_acks, two.stats().pending_acks), (1, 1));
    asking.abort();
    settle().await;

    assert_eq!((one.stats().pending_acks, two.stats().pending_acks), (0, 0));
    Ok(())
}

#[actix::test]
async fn nodes_on_other_threads_hear_one_tasks_emits_in_order() -> Result<(), TestError> {
    let cluster = InProcess::new();
    let here = node(&cluster);
    let there = Arbiter::new();
    let (ready, connected) = oneshot::channel();
    let (heard, received) = oneshot::channel();
    let link = cluster.clone();
    there.spawn_fn(move || {
        actix_rt::spawn(async move {
            let hub = node(&link);
            let client = member(&hub, &["r"]).await.unwrap();
            ready.send(()).unwrap();
            let mut numbers: Vec<u32> = Vec::new();
            for _ in 0..500 {
                numbers.push(client.next_event().await.unwrap().args().unwrap());
            }
            let request = client.receive_request::<String>("ask").await.unwrap();
            request.ack(&numbers.len()).unwrap();
            heard.send(numbers).unwrap();
            std::future::pending::<()>().await;
        });
    });
    connected.await.unwrap();

    for number in 0..500 {
        let room = if number % 2 == 0 { "r" } else { "all" };
        let mut target = here.root().broadcast();
        if room == "r" {
            target = target.to("r");
        }
        target.emit(room, &number).unwrap();
    }
    let report = here.root().to("r").emit_with_ack::<_, usize>("ask", &"?");
    let report = report.await.unwrap();
    let numbers = received.await.unwrap();

    assert!(numbers.iter().copied().eq(0..500));
    assert_eq!(report.into_values().collect::<Vec<_>>(), [500]);
    there.stop();
    there.join().unwrap();
    Ok(())
}
