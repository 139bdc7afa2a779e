use std::time::Duration;

use actix_web::http::StatusCode;
use sockeye::{AllowedOrigins, Cors, HttpConfig};

use super::served::{Answer, POLLING, Served, WEBSOCKET, serve};

fn served(cors: Cors) -> Served {
    serve(HttpConfig::default().with_cors(cors))
}

async fn from(served: &Served, origin: &str) -> Answer {
    served.get(POLLING, &[("origin", origin)]).await
}

/// Returns what the answer says about origins.
fn origins(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (
        answer.header("access-control-allow-origin"),
        answer.header("vary"),
    )
}

#[actix_web::test]
async fn each_kind_of_origins_answers_as_the_reference() {
    let list = ["https://a.test".parse().unwrap()];
    let cases = [
        (AllowedOrigins::Any, Some("*"), Some("*"), None),
        (
            AllowedOrigins::Fixed("https://a.test".to_owned()),
            Some("https://a.test"),
            Some("https://a.test"),
            Some("Origin"),
        ),
        (
            AllowedOrigins::Reflect,
            Some("https://a.test"),
            Some("https://b.test"),
            Some("Origin"),
        ),
        (
            AllowedOrigins::List(list.to_vec()),
            Some("https://a.test"),
            None,
            Some("Origin"),
        ),
        (
            AllowedOrigins::matching(|origin| origin.ends_with("//a.test")),
            Some("https://a.test"),
            None,
            Some("Origin"),
        ),
    ];

    for (allowed, ours, foreign, vary) in cases {
        let served = served(Cors::new(allowed.clone()));
        let (a, b) = (
            from(&served, "https://a.test").await,
            from(&served, "https://b.test").await,
        );

        assert_eq!(origins(&a), (ours, vary), "{allowed:?}");
        assert_eq!(origins(&b), (foreign, vary), "{allowed:?}");
        assert_eq!((a.status, b.status), (200, 200), "{allowed:?}");
    }
}

#[actix_web::test]
async fn nothing_is_said_without_the_option() {
    let served = serve(HttpConfig::default());

    let answer = from(&served, "https://a.test").await;
    let preflight = served.request("OPTIONS", "/socket.io/", &[], "").await;

    assert!(
        !answer
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-") || name == "vary")
    );
    assert_eq!(
        preflight.text(),
        r#"{"code":0,"message":"Transport unknown"}"#
    );
}

#[actix_web::test]
async fn a_preflight_is_answered_before_anything_is_checked() {
    let served = served(Cors::new(AllowedOrigins::Any));

    let answer = served
        .request(
            "OPTIONS",
            "/socket.io/?sid=bogus",
            &[("access-control-request-headers", "x-one,x-two")],
            "",
        )
        .await;
    let bare = served.request("OPTIONS", "/socket.io/x", &[], "").await;

    assert_eq!(answer.status, 204);
    let methods = Some("GET,HEAD,PUT,PATCH,POST,DELETE");
    assert_eq!(answer.header("access-control-allow-methods"), methods);
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("x-one,x-two")
    );
    assert_eq!(
        answer.header("vary"),
        Some("Access-Control-Request-Headers")
    );
    assert_eq!(answer.header("access-control-max-age"), None);
    assert_eq!(bare.header("access-control-allow-headers"), None);
    assert_eq!(bare.header("vary"), Some("Access-Control-Request-Headers"));
}

#[actix_web::test]
async fn a_preflight_says_what_was_configured() {
    let cors = Cors::new(AllowedOrigins::Reflect)
        .methods(["GET", "POST"])
        .allowed_headers(["x-mine", "x-yours"])
        .exposed_headers(["x-seen"])
        .max_age(Duration::from_secs(600))
        .success_status(StatusCode::OK);
    let served = served(cors);

    let headers = [
        ("origin", "https://a.test"),
        ("access-control-request-headers", "x-other"),
    ];
    let answer = served.request("OPTIONS", "/socket.io/", &headers, "").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), Some("0"));
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET,POST")
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("x-mine,x-yours")
    );
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("x-seen")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[actix_web::test]
async fn every_kind_of_answer_has_the_headers() {
    let cors = Cors::new(AllowedOrigins::List(vec![
        "https://a.test".parse().unwrap(),
    ]))
    .credentials(true)
    .exposed_headers(["x-seen"]);
    let served = served(cors);
    let headers = [("origin", "https://a.test")];

    let answers = [
        served.get(POLLING, &headers).await,
        served.upgrade(WEBSOCKET, &headers).await,
        served.get("EIO=4&transport=none", &headers).await,
        served.upgrade("EIO=4&transport=none", &headers).await,
    ];

    for (answer, status) in answers.iter().zip([200, 101, 400, 400]) {
        assert_eq!(answer.status, status);
        assert_eq!(origins(answer), (Some("https://a.test"), Some("Origin")));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("x-seen")
        );
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}
