use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue, SERVER},
};
use sockeye::{ConnectionError, Forbidden, HttpConfig, Intercept, engine::Transport};

use super::served::{POLLING, Served, WEBSOCKET, serve};

async fn only_members(request: HttpRequest) -> Result<(), Forbidden> {
    tokio::task::yield_now().await;
    match request.headers().get("x-member") {
        Some(_) => Ok(()),
        None if request.headers().contains_key("x-why") => Err("members \"only\"".into()),
        None => Err(Forbidden::default()),
    }
}

#[actix_web::test]
async fn a_handshake_that_is_not_allowed_is_forbidden() {
    let served = serve(HttpConfig::default().with_allow_request(only_members));

    let plain = served.get(POLLING, &[]).await;
    let told = served.get(POLLING, &[("x-why", "1")]).await;
    let websocket = served.upgrade(WEBSOCKET, &[]).await;
    let websocket_told = served.upgrade(WEBSOCKET, &[("x-why", "1")]).await;
    let refused = served.io.engine().session_count();
    let member = served.get(POLLING, &[("x-member", "1")]).await;

    assert_eq!(plain.status, 403);
    assert_eq!(plain.header("content-type"), Some("application/json"));
    assert_eq!(plain.text(), r#"{"code":4,"message":"Forbidden"}"#);
    assert_eq!(told.text(), r#"{"code":4,"message":"members \"only\""}"#);
    assert_eq!((websocket.status, websocket.text()), (400, "Forbidden"));
    assert_eq!(websocket.header("content-type"), Some("text/html"));
    assert_eq!(websocket_told.text(), "members \"only\"");
    assert_eq!(refused, 0);
    assert_eq!(member.status, 200);
}

#[actix_web::test]
async fn only_handshakes_that_are_right_otherwise_are_asked_about() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let served = serve(HttpConfig::default().with_allow_request(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok(()) }
    }));

    served.get("EIO=4&transport=none", &[]).await;
    served.get("EIO=4&transport=websocket", &[]).await;
    served.post(POLLING, "").await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);

    let query = served.open().await;
    served.post(&query, "40").await;
    served.get(&query, &[]).await;
    let upgrade = query.replace("polling", "websocket");
    let upgrade = served.upgrade(&upgrade, &[]).await;
    assert_eq!(upgrade.status, 101);
    assert_eq!(calls.load(Ordering::Relaxed), 1);

    // As in the reference server, an application may see a revision that is refused later.
    let old = served.get("EIO=3&transport=polling", &[]).await;
    assert_eq!(
        old.text(),
        r#"{"code":5,"message":"Unsupported protocol version"}"#
    );
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[actix_web::test]
async fn an_argument_that_can_not_be_extracted_forbids() {
    let hook = |_: actix_web::web::ReqData<u32>| async { Ok(()) };
    let served = serve(HttpConfig::default().with_allow_request(hook));

    let answer = served.get(POLLING, &[]).await;

    assert_eq!(answer.text(), r#"{"code":4,"message":"Forbidden"}"#);
}

fn tag(name: &'static str) -> impl Fn(&HttpRequest, &mut actix_web::http::header::HeaderMap) {
    move |_, headers| {
        let count = headers.len().to_string();
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_str(&count).unwrap());
    }
}

#[actix_web::test]
async fn headers_are_added_to_the_answers_that_are_none_of_refusals() {
    let http = HttpConfig::default()
        .with_headers(tag("x-each"))
        .with_headers(|_, headers| {
            headers.insert(SERVER, HeaderValue::from_static("mine"));
        })
        .with_initial_headers(tag("x-first"));
    let served = serve(http.clone());

    let open = served.get(POLLING, &[]).await;
    let query = format!("{POLLING}&sid={}", open.sid());
    let posted = served.post(&query, "40").await;
    let polled = served.get(&query, &[]).await;
    let upgraded = served
        .upgrade(&query.replace("polling", "websocket"), &[])
        .await;
    let websocket = served.upgrade(WEBSOCKET, &[]).await;
    let refused = served.get("EIO=4&transport=none", &[]).await;
    let too_large = format!("4{}", "a".repeat(1_000_000));
    let too_large = served.post(&query, &too_large).await;

    let seen = |answer: &super::served::Answer| {
        let number = |name| {
            answer
                .header(name)
                .map(|value| value.parse::<u32>().unwrap())
        };
        (number("x-first"), number("x-each"))
    };
    for first in [&open, &websocket] {
        let (initial, each) = seen(first);
        assert!(
            initial.unwrap() < each.unwrap(),
            "initial headers come first"
        );
    }
    for later in [&posted, &polled, &upgraded] {
        assert!(matches!(seen(later), (None, Some(_))), "{}", later.status);
        assert_eq!(later.header("server"), Some("mine"));
    }
    for error in [&refused, &too_large] {
        assert_eq!(seen(error), (None, None), "{}", error.status);
    }
    assert_eq!((upgraded.status, websocket.status), (101, 101));
    assert_eq!((refused.status, too_large.status), (400, 413));
}

#[actix_web::test]
async fn middlewares_run_in_turn_for_every_request_before_any_check() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (log.clone(), log.clone());
    let http = HttpConfig::default()
        .with_middleware(move |request: HttpRequest| {
            first.lock().unwrap().push("first");
            let headers = request.headers();
            let intercept = if headers.contains_key("x-refuse") {
                Intercept::Refuse
            } else if headers.contains_key("x-answer") {
                HttpResponse::ImATeapot().body("tea").into()
            } else {
                Intercept::Continue
            };
            async { intercept }
        })
        .with_middleware(move || {
            second.lock().unwrap().push("second");
            async {}
        });
    let served = serve(http);

    let refused = served.get("nonsense", &[("x-refuse", "1")]).await;
    let websocket = served.upgrade(WEBSOCKET, &[("x-refuse", "1")]).await;
    let answered = served.get(POLLING, &[("x-answer", "1")]).await;
    let passed = served.open().await;
    let posted = served.post(&passed, "40").await;

    assert_eq!(refused.status, 400);
    assert_eq!(refused.text(), r#"{"code":3,"message":"Bad request"}"#);
    assert_eq!((websocket.status, websocket.text()), (400, "Bad request"));
    assert_eq!((answered.status, answered.text()), (418, "tea"));
    assert_eq!(posted.text(), "ok");
    let expected = [
        "first", "first", "first", "first", "second", "first", "second",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[actix_web::test]
async fn the_application_may_make_the_identifiers_which_must_not_be_in_use() {
    let id = "node-1-AAAAAAAAAAAAA";
    let made = move |request: HttpRequest| async move {
        tokio::task::yield_now().await;
        let wanted = request.headers().get("x-id")?;
        wanted.to_str().ok()?.parse().ok()
    };
    let (served, errors) = watched(HttpConfig::default().with_generate_id(made));

    let open = served.get(POLLING, &[("x-id", id)]).await;
    let again = served.get(POLLING, &[("x-id", id)]).await;
    let websocket = served.upgrade(WEBSOCKET, &[("x-id", id)]).await;
    let none = served.get(POLLING, &[]).await;
    let posted = served.post(&format!("{POLLING}&sid={id}"), "40").await;

    assert_eq!(open.sid(), id);
    for refused in [&again, &none] {
        assert_eq!(refused.text(), r#"{"code":3,"message":"Bad request"}"#);
    }
    assert_eq!((websocket.status, websocket.text()), (400, "Bad request"));
    assert_eq!(posted.text(), "ok");
    assert_eq!(served.io.engine().session_count(), 1);
    let errors = errors.lock().unwrap();
    assert_eq!(*errors, [const { ConnectionError::IdGeneration }; 3]);
}

fn watched(http: HttpConfig) -> (Served, Arc<Mutex<Vec<ConnectionError>>>) {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let told = errors.clone();
    let http = http.with_connection_error(move |request, error| {
        assert!(request.path().starts_with("/socket.io/"));
        told.lock().unwrap().push(error.clone());
    });
    (serve(http), errors)
}

#[actix_web::test]
async fn every_refusal_is_told_with_its_reason() {
    let (served, errors) = watched(HttpConfig::default());
    let sid = "A".repeat(20);
    let live = served.open().await;
    let as_websocket = live.replace("polling", "websocket");

    served.get(&as_websocket, &[]).await;
    served.get("EIO=4&transport=constructor", &[]).await;
    served.get("EIO=4", &[]).await;
    served.get(&format!("{POLLING}&sid={sid}"), &[]).await;
    served.get(&format!("{POLLING}&sid=__proto__"), &[]).await;
    served.post(POLLING, "").await;
    served.get(WEBSOCKET, &[]).await;
    served.get("EIO=3&transport=polling", &[]).await;
    served.get("transport=polling", &[]).await;
    let bad = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "short"),
    ];
    let target = format!("/socket.io/?{WEBSOCKET}");
    served.request("GET", &target, &bad, "").await;

    let expected = [
        ConnectionError::TransportMismatch {
            requested: Transport::WebSocket,
        },
        ConnectionError::TransportUnknown {
            transport: Some("constructor".to_owned()),
        },
        ConnectionError::TransportUnknown { transport: None },
        ConnectionError::UnknownSid { sid },
        ConnectionError::UnknownSid {
            sid: "__proto__".to_owned(),
        },
        ConnectionError::BadHandshakeMethod {
            method: actix_web::http::Method::POST,
        },
        ConnectionError::TransportHandshake,
        ConnectionError::UnsupportedProtocolVersion {
            eio: Some("3".to_owned()),
        },
        ConnectionError::UnsupportedProtocolVersion { eio: None },
        ConnectionError::WebSocketHandshake,
    ];
    assert_eq!(*errors.lock().unwrap(), expected);
}

#[actix_web::test]
async fn refusals_of_the_application_are_told_too() {
    let http = HttpConfig::default()
        .with_allowed_origins(["https://a.test".parse().unwrap()])
        .with_middleware(|request: HttpRequest| async move {
            match request.headers().contains_key("x-refuse") {
                true => Intercept::Refuse,
                false => Intercept::Continue,
            }
        })
        .with_allow_request(|| async { Err("closed on mondays".into()) });
    let (served, errors) = watched(http);

    served.get(POLLING, &[("x-refuse", "1")]).await;
    served.get(POLLING, &[("origin", "https://b.test")]).await;
    served.get(POLLING, &[]).await;

    let errors = errors.lock().unwrap();
    let expected = [
        ConnectionError::Middleware,
        ConnectionError::Origin,
        ConnectionError::Forbidden("closed on mondays".into()),
    ];
    assert_eq!(*errors, expected);
    let codes: Vec<_> = errors.iter().map(|error| error.code().code()).collect();
    assert_eq!(codes, [3, 4, 4]);
    assert_eq!(errors[2].message(), "closed on mondays");
}

#[actix_web::test]
async fn a_preflight_is_no_business_of_middlewares() {
    let cors = sockeye::Cors::new(sockeye::AllowedOrigins::Any);
    let http = HttpConfig::default()
        .with_cors(cors)
        .with_middleware(|| async { Intercept::Refuse });
    let served = serve(http);

    let preflight = served.request("OPTIONS", "/socket.io/", &[], "").await;
    let refused = served.get(POLLING, &[]).await;

    assert_eq!(preflight.status, 204);
    assert_eq!(refused.status, 400);
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
}

#[actix_web::test]
async fn a_hook_that_panics_costs_its_request_only() {
    let http = HttpConfig::default().with_allow_request(|request: HttpRequest| async move {
        assert!(!request.headers().contains_key("x-panic"), "on purpose");
        Ok::<_, Forbidden>(())
    });
    let served = serve(http);

    let panicked = served.get(POLLING, &[("x-panic", "1")]).await;
    let other = served.get(POLLING, &[]).await;

    assert_eq!(panicked.status, 500);
    assert_eq!(other.status, 200);
}

#[actix_web::test]
async fn a_request_that_a_proxy_announces_as_an_upgrade_is_said_to_be_the_last() {
    let served = serve(HttpConfig::default());

    let answer = served.get(POLLING, &[("connection", "upgrade")]).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
}
