//! Broadcasts that ask every receiver for an answer.

use std::time::Duration;

use actix::Arbiter;
use futures_util::{FutureExt as _, StreamExt as _};
use sockeye_router::{
    AckError, AckReport, BroadcastAck, DisconnectReason, EmitError, Hub, Missing, Namespace,
    RouterConfig, Sid,
    testing::{TestClient, TestError, settle, stop_clock},
};
use tokio::sync::oneshot;

fn hub() -> Hub {
    hub_with(RouterConfig::default())
}

fn hub_with(config: RouterConfig) -> Hub {
    let builder = Hub::builder().config(config);
    builder.namespace(Namespace::new("/")).build().unwrap()
}

fn ask<T: serde::de::DeserializeOwned + Send + 'static>(hub: &Hub) -> BroadcastAck<T> {
    hub.root().broadcast().emit_with_ack("ask", &"?")
}

/// Sends a request and lets it wait.
fn begin<T: Send + 'static>(
    asking: BroadcastAck<T>,
) -> tokio::task::JoinHandle<Result<AckReport<T>, EmitError>> {
    actix_rt::spawn(asking.into_future())
}

async fn answer<A: serde::Serialize>(client: &TestClient, args: A) -> Result<(), TestError> {
    let request = client.receive_request::<String>("ask").await?;
    request.ack(&args)
}

fn only_missing(missing: &[Missing]) -> (Option<Sid>, &AckError) {
    assert_eq!(missing.len(), 1, "{missing:?}");
    (missing[0].socket, &missing[0].error)
}

#[actix::test]
async fn every_answer_comes_with_all_its_arguments_and_whose_it_is() -> Result<(), TestError> {
    let hub = hub();
    let a = TestClient::connect(&hub, "/").await?;
    let b = TestClient::connect(&hub, "/").await?;

    let asking = begin(ask::<(String, Option<u32>)>(&hub));
    answer(&b, ("b", 2)).await?;
    answer(&a, ("a",)).await?;
    let report = asking.await.unwrap().unwrap();

    assert!(report.is_complete());
    assert_eq!(report.replies[0].socket, Some(b.id()));
    assert_eq!(report.replies[1].socket, Some(a.id()));
    let values: Vec<_> = report.into_values().collect();
    assert_eq!(values, [("b".into(), Some(2)), ("a".into(), None)]);
    assert_eq!(hub.stats().pending_acks, 0);
    Ok(())
}

#[actix::test]
async fn one_packet_with_one_id_goes_to_all_at_once_and_is_given_up_when_dropped()
-> Result<(), TestError> {
    let hub = hub();
    let a = TestClient::connect(&hub, "/").await?;
    let b = TestClient::connect(&hub, "/").await?;

    let asking = ask::<u8>(&hub);
    hub.root().emit("then", &()).unwrap();

    for client in [&a, &b] {
        assert_eq!(client.take_raw(), [r#"20["ask","?"]"#, r#"2["then"]"#]);
    }
    assert_eq!(hub.stats().pending_acks, 2);
    drop(asking);
    settle().await;
    assert_eq!(hub.stats().pending_acks, 0);
    Ok(())
}

#[actix::test]
async fn nobody_to_ask_is_an_empty_report_at_once() -> Result<(), TestError> {
    let hub = hub();
    let client = TestClient::connect(&hub, "/").await?;

    let nowhere = hub.root().to("nowhere").emit_with_ack::<_, ()>("ask", &());
    let report = nowhere.into_future().now_or_never().unwrap().unwrap();

    assert!(report.is_complete() && report.replies.is_empty());
    client.expect_nothing().await
}

#[actix::test]
async fn a_client_that_leaves_is_not_waited_for() -> Result<(), TestError> {
    let hub = hub();
    let stays = TestClient::connect(&hub, "/").await?;
    let leaves = TestClient::connect(&hub, "/").await?;
    let gone = TestClient::connect(&hub, "/").await?;

    let asking = begin(ask::<u8>(&hub));
    answer(&stays, 1).await?;
    leaves.disconnect();
    gone.drop_connection(DisconnectReason::TransportClose);
    let report = asking.await.unwrap().unwrap();

    assert_eq!(report.replies.len(), 1);
    assert_eq!(report.missing.len(), 2);
    for missing in report.missing {
        assert!([Some(leaves.id()), Some(gone.id())].contains(&missing.socket));
        assert!(matches!(missing.error, AckError::Disconnected));
    }
    Ok(())
}

#[actix::test]
async fn who_is_late_is_named_and_a_later_answer_is_ignored() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let quick = TestClient::connect(&hub, "/").await?;
    let late = TestClient::connect(&hub, "/").await?;
    let began = tokio::time::Instant::now();

    let asking = begin(ask::<u8>(&hub).timeout(Duration::from_secs(3)));
    answer(&quick, 1).await?;
    let request = late.receive_request::<String>("ask").await?;
    let report = asking.await.unwrap().unwrap();
    request.ack(&2)?;

    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(report.replies.len(), 1);
    let (socket, error) = only_missing(&report.missing);
    assert_eq!(socket, Some(late.id()));
    assert!(matches!(error, AckError::Timeout));
    assert_eq!(hub.stats().pending_acks, 0);
    Ok(())
}

#[actix::test]
async fn the_operators_timeout_counts_and_the_configured_one_else() -> Result<(), TestError> {
    stop_clock();
    let hub = hub_with(RouterConfig::default().with_ack_timeout(Duration::from_secs(7)));
    let _silent = TestClient::connect(&hub, "/").await?;
    let began = tokio::time::Instant::now();

    let operator = hub.root().broadcast().timeout(Duration::from_secs(2));
    let report = operator.emit_with_ack::<_, u8>("ask", &()).await.unwrap();
    assert!(!report.is_complete());
    assert_eq!(began.elapsed().as_secs(), 2);
    ask::<u8>(&hub).await.unwrap();

    assert_eq!(began.elapsed().as_secs(), 9);
    Ok(())
}

#[actix::test]
async fn an_answer_of_another_type_is_missing_and_says_why() -> Result<(), TestError> {
    let hub = hub();
    let client = TestClient::connect(&hub, "/").await?;

    let asking = begin(ask::<u8>(&hub));
    answer(&client, "text").await?;
    let report = asking.await.unwrap().unwrap();

    let (socket, error) = only_missing(&report.missing);
    assert_eq!(socket, Some(client.id()));
    assert!(matches!(error, AckError::Decode(_)));
    Ok(())
}

#[actix::test]
async fn a_full_queue_is_reported_and_costs_the_slow_consumer() -> Result<(), TestError> {
    let hub = hub();
    let quick = TestClient::connect(&hub, "/").await?;
    let slow = TestClient::builder(&hub).queue(1).connect().await?;
    slow.set_queue(0);

    let asking = begin(ask::<u8>(&hub));
    answer(&quick, 1).await?;
    let report = asking.await.unwrap().unwrap();

    let (socket, error) = only_missing(&report.missing);
    assert_eq!(socket, Some(slow.id()));
    assert!(matches!(error, AckError::Emit(EmitError::QueueFull)));
    assert_eq!(slow.closed().await?, DisconnectReason::SlowConsumer);
    Ok(())
}

#[actix::test]
async fn one_ack_more_than_the_bound_costs_the_oldest() -> Result<(), TestError> {
    let hub = hub_with(RouterConfig::default().with_pending_acks(1));
    let client = TestClient::connect(&hub, "/").await?;

    let first = begin(ask::<u8>(&hub));
    settle().await;
    let second = begin(ask::<u8>(&hub));
    let first = first.await.unwrap().unwrap();
    client.receive::<String>("ask").await?;
    client.receive::<String>("ask").await?;
    client.send_raw("31[5]".to_owned());
    let second = second.await.unwrap().unwrap();

    assert!(matches!(only_missing(&first.missing).1, AckError::Timeout));
    assert_eq!(second.into_values().collect::<Vec<_>>(), [5]);
    Ok(())
}

#[actix::test]
async fn answers_can_be_taken_one_by_one() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let a = TestClient::connect(&hub, "/").await?;
    let b = TestClient::connect(&hub, "/").await?;
    let silent = TestClient::connect(&hub, "/").await?;

    let mut answers = ask::<u8>(&hub).stream().unwrap();
    assert!(answers.next().now_or_never().is_none());
    answer(&b, 2).await?;
    assert_eq!(answers.next().await.unwrap().unwrap().value, 2);
    answer(&a, 1).await?;
    assert_eq!(answers.next().await.unwrap().unwrap().value, 1);
    let last = answers.next().await.unwrap().unwrap_err();

    assert_eq!(last.socket, Some(silent.id()));
    assert!(answers.next().await.is_none());
    assert_eq!(answers.rest(), (0, 0));
    Ok(())
}

#[actix::test]
async fn a_reserved_name_is_the_callers_mistake() {
    let hub = hub();

    let refused = hub
        .root()
        .broadcast()
        .emit_with_ack::<_, ()>("connect", &());

    assert!(matches!(refused.await, Err(EmitError::ReservedName(_))));
}

#[actix::test]
async fn dropping_it_forgets_what_is_pending_on_every_thread() -> Result<(), TestError> {
    let hub = hub();
    let here = TestClient::connect(&hub, "/").await?;
    let there = elsewhere(&hub, false).await;

    let mut asking = Box::pin(ask::<u8>(&hub).into_future());
    assert!(asking.as_mut().now_or_never().is_none());
    // What is asked of the other thread next waits behind the request.
    hub.root().broadcast().count().await;
    assert_eq!(hub.stats().pending_acks, 2);
    drop(asking);
    hub.root().broadcast().count().await;

    assert_eq!(hub.stats().pending_acks, 0);
    assert_eq!(here.heard(), ["ask"]);
    there.stop();
    there.join().unwrap();
    Ok(())
}

#[actix::test]
async fn sockets_of_several_threads_answer_and_a_thread_that_ends_is_not_waited_for()
-> Result<(), TestError> {
    let hub = hub();
    let here = TestClient::connect(&hub, "/").await?;
    let there = elsewhere(&hub, true).await;
    let ends = elsewhere(&hub, false).await;

    let asking = begin(ask::<u8>(&hub));
    answer(&here, 1).await?;
    hub.root().broadcast().count().await;
    ends.stop();
    ends.join().unwrap();
    let report = asking.await.unwrap().unwrap();

    let mut values: Vec<_> = report.replies.iter().map(|reply| reply.value).collect();
    values.sort_unstable();
    assert_eq!(values, [1, 7]);
    assert!(matches!(
        only_missing(&report.missing).1,
        AckError::Disconnected
    ));
    there.stop();
    there.join().unwrap();
    Ok(())
}

/// Connects a client on another thread, which answers 7 or nothing.
async fn elsewhere(hub: &Hub, answers: bool) -> Arbiter {
    let there = Arbiter::new();
    let (ready, connected) = oneshot::channel();
    let hub = hub.clone();
    there.spawn_fn(move || {
        actix_rt::spawn(async move {
            let client = TestClient::connect(&hub, "/").await.unwrap();
            ready.send(()).unwrap();
            if answers {
                answer(&client, 7).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
    });
    connected.await.unwrap();
    there
}
