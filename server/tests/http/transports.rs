use sockeye::{
    HttpConfig, Prepared,
    engine::{EngineConfig, Transport},
};
use tokio::io::AsyncReadExt as _;

use super::served::{CAP, POLLING, Served, WEBSOCKET, serve, serve_engine};

fn with(engine: EngineConfig) -> Served {
    serve_engine(engine, HttpConfig::default())
}

#[actix_web::test]
async fn a_transport_that_is_off_is_unknown_and_not_announced() {
    let only_polling = with(EngineConfig::default().with_transports(Transport::Polling));
    let only_websocket = with(EngineConfig::default().with_transports(Transport::WebSocket));

    let open = only_polling.get(POLLING, &[]).await;
    let upgrade = only_polling.upgrade(WEBSOCKET, &[]).await;
    let poll = only_websocket.get(POLLING, &[]).await;
    let websocket = only_websocket.upgrade(WEBSOCKET, &[]).await;

    assert!(open.text().contains(r#""upgrades":[]"#));
    // Without WebSocket an upgrade is a request like any other.
    let unknown = r#"{"code":0,"message":"Transport unknown"}"#;
    assert_eq!((upgrade.status, upgrade.text()), (400, unknown));
    assert_eq!((poll.status, poll.text()), (400, unknown));
    assert_eq!(websocket.status, 101);
}

#[actix_web::test]
async fn upgrades_that_are_not_announced_are_still_served() {
    let served = with(EngineConfig::default().with_allow_upgrades(false));

    let open = served.get(POLLING, &[]).await;
    let query = format!("{WEBSOCKET}&sid={}", open.sid());
    let upgrade = served.upgrade(&query, &[]).await;

    assert!(open.text().contains(r#""upgrades":[]"#));
    assert_eq!(upgrade.status, 101);
}

#[actix_web::test]
async fn both_transports_are_on_by_default() {
    let served = serve(HttpConfig::default());

    let open = served.get(POLLING, &[]).await;

    assert!(open.text().contains(r#""upgrades":["websocket"]"#));
}

#[actix_web::test]
async fn the_initial_packet_follows_the_open_packet() {
    let served = with(EngineConfig::default().with_initial_packet(Prepared::text("hello")));

    let polling = served.get(POLLING, &[]).await;
    let mut websocket = served.upgrade(WEBSOCKET, &[]).await;
    let mut frames = std::mem::take(&mut websocket.body);
    let whole = async {
        while !frames.ends_with(b"}\x81\x064hello") {
            assert_ne!(websocket.stream.read_buf(&mut frames).await.unwrap(), 0);
        }
    };

    assert!(polling.text().ends_with("}\u{1e}4hello"));
    tokio::time::timeout(CAP, whole).await.expect("two frames");
}

#[actix_web::test]
async fn sessions_are_counted_by_transport() {
    let served = serve(HttpConfig::default());
    let engine = served.io.engine().clone();
    let counts = || {
        (
            engine.session_count_on(Transport::Polling),
            engine.session_count_on(Transport::WebSocket),
        )
    };

    let query = served.open().await;
    let websocket = served.upgrade(WEBSOCKET, &[]).await;
    let both = counts();
    served.post(&query, "1").await;
    drop(websocket);
    let emptied = async {
        while counts() != (0, 0) {
            tokio::task::yield_now().await;
        }
    };

    assert_eq!(both, (1, 1));
    tokio::time::timeout(CAP, emptied)
        .await
        .expect("no session");
}

#[actix_web::test]
async fn an_upgrade_moves_a_session_from_one_count_to_the_other() {
    use tokio::io::AsyncWriteExt as _;

    let served = serve(HttpConfig::default());
    let engine = served.io.engine().clone();
    let query = served.open().await;
    let mut upgrade = served
        .upgrade(&query.replace("polling", "websocket"), &[])
        .await;

    // Masked with zeros: `2probe` and, without waiting for the answer, `5`.
    let frames = b"\x81\x86\0\0\0\x002probe\x81\x81\0\0\0\x005";
    upgrade.stream.write_all(frames).await.unwrap();
    let moved = async {
        while engine.session_count_on(Transport::WebSocket) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(CAP, moved).await.expect("an upgrade");

    assert_eq!(engine.session_count_on(Transport::Polling), 0);
    assert_eq!(engine.session_count(), 1);
}
