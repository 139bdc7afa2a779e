//! Engine.IO alone: what an application of one's own may do, and what its panic costs.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{
    App,
    dev::{Service, ServiceResponse},
    http::StatusCode,
    test::{TestRequest, call_service, init_service, read_body},
};
use sockeye::{
    Admission, Handshake, HttpConfig, Message, Prepared,
    engine::{Application, CloseReason, Connection, Engine, EngineConfig, Receiver},
};

/// Greets with the open packet, echoes, and panics when told to.
struct Fragile;

impl Application for Fragile {
    fn connect(&self, connection: &Connection, _: Handshake) -> Box<dyn Receiver> {
        connection.send(&Prepared::text("hello")).unwrap();
        Box::new(FragileReceiver(connection.clone()))
    }
}

struct FragileReceiver(Connection);

impl Receiver for FragileReceiver {
    fn message(&self, message: Message) {
        match message {
            Message::Text(text) if text == "panic" => panic!("on purpose"),
            Message::Text(text) => self.0.send(&Prepared::text(&text)).unwrap(),
            Message::Binary(data) => self.0.send(&Prepared::binary(data)).unwrap(),
        }
    }

    fn closed(&self, _: CloseReason) {
        panic!("on purpose");
    }
}

async fn send<S, B>(app: &S, request: TestRequest) -> ServiceResponse<B>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    call_service(app, request.to_request()).await
}

#[actix_web::test]
async fn a_panic_costs_its_own_session_only() {
    let engine = Engine::new(EngineConfig::default(), Fragile).unwrap();
    let service = engine.service("/engine.io", HttpConfig::default());
    let app = init_service(App::new().service(service)).await;
    let open = async || {
        let request = TestRequest::get().uri("/engine.io/?EIO=4&transport=polling");
        let body = read_body(send(&app, request).await).await;
        assert!(body.ends_with(b"\x1e4hello"));
        let text = String::from_utf8(body.to_vec()).unwrap();
        let sid = text.split('"').nth(3).unwrap();
        format!("/engine.io/?EIO=4&transport=polling&sid={sid}")
    };
    let (unlucky, lucky) = (open().await, open().await);

    let post = |uri: &str, body: &'static str| TestRequest::post().uri(uri).set_payload(body);
    send(&app, post(&unlucky, "4panic")).await;
    let gone = send(&app, TestRequest::get().uri(&unlucky)).await;
    send(&app, post(&lucky, "4still here")).await;
    let echo = read_body(send(&app, TestRequest::get().uri(&lucky)).await).await;

    assert_eq!(gone.status(), StatusCode::BAD_REQUEST);
    assert_eq!(echo, "4still here");
    assert_eq!(engine.session_count(), 1);
}

/// Panics at the first connection, and with the second when its queue is empty again.
#[derive(Default)]
struct Unfit(AtomicUsize);

impl Application for Unfit {
    fn connect(&self, connection: &Connection, _: Handshake) -> Box<dyn Receiver> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("on purpose"),
            1 => connection.when_drained(Box::new(|| panic!("on purpose"))),
            _ => connection.when_drained(Box::new(|| ())),
        }
        connection.send(&Prepared::text("hello")).unwrap();
        Box::new(FragileReceiver(connection.clone()))
    }
}

#[actix_web::test]
async fn a_panic_on_the_way_leaves_no_session_and_stops_no_other() {
    let admission = Admission::default().max_sessions(1);
    let config = EngineConfig::default();
    let engine = Engine::with_admission(config, admission, Unfit::default()).unwrap();
    let service = engine.service("/engine.io", HttpConfig::default());
    let app = init_service(App::new().service(service)).await;
    let open = async || {
        let request = TestRequest::get().uri("/engine.io/?EIO=4&transport=polling");
        send(&app, request).await.status()
    };

    // What is left of a session goes at the end of a turn.
    let all_gone = async || {
        while engine.stats().held > 0 {
            tokio::task::yield_now().await;
        }
    };

    let at_connecting = open().await;
    all_gone().await;
    let when_drained = open().await;
    all_gone().await;
    let healthy = open().await;

    assert_ne!(at_connecting, StatusCode::OK);
    assert_eq!(when_drained, StatusCode::OK);
    assert_eq!(healthy, StatusCode::OK);
    assert_eq!(engine.session_count(), 1);
}
