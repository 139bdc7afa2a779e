//! The service in other people's Apps: at any path, in a scope, beside routes, several times.

use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    guard,
    http::StatusCode,
    middleware::DefaultHeaders,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde_json::Value;
use sockeye::{
    AllowedOrigins, BuildServerError, Cors, HttpConfig, Namespace, SocketIo,
    engine::{EngineConfig, Transport},
};

fn io(path: &str) -> SocketIo {
    SocketIo::builder()
        .path(path)
        .namespace(Namespace::new("/"))
        .build()
        .unwrap()
}

async fn get<S, B>(app: &S, uri: &str) -> ServiceResponse<B>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    call_service(app, TestRequest::get().uri(uri).to_request()).await
}

/// Opens a session and returns its id.
async fn open<S, B>(app: &S, path: &str) -> String
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let response = get(app, &format!("{path}/?EIO=4&transport=polling")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = read_body(response).await;
    let open: Value = serde_json::from_slice(&body[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn the_path_and_a_slash_are_taken_and_nothing_else() {
    let app = init_service(App::new().service(io("/socket.io").service())).await;

    for (path, status) in [
        ("/socket.io/?EIO=4&transport=polling", StatusCode::OK),
        (
            "/socket.io/anything?EIO=4&transport=polling",
            StatusCode::OK,
        ),
        ("/socket.io?EIO=4&transport=polling", StatusCode::NOT_FOUND),
        (
            "/socket.iofoo/?EIO=4&transport=polling",
            StatusCode::NOT_FOUND,
        ),
        ("/SOCKET.IO/?EIO=4&transport=polling", StatusCode::NOT_FOUND),
        (
            "/x/socket.io/?EIO=4&transport=polling",
            StatusCode::NOT_FOUND,
        ),
        ("/socket.io/", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(get(&app, path).await.status(), status, "{path}");
    }
}

#[actix_web::test]
async fn it_lives_in_a_scope_beside_routes_and_under_their_middleware() {
    let app = init_service(
        App::new()
            .wrap(DefaultHeaders::new().add(("x-app", "mine")))
            .service(web::scope("/rt").service(io("/chat").service()))
            .route("/rt/hello", web::get().to(HttpResponse::Ok))
            .default_service(web::to(HttpResponse::ImATeapot)),
    )
    .await;

    let handshake = get(&app, "/rt/chat/?EIO=4&transport=polling").await;
    let elsewhere = get(&app, "/chat/?EIO=4&transport=polling").await;

    assert_eq!(handshake.status(), StatusCode::OK);
    assert_eq!(handshake.headers().get("x-app").unwrap(), "mine");
    assert_eq!(elsewhere.status(), StatusCode::IM_A_TEAPOT);
}

#[actix_web::test]
async fn several_servers_share_an_app_without_sharing_sessions() {
    let (a, b) = (io("/a"), io("/b"));
    let app = init_service(App::new().service(a.service()).service(b.service())).await;

    let sid = open(&app, "/a").await;
    let own = get(&app, &format!("/a/?EIO=4&transport=websocket&sid={sid}")).await;
    let foreign = get(&app, &format!("/b/?EIO=4&transport=polling&sid={sid}")).await;

    assert_eq!(
        read_body(own).await,
        r#"{"code":3,"message":"Bad request"}"#
    );
    assert_eq!(
        read_body(foreign).await,
        r#"{"code":1,"message":"Session ID unknown"}"#
    );
    assert_eq!(
        (a.engine().session_count(), b.engine().session_count()),
        (1, 0)
    );
}

#[actix_web::test]
async fn a_session_is_polled_and_posted_to() {
    let io = io("/socket.io");
    let app = init_service(App::new().service(io.service())).await;
    let sid = open(&app, "/socket.io").await;
    let uri = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");

    let post = TestRequest::post().uri(&uri).set_payload("40").to_request();
    let posted = read_body(call_service(&app, post).await).await;
    let connected = read_body(get(&app, &uri).await).await;
    io.of("/").unwrap().emit("news", &("a", 1)).unwrap();
    let news = read_body(get(&app, &uri).await).await;

    assert_eq!(posted, "ok");
    assert!(connected.starts_with(br#"40{"sid":""#));
    assert_eq!(news, r#"42["news","a",1]"#);
    assert_eq!(io.of("/").unwrap().socket_count(), 1);
}

#[actix_web::test]
async fn closing_refuses_new_sessions_and_ends_the_old() {
    let io = io("/socket.io");
    let app = init_service(App::new().service(io.service())).await;
    let sid = open(&app, "/socket.io").await;
    let uri = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");

    let waiting = get(&app, &uri);
    let closing = io.close(std::time::Duration::from_secs(60));
    let (polled, ()) = futures_util::future::join(waiting, closing).await;
    let late = get(&app, "/socket.io/?EIO=4&transport=polling").await;

    assert_eq!(read_body(polled).await, "1");
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(io.engine().session_count(), 0);
}

#[actix_web::test]
async fn a_transport_that_is_not_offered_is_unknown() {
    let config = EngineConfig::default().with_transports(Transport::WebSocket);
    let io = SocketIo::builder().engine(config).build().unwrap();
    let app = init_service(App::new().service(io.service())).await;

    let response = get(&app, "/socket.io/?EIO=4&transport=polling").await;

    assert_eq!(
        read_body(response).await,
        r#"{"code":0,"message":"Transport unknown"}"#
    );
}

#[actix_web::test]
async fn foreign_origins_are_refused_and_told_nothing() {
    let http = HttpConfig::default()
        .with_allowed_origins(["https://app.test".parse().unwrap()])
        .with_cors(Cors::new(AllowedOrigins::List(vec![
            "https://app.test".parse().unwrap(),
        ])));
    let io = SocketIo::builder().http(http).build().unwrap();
    let app = init_service(App::new().service(io.service())).await;
    let from = |origin: &'static str| {
        let request = TestRequest::get()
            .uri("/socket.io/?EIO=4&transport=polling")
            .insert_header(("origin", origin));
        call_service(&app, request.to_request())
    };

    let ours = from("https://app.test").await;
    let foreign = from("https://app.test.evil.test").await;

    assert_eq!(
        ours.headers().get("access-control-allow-origin").unwrap(),
        "https://app.test"
    );
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    assert!(
        foreign
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
    assert_eq!(foreign.headers().get("vary").unwrap(), "Origin");
    assert_eq!(
        read_body(foreign).await,
        r#"{"code":4,"message":"Forbidden"}"#
    );
}

#[test]
fn mistakes_are_reported_by_name() {
    let path = SocketIo::builder().path("no-slash").build().err().unwrap();
    let cors = Cors::new(AllowedOrigins::Any).credentials(true);
    let http = HttpConfig::default().with_cors(cors);
    let cors = SocketIo::builder().http(http).build().err().unwrap();
    let engine = EngineConfig::default().with_max_payload(0);
    let engine = SocketIo::builder().engine(engine).build().err().unwrap();

    assert!(matches!(path, BuildServerError::Path(path) if path == "no-slash"));
    assert!(matches!(cors, BuildServerError::Cors(_)));
    assert!(engine.to_string().contains("max_payload"), "{engine}");
}

#[derive(Clone)]
struct Chat(SocketIo);

/// Tells the sessions of the server that a handler gets.
async fn which(io: SocketIo) -> String {
    io.engine().session_count().to_string()
}

async fn which_chat(chat: web::Data<Chat>) -> String {
    which(chat.0.clone()).await
}

async fn text<S, B>(app: &S, uri: &str) -> String
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let body = read_body(get(app, uri).await).await;
    String::from_utf8(body.to_vec()).unwrap()
}

#[actix_web::test]
async fn handlers_get_the_server_that_is_mounted_nearest() {
    let (outer, inner, chat) = (io("/socket.io"), io("/socket.io"), io("/chat"));
    let app = App::new()
        .configure(outer.mount())
        .service(chat.service())
        .app_data(web::Data::new(Chat(chat.clone())))
        .route("/sessions", web::get().to(which))
        .route("/chat-sessions", web::get().to(which_chat))
        .service(
            web::scope("/inner")
                .configure(inner.mount())
                .route("/sessions", web::get().to(which)),
        );
    let app = init_service(app).await;
    open(&app, "/inner/socket.io").await;
    open(&app, "/chat").await;
    open(&app, "/chat").await;

    assert_eq!(text(&app, "/sessions").await, "0");
    assert_eq!(text(&app, "/inner/sessions").await, "1");
    assert_eq!(text(&app, "/chat-sessions").await, "2");
}

#[actix_web::test]
async fn a_server_in_app_data_is_found_bare_or_wrapped() {
    let (bare, wrapped) = (io("/bare"), io("/wrapped"));
    let apps = [
        App::new().app_data(bare),
        App::new().app_data(web::Data::new(wrapped)),
    ];

    for app in apps {
        let app = init_service(app.route("/sessions", web::get().to(which))).await;
        assert_eq!(get(&app, "/sessions").await.status(), StatusCode::OK);
    }
}

#[actix_web::test]
async fn a_handler_that_finds_no_server_is_a_fault_that_clients_learn_nothing_of() {
    let elsewhere = io("/socket.io");
    let app = App::new()
        .route("/sessions", web::get().to(which))
        .service(web::scope("/inner").configure(elsewhere.mount()));
    let app = init_service(app).await;

    let response = get(&app, "/sessions").await;

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(read_body(response).await, "Internal server error");
}

#[actix_web::test]
async fn guards_choose_between_servers_at_one_path() {
    let (ours, theirs) = (io("/socket.io"), io("/socket.io"));
    let app = App::new()
        .service(
            web::scope("")
                .guard(guard::Host("ours.test"))
                .configure(ours.mount())
                .route("/sessions", web::get().to(which)),
        )
        .configure(theirs.mount())
        .route("/sessions", web::get().to(which));
    let app = init_service(app).await;
    let at = |host: &'static str, uri: &str| {
        let request = TestRequest::get().uri(uri).insert_header(("host", host));
        call_service(&app, request.to_request())
    };

    let handshake = at("ours.test", "/socket.io/?EIO=4&transport=polling").await;
    let ours_sees = read_body(at("ours.test", "/sessions").await).await;
    let theirs_sees = read_body(at("theirs.test", "/sessions").await).await;

    assert_eq!(handshake.status(), StatusCode::OK);
    assert_eq!(ours_sees, "1");
    assert_eq!(theirs_sees, "0");
    assert_eq!(theirs.engine().session_count(), 0);
}
