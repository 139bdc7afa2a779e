use std::io::Read as _;

use actix_web::App;
use flate2::read::{GzDecoder, ZlibDecoder};
use sockeye::{
    Compression, Handshake, HttpConfig, Message, Prepared,
    engine::{Application, CloseReason, Connection, Engine, EngineConfig, Receiver},
};

use super::served::{Answer, POLLING, Served, listen, request, serve};

fn compressing() -> HttpConfig {
    HttpConfig::default().with_compression(Compression::default())
}

/// Connects a socket, which then gets this text, and polls for it.
async fn poll(served: &Served, text: &str, accept: &[(&str, &str)]) -> Answer {
    let query = served.open().await;
    served.post(&query, "40").await;
    served.get(&query, &[]).await;
    let everyone = served.io.of("/").unwrap();
    everyone.emit("news", text).unwrap();
    served.get(&query, accept).await
}

fn gunzip(answer: &Answer) -> String {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(&*answer.body);
    decoder.read_to_string(&mut text).unwrap();
    text
}

#[actix_web::test]
async fn a_large_payload_is_compressed_as_the_client_prefers() {
    let served = serve(compressing());
    let text = "é".repeat(1000);

    let gzip = poll(&served, &text, &[("accept-encoding", "gzip, deflate, br")]).await;
    let deflate = poll(&served, &text, &[("accept-encoding", "deflate, gzip")]).await;
    let brotli = poll(&served, &text, &[("accept-encoding", "br")]).await;
    let silent = poll(&served, &text, &[]).await;

    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.len() < 200, "{}", gzip.body.len());
    assert_eq!(gunzip(&gzip), silent.text());
    assert_eq!(gzip.header("cache-control"), Some("no-store"));
    assert_eq!(deflate.header("content-encoding"), Some("deflate"));
    let mut inflated = String::new();
    let mut decoder = ZlibDecoder::new(&*deflate.body);
    decoder.read_to_string(&mut inflated).unwrap();
    assert_eq!(inflated, silent.text());
    assert_eq!(brotli.header("content-encoding"), None);
    assert_eq!(silent.header("content-encoding"), None);
    assert!(silent.text().starts_with(r#"42["news","é"#));
}

#[actix_web::test]
async fn the_threshold_counts_bytes_and_is_included() {
    let accept = [("accept-encoding", "gzip")];
    let served = serve(compressing());
    // 42["news","…"] is 13 bytes and the text.
    let text = "é".repeat(505);

    let below = poll(&served, &text, &accept).await;
    let at = poll(&served, &format!("a{text}"), &accept).await;

    assert_eq!(below.body.len(), 1023);
    assert_eq!(below.header("content-encoding"), None);
    assert_eq!(at.header("content-encoding"), Some("gzip"));
    assert_eq!(gunzip(&at).len(), 1024);
}

#[actix_web::test]
async fn a_very_large_payload_is_compressed_too() {
    let served = serve(compressing());

    let answer = poll(
        &served,
        &"a".repeat(200_000),
        &[("accept-encoding", "gzip")],
    )
    .await;

    assert_eq!(gunzip(&answer).len(), 200_013);
}

#[actix_web::test]
async fn no_threshold_compresses_the_open_packet() {
    let accept = [("accept-encoding", "gzip")];
    let all =
        serve(HttpConfig::default().with_compression(Compression::default().with_threshold(0)));

    let open = all.get(POLLING, &accept).await;

    assert!(gunzip(&open).starts_with(r#"0{"sid":""#));
}

#[actix_web::test]
async fn nothing_is_compressed_by_default() {
    let served = serve(HttpConfig::default());

    let large = poll(&served, &"a".repeat(2000), &[("accept-encoding", "gzip")]).await;

    assert_eq!(large.header("content-encoding"), None);
}

#[actix_web::test]
async fn a_payload_in_which_nothing_is_compressible_is_left_alone() {
    let accept = [("accept-encoding", "gzip")];
    let engine = Engine::new(EngineConfig::default(), Plain).unwrap();
    let address = listen(move || App::new().service(engine.service("/socket.io", compressing())));
    let get = async |query: &str| {
        request(address, "GET", &format!("/socket.io/?{query}"), &accept, "").await
    };
    let sid = get(POLLING).await.sid().to_owned();
    let query = format!("{POLLING}&sid={sid}");

    let target = format!("/socket.io/?{query}");
    request(address, "POST", &target, &[], "4again").await;
    let plain = get(&query).await;

    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.body.len(), 2001);
}

/// Answers each message with a long one that is not worth compressing.
struct Plain;

impl Application for Plain {
    fn connect(&self, connection: &Connection, _: Handshake) -> Box<dyn Receiver> {
        Box::new(PlainReceiver(connection.clone()))
    }
}

struct PlainReceiver(Connection);

impl Receiver for PlainReceiver {
    fn message(&self, _: Message) {
        let long = Prepared::text(&"a".repeat(2000));
        self.0.send(&long.without_compression()).unwrap();
    }

    fn closed(&self, _: CloseReason) {}
}

#[actix_web::test]
async fn an_emit_says_whether_it_is_worth_compressing() {
    let served = serve(compressing());
    let text = "é".repeat(1000);
    let accept = [("accept-encoding", "gzip")];
    let mut encodings = Vec::new();

    for compress in [true, false] {
        let query = served.open().await;
        served.post(&query, "40").await;
        served.get(&query, &[]).await;
        let socket = served.io.root().sockets().pop().unwrap();
        socket.compress(compress).emit("one", &text).unwrap();
        let to_one = served.get(&query, &accept).await;
        let everyone = served.io.root().compress(compress);
        everyone.emit("all", &text).unwrap();
        let to_all = served.get(&query, &accept).await;
        for answer in [to_one, to_all] {
            encodings.push(answer.header("content-encoding").map(str::to_owned));
        }
        socket.disconnect(true).await;
    }

    let gzip = Some("gzip".to_owned());
    assert_eq!(encodings, [gzip.clone(), gzip, None, None]);
}
