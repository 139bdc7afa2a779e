//! The end of a hub.

use std::time::Duration;

use sockeye_router::{
    DisconnectReason, Hub, Namespace, Reply, Stats,
    testing::{TestClient, TestError, advance, stop_clock},
};
use tokio::time::{Instant, sleep};

const WITHIN: Duration = Duration::from_secs(10);

#[actix::test]
async fn many_clients_are_closed_a_few_at_a_time() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let mut clients = Vec::new();
    for _ in 0..2000 {
        clients.push(TestClient::connect(&hub, "/").await?);
    }
    let closed = || {
        let closed = clients
            .iter()
            .filter(|client| client.close_reason().is_some());
        closed.count()
    };

    let closing = actix::spawn(hub.close(WITHIN));
    let mut before = 0;
    for second in 1..=3 {
        advance(Duration::from_millis(500)).await;
        let now = closed();
        assert!(
            (before + 500..=before + 800).contains(&now),
            "{second}: {now}"
        );
        before = now;
    }
    closing.await.unwrap();

    assert_eq!(closed(), 2000);
    assert_eq!(hub.stats(), Stats::default());
    Ok(())
}

#[actix::test]
async fn few_clients_are_closed_at_once() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let client = TestClient::connect(&hub, "/").await?;
    let started = Instant::now();

    hub.close(WITHIN).await;

    assert_eq!(started.elapsed(), Duration::ZERO);
    let reason = client.close_reason();
    assert_eq!(reason, Some(DisconnectReason::ServerShuttingDown));
    Ok(())
}

#[actix::test]
async fn a_handler_that_runs_is_given_time_and_its_answer_goes_out() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let (slow, hung) = (
        TestClient::connect(&hub, "/").await?,
        TestClient::connect(&hub, "/").await?,
    );
    let answer = slow.emit_with_ack::<_, bool>("slow", &());
    hung.emit("hang", &())?;
    let started = Instant::now();

    hub.close(WITHIN).await;

    let elapsed = started.elapsed();
    assert!(elapsed >= WITHIN && elapsed < WITHIN + Duration::from_millis(100));
    assert!(answer.await?);
    assert_eq!(hub.stats(), Stats::default());
    Ok(())
}

#[actix::test]
async fn a_client_whose_handler_runs_is_taken_no_more_events_from() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let client = TestClient::connect(&hub, "/").await?;
    let answer = client.emit_with_ack::<_, bool>("slow", &());
    let started = Instant::now();

    let closing = actix::spawn(hub.close(WITHIN));
    advance(Duration::from_secs(1)).await;
    client.emit("slow", &())?;
    closing.await.unwrap();

    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(answer.await?);
    Ok(())
}

#[actix::test]
async fn who_comes_while_the_hub_closes_is_closed_too() -> Result<(), TestError> {
    stop_clock();
    let hub = hub();
    let hung = TestClient::connect(&hub, "/").await?;
    hung.emit("hang", &())?;

    let closing = actix::spawn(hub.close(WITHIN));
    advance(Duration::from_secs(1)).await;
    let late = TestClient::connect(&hub, "/").await?;
    closing.await.unwrap();

    assert!(late.close_reason().is_some());
    Ok(())
}

fn hub() -> Hub {
    let namespace = Namespace::new("/").on("slow", slow).on("hang", hang);
    Hub::builder().namespace(namespace).build().unwrap()
}

async fn slow() -> Reply<bool> {
    sleep(Duration::from_secs(3)).await;
    Reply(true)
}

async fn hang() {
    std::future::pending::<()>().await;
}
