//! Notifications attached to responses: emitted when the handler has succeeded, and only then.

use actix_web::{
    App, Error, HttpResponse, Responder,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    error::ErrorConflict,
    http::StatusCode,
    middleware::{DefaultHeaders, ErrorHandlerResponse, ErrorHandlers},
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde_json::{Value, json};
use sockeye::{
    Args, EmitOnSuccess, Namespace, Notification, NotificationError, Notify, SocketIo, SocketRef,
};

fn server() -> SocketIo {
    async fn enter(socket: SocketRef, Args(rooms): Args<Vec<String>>) {
        socket.join(rooms).await;
    }
    SocketIo::builder()
        .namespace(Namespace::new("/").on("enter", enter))
        .build()
        .unwrap()
}

fn record(rooms: &[&str]) -> Result<Notification, NotificationError> {
    Ok(Notification::new("record", &json!({"id": 7}))?.to(rooms.to_vec()))
}

async fn create(rooms: web::Json<Vec<String>>) -> Result<impl Responder, NotificationError> {
    let rooms: Vec<_> = rooms.iter().map(String::as_str).collect();
    Ok(HttpResponse::Created().finish().notify(record(&rooms)?))
}

async fn twice() -> Result<impl Responder, NotificationError> {
    let second = Notification::new("second", &("a", 2))?;
    Ok(web::Json("body").notify(record(&["a"])?).notify(second))
}

async fn see_other() -> Result<impl Responder, NotificationError> {
    Ok(web::Redirect::to("/elsewhere")
        .see_other()
        .notify(record(&["a"])?))
}

async fn refused() -> Result<impl Responder, NotificationError> {
    Ok(HttpResponse::Conflict().finish().notify(record(&["a"])?))
}

async fn failed() -> Result<HttpResponse, Error> {
    Err(ErrorConflict("taken"))
}

async fn unencodable() -> Result<impl Responder, NotificationError> {
    let keys_are_no_text = std::collections::HashMap::from([((1, 2), 3)]);
    let notification = Notification::new("record", &keys_are_no_text)?;
    Ok(HttpResponse::Ok().finish().notify(notification))
}

async fn nowhere() -> Result<impl Responder, NotificationError> {
    let nowhere = Notification::new("record", &1)?.of("/nowhere");
    Ok(HttpResponse::Ok().finish().notify(nowhere))
}

fn routes(app: &mut web::ServiceConfig) {
    app.route("/create", web::post().to(create))
        .route("/twice", web::post().to(twice))
        .route("/see-other", web::post().to(see_other))
        .route("/refused", web::post().to(refused))
        .route("/failed", web::post().to(failed))
        .route("/unencodable", web::post().to(unencodable))
        .route("/nowhere", web::post().to(nowhere));
}

/// A socket in these rooms, by polling.
struct Peer {
    uri: String,
}

impl Peer {
    async fn enter<S, B>(app: &S, rooms: &[&str]) -> Self
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        let uri = "/socket.io/?EIO=4&transport=polling";
        let open = TestRequest::get().uri(uri).to_request();
        let open = read_body(call_service(app, open).await).await;
        let open: Value = serde_json::from_slice(&open[1..]).unwrap();
        let uri = format!("{uri}&sid={}", open["sid"].as_str().unwrap());
        let enter = format!("40\u{1e}42{}", json!(["enter", rooms]));
        let post = TestRequest::post().uri(&uri).set_payload(enter);
        call_service(app, post.to_request()).await;
        let peer = Self { uri };
        peer.received(app).await;
        peer
    }

    async fn received<S, B>(&self, app: &S) -> String
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        let poll = TestRequest::get().uri(&self.uri).to_request();
        let body = read_body(call_service(app, poll).await).await;
        String::from_utf8(body.to_vec()).unwrap()
    }
}

async fn post<S, B>(app: &S, uri: &str, body: Value) -> StatusCode
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
{
    let request = TestRequest::post().uri(uri).set_json(body).to_request();
    call_service(app, request).await.status()
}

const RECORD: &str = r#"42["record",{"id":7}]"#;

#[actix_web::test]
async fn every_socket_of_the_rooms_gets_one_and_no_other_socket() {
    let io = server();
    let emit = EmitOnSuccess::new(io.clone());
    let app = App::new()
        .wrap(emit)
        .configure(io.mount())
        .configure(routes);
    let app = init_service(app).await;
    let both = Peer::enter(&app, &["a", "b"]).await;
    let one = Peer::enter(&app, &["b"]).await;
    let other = Peer::enter(&app, &["c"]).await;

    let status = post(&app, "/create", json!(["a", "b"])).await;
    io.of("/").unwrap().emit("end", &()).unwrap();

    assert_eq!(status, StatusCode::CREATED);
    let end = r#"42["end"]"#;
    assert_eq!(both.received(&app).await, format!("{RECORD}\u{1e}{end}"));
    assert_eq!(one.received(&app).await, format!("{RECORD}\u{1e}{end}"));
    assert_eq!(other.received(&app).await, end);
}

#[actix_web::test]
async fn several_go_out_in_the_order_in_which_they_were_attached() {
    let io = server();
    let emit = EmitOnSuccess::new(io.clone());
    let app = App::new()
        .wrap(emit)
        .wrap(DefaultHeaders::new().add(("x-app", "mine")))
        .configure(io.mount())
        .configure(routes);
    let app = init_service(app).await;
    let peer = Peer::enter(&app, &["a"]).await;

    let statuses = [
        post(&app, "/twice", json!(null)).await,
        post(&app, "/see-other", json!(null)).await,
    ];

    assert_eq!(statuses, [StatusCode::OK, StatusCode::SEE_OTHER]);
    let expected = format!("{RECORD}\u{1e}42[\"second\",\"a\",2]\u{1e}{RECORD}");
    assert_eq!(peer.received(&app).await, expected);
}

#[actix_web::test]
async fn what_fails_emits_nothing_and_no_rooms_are_nobody() {
    let io = server();
    let fail = ErrorHandlers::new().handler(StatusCode::CREATED, |mut response| {
        let is_test = response.request().path() == "/made-to-fail/create";
        if is_test {
            *response.response_mut().status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        Ok(ErrorHandlerResponse::Response(
            response.map_into_left_body(),
        ))
    });
    let emit = EmitOnSuccess::new(io.clone());
    let app = App::new()
        .wrap(emit)
        .configure(io.mount())
        .service(web::scope("/made-to-fail").wrap(fail).configure(routes));
    let app = init_service(app.configure(routes)).await;
    let peer = Peer::enter(&app, &["a"]).await;

    let failures = [
        post(&app, "/refused", json!(null)).await,
        post(&app, "/failed", json!(null)).await,
        post(&app, "/unencodable", json!(null)).await,
        post(&app, "/made-to-fail/create", json!(["a"])).await,
    ];
    let to_nobody = post(&app, "/create", json!([])).await;
    let to_nowhere = post(&app, "/nowhere", json!(null)).await;
    io.of("/").unwrap().emit("end", &()).unwrap();

    assert!(
        failures.iter().all(|status| !status.is_success()),
        "{failures:?}"
    );
    assert_eq!(to_nobody, StatusCode::CREATED);
    assert_eq!(to_nowhere, StatusCode::OK);
    assert_eq!(peer.received(&app).await, r#"42["end"]"#);
}

#[actix_web::test]
async fn without_the_middleware_nothing_is_emitted() {
    let io = server();
    let app = App::new().configure(io.mount()).configure(routes);
    let app = init_service(app).await;
    let peer = Peer::enter(&app, &["a"]).await;

    let status = post(&app, "/create", json!(["a"])).await;
    io.of("/").unwrap().emit("end", &()).unwrap();

    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(peer.received(&app).await, r#"42["end"]"#);
}
