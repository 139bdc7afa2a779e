//! Clients that open a session and reach no namespace, by a clock that the test moves: how long they
//! hold their places.

use std::time::Duration;

use actix_http::Request;
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::StatusCode,
    test,
};
use sockeye::{Admission, Namespace, RouterConfig, SocketIo, SocketRef};
use tokio::time::{Instant, pause, sleep_until};

/// A server with one namespace, and the App that serves it.
macro_rules! served {
    () => {
        served!(Namespace::new("/"))
    };
    ($namespace:expr) => {{
        let io = SocketIo::builder()
            .router(RouterConfig::default().with_connect_timeout(DEADLINE))
            // So that places are counted.
            .admission(Admission::default().max_sessions(10))
            .namespace($namespace)
            .build()
            .unwrap();
        let app = test::init_service(App::new().service(io.service())).await;
        (io, app)
    }};
}

#[actix_web::test]
async fn one_that_does_not_even_poll_is_gone_at_its_deadline() {
    pause();
    let (io, app) = served!();
    // The second is told of a namespace that isn't there, but doesn't ask.
    for packets in [None, Some("40/nowhere,")] {
        let start = Instant::now();
        let session = open(&app).await;
        if let Some(packets) = packets {
            post(&app, &session, packets).await;
        }

        sleep_until(start + DEADLINE - MS).await;
        assert_eq!(places(&io), 1);
        sleep_until(start + DEADLINE + 50 * MS).await;

        assert_eq!(places(&io), 0, "{packets:?}");
        let (status, body) = get(&app, &session).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body, r#"{"code":1,"message":"Session ID unknown"}"#);
    }
}

#[actix_web::test]
async fn one_that_polls_is_told_at_its_deadline() {
    pause();
    let (io, app) = served!();
    let start = Instant::now();
    let session = open(&app).await;

    let (_, told) = get(&app, &session).await;

    assert_eq!(told, "1");
    assert!(start.elapsed() < DEADLINE + 50 * MS);
    assert_eq!(places(&io), 0);
}

#[actix_web::test]
async fn one_that_breaks_the_protocol_has_two_seconds_to_hear_so() {
    pause();
    let (io, app) = served!();
    let session = open(&app).await;
    post(&app, &session, "42[]").await;
    sleep_until(Instant::now() + Duration::from_secs(1)).await;
    let (_, told) = get(&app, &session).await;
    assert_eq!(told, "6\u{1e}1");

    let session = open(&app).await;
    let start = Instant::now();
    post(&app, &session, "42[]").await;
    sleep_until(start + Duration::from_millis(1950)).await;
    assert_eq!(places(&io), 1);
    sleep_until(start + Duration::from_millis(2050)).await;

    assert_eq!(places(&io), 0);
    let (status, _) = get(&app, &session).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn one_that_was_let_in_has_half_a_minute_to_fetch_what_is_queued() {
    async fn leave(socket: SocketRef) {
        socket.disconnect(true);
    }
    pause();
    let (io, app) = served!(Namespace::new("/").on("leave", leave));
    let session = open(&app).await;
    let start = Instant::now();
    post(&app, &session, "40\u{1e}42[\"leave\"]").await;

    sleep_until(start + Duration::from_secs(29)).await;
    assert_eq!(places(&io), 1);
    let (_, told) = get(&app, &session).await;
    let (_, last) = get(&app, &session).await;
    sleep_until(Instant::now() + MS).await;

    assert!(told.ends_with("\u{1e}41"), "{told}");
    assert_eq!(last, "6\u{1e}1");
    assert_eq!(places(&io), 0);
}

/// How many sessions hold a place.
fn places(io: &SocketIo) -> usize {
    io.engine().admission_stats().sessions
}

async fn open<S, B>(app: &S) -> String
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let (status, opened) = get(app, POLLING).await;
    assert_eq!(status, StatusCode::OK);
    let (_, sid) = opened.split_once("\"sid\":\"").unwrap();
    format!("{POLLING}&sid={}", &sid[..20])
}

async fn get<S, B>(app: &S, target: &str) -> (StatusCode, String)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    exchange(app, test::TestRequest::get().uri(target)).await
}

async fn post<S, B>(app: &S, target: &str, packets: &'static str)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let request = test::TestRequest::post().uri(target).set_payload(packets);
    let (status, body) = exchange(app, request).await;
    assert_eq!((status, &*body), (StatusCode::OK, "ok"));
}

async fn exchange<S, B>(app: &S, request: test::TestRequest) -> (StatusCode, String)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let response = app.call(request.to_request()).await.unwrap();
    let status = response.status();
    let body = test::read_body(response).await;
    (status, String::from_utf8(body.to_vec()).unwrap())
}

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

const DEADLINE: Duration = Duration::from_secs(10);

const MS: Duration = Duration::from_millis(1);
