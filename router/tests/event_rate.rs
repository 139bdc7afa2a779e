//! How much a client may send, in packets and in bytes that wait.

use std::time::Duration;

use sockeye_router::{
    Args, DisconnectReason, EventRate, Hub, Limit, Namespace, RouterConfig, SocketRef,
    testing::{TestClient, TestError, advance, settle, stop_clock},
};
use tokio::time::Instant;

async fn event(Args((_number,)): Args<(u32,)>) {}

fn hub(config: RouterConfig) -> Hub {
    let namespace = Namespace::new("/").on("event", event);
    Hub::builder()
        .config(config)
        .namespace(namespace)
        .build()
        .unwrap()
}

/// A hub that lets a client send 10 packets in a second, after 20 at once.
fn limited() -> Hub {
    hub(RouterConfig::default().with_event_rate(EventRate::new(10, 20)))
}

fn over(hub: &Hub) -> u64 {
    hub.limits().get(Limit::EventRate)
}

#[actix::test]
async fn a_burst_passes_at_once_and_one_more_stops_the_reading_for_a_while() -> Result<(), TestError>
{
    stop_clock();
    let hub = limited();
    let client = TestClient::connect(&hub, "/").await?;

    // The request to connect was one.
    for n in 0..19 {
        client.emit("event", &n)?;
    }
    assert!(!client.is_reading_paused());
    client.emit("event", &19)?;
    settle().await;
    assert!(client.is_reading_paused());
    advance(Duration::from_millis(400)).await;

    assert!(!client.is_reading_paused());
    assert_eq!(over(&hub), 1);
    assert_eq!(hub.stats().sockets, 1);
    Ok(())
}

#[actix::test]
async fn a_client_within_the_rate_is_never_stopped() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(RouterConfig::default());
    let client = TestClient::connect(&hub, "/").await?;

    for second in 0..30 {
        for n in 0..200 {
            client.emit("event", &(second * 200 + n))?;
        }
        assert!(!client.is_reading_paused());
        advance(Duration::from_secs(1)).await;
    }

    assert_eq!(over(&hub), 0);
    Ok(())
}

#[actix::test]
async fn a_client_that_goes_on_is_slowed_down_and_disconnected_after_ten_seconds()
-> Result<(), TestError> {
    stop_clock();
    let hub = limited();
    let client = TestClient::connect(&hub, "/").await?;
    let started = Instant::now();

    // What is not read waits at the client.
    for n in 0..1000 {
        client.emit("event", &n)?;
    }
    let reason = client.closed().await?;

    assert_eq!(reason, DisconnectReason::TooManyEvents);
    let lasted = started.elapsed();
    assert!(lasted >= Duration::from_secs(10), "{lasted:?}");
    assert!(lasted < Duration::from_secs(11), "{lasted:?}");
    assert_eq!(over(&hub), 1);
    assert_eq!(hub.stats().sockets, 0);
    Ok(())
}

#[actix::test]
async fn one_that_stops_in_time_stays_and_may_send_again() -> Result<(), TestError> {
    stop_clock();
    let hub = limited();
    let client = TestClient::connect(&hub, "/").await?;

    for _ in 0..3 {
        // 9 s at the rate.
        for n in 0..100 {
            client.emit("event", &n)?;
        }
        advance(Duration::from_secs(30)).await;
        assert!(!client.is_reading_paused());
    }

    assert_eq!(over(&hub), 3);
    assert_eq!(hub.stats().sockets, 1);
    Ok(())
}

#[actix::test]
async fn acks_that_the_server_waits_for_don_t_count_and_others_do() -> Result<(), TestError> {
    stop_clock();
    async fn ask(socket: SocketRef) {
        let asking = (0..100).map(|n| socket.emit_with_ack::<_, u32>("n", &n));
        futures_util::future::join_all(asking).await;
    }
    let config = RouterConfig::default().with_event_rate(EventRate::new(10, 20));
    let namespace = Namespace::new("/").on("ask", ask);
    let hub = Hub::builder()
        .config(config)
        .namespace(namespace)
        .build()
        .unwrap();
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("ask", &())?;
    for _ in 0..100 {
        client.receive_request::<u32>("n").await?.ack(&1)?;
    }
    assert_eq!(over(&hub), 0);
    for _ in 0..20 {
        client.send_raw("3999[]");
    }

    assert_eq!(over(&hub), 1);
    Ok(())
}

#[actix::test]
async fn the_rate_can_be_switched_off() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(RouterConfig::default().with_event_rate(None));
    let client = TestClient::connect(&hub, "/").await?;

    for n in 0..10_000 {
        client.emit("event", &n)?;
    }
    settle().await;

    assert!(!client.is_reading_paused());
    Ok(())
}

#[actix::test]
async fn bytes_that_wait_behind_a_handler_are_bounded_too() -> Result<(), TestError> {
    async fn slow() {
        std::future::pending::<()>().await;
    }
    let config = RouterConfig::default().with_inbound_bytes(1000);
    let namespace = Namespace::new("/").on("slow", slow);
    let hub = Hub::builder()
        .config(config)
        .namespace(namespace)
        .build()
        .unwrap();
    let client = TestClient::connect(&hub, "/").await?;
    client.emit("slow", &())?;

    // With its quotes each has 500.
    let text = "x".repeat(498);
    client.emit("slow", &text)?;
    assert!(!client.is_reading_paused());
    client.emit("slow", &text)?;

    assert!(client.is_reading_paused());
    assert_eq!(hub.limits().get(Limit::InboundQueue), 1);
    Ok(())
}
