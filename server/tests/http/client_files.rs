use std::{fs, path::Path};

use actix_web::{App, web};
use sockeye::{AllowedOrigins, BuildServerError, Cors, HttpConfig, SocketIo};
use tempfile::TempDir;

use super::served::{Answer, Served, listen, request, serve};

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("socket.io.js", "plain"),
        ("socket.io.min.js", "0123456789"),
        ("socket.io.min.js.gz", "gzipped"),
        ("socket.io.min.js.br", "brotli"),
        ("socket.io.min.js.map", "{}"),
        ("secret.js", "secret"),
    ] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

fn served(directory: &Path) -> Served {
    let cors = Cors::new(AllowedOrigins::Any);
    let http = HttpConfig::default().with_client_files(directory);
    serve(http.with_cors(cors))
}

async fn get(served: &Served, name: &str, headers: &[(&str, &str)]) -> Answer {
    let target = format!("/socket.io/{name}");
    served.request("GET", &target, headers, "").await
}

#[actix_web::test]
async fn the_files_of_the_client_are_served() {
    let directory = directory();
    let served = served(directory.path());

    let script = get(&served, "socket.io.js?v=1", &[]).await;
    let map = get(&served, "socket.io.min.js.map", &[]).await;
    let head = served
        .request("HEAD", "/socket.io/socket.io.js", &[], "")
        .await;
    let post = served
        .request("POST", "/socket.io/socket.io.js", &[], "")
        .await;

    assert_eq!((script.status, script.text()), (200, "plain"));
    assert_eq!(
        script.header("content-type"),
        Some("application/javascript; charset=utf-8")
    );
    assert_eq!(script.header("cache-control"), Some("public, max-age=0"));
    assert_eq!(script.header("access-control-allow-origin"), Some("*"));
    assert_eq!(script.header("vary"), Some("Accept-Encoding"));
    assert_eq!(script.header("content-encoding"), None);
    assert_eq!(script.header("content-disposition"), None);
    assert_eq!(
        map.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!((head.status, head.text()), (200, ""));
    assert_eq!(head.header("content-length"), Some("5"));
    assert_eq!((post.status, post.text()), (200, "plain"));
}

#[actix_web::test]
async fn what_is_no_file_of_the_client_goes_to_the_engine() {
    let directory = directory();
    let served = served(directory.path());

    for name in [
        "secret.js",
        "socket.io.esm.min.js",
        "socket.io.min.js.gz",
        "x/socket.io.js",
        "socket.io/socket.io.js",
        "..%2fsocket.io.js",
        "",
    ] {
        let answer = get(&served, name, &[]).await;

        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(
            answer.text(),
            r#"{"code":0,"message":"Transport unknown"}"#,
            "{name}"
        );
    }
}

#[actix_web::test]
async fn an_unchanged_file_is_not_sent_again() {
    let directory = directory();
    let served = served(directory.path());
    let first = get(&served, "socket.io.js", &[]).await;
    let tag = first.header("etag").unwrap();

    let same = get(&served, "socket.io.js", &[("if-none-match", tag)]).await;
    let weak = format!("W/{tag}");
    let weak = get(&served, "socket.io.js", &[("if-none-match", &weak)]).await;
    let other = get(&served, "socket.io.js", &[("if-none-match", "\"x\"")]).await;

    assert_eq!((same.status, same.text()), (304, ""));
    assert_eq!((weak.status, weak.text()), (304, ""));
    assert_eq!(same.header("etag"), Some(tag));
    assert_eq!((other.status, other.text()), (200, "plain"));
}

#[actix_web::test]
async fn a_compressed_sibling_is_sent_to_those_who_take_it() {
    let directory = directory();
    let served = served(directory.path());

    for (accept, encoding, body) in [
        ("gzip, deflate, br", Some("gzip"), "gzipped"),
        ("br, gzip", Some("br"), "brotli"),
        ("gzip;q=0.5, br", Some("br"), "brotli"),
        ("deflate", None, "0123456789"),
    ] {
        let answer = get(&served, "socket.io.min.js", &[("accept-encoding", accept)]).await;

        assert_eq!(answer.header("content-encoding"), encoding, "{accept}");
        assert_eq!(answer.text(), body, "{accept}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/javascript; charset=utf-8")
        );
    }
    let lone = get(&served, "socket.io.js", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(
        (lone.header("content-encoding"), lone.text()),
        (None, "plain")
    );
}

#[actix_web::test]
async fn a_range_is_cut_out() {
    let directory = directory();
    let served = served(directory.path());

    let part = get(&served, "socket.io.min.js", &[("range", "bytes=2-4")]).await;
    let beyond = get(&served, "socket.io.min.js", &[("range", "bytes=20-")]).await;

    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(beyond.status, 416);
}

#[actix_web::test]
async fn the_files_are_found_in_a_scope_too() {
    let directory = directory();
    let http = HttpConfig::default().with_client_files(directory.path());
    let io = SocketIo::builder()
        .path("/chat")
        .http(http)
        .build()
        .unwrap();
    let address = listen(move || App::new().service(web::scope("/rt").service(io.service())));

    let found = request(address, "GET", "/rt/chat/socket.io.js", &[], "").await;
    let elsewhere = request(address, "GET", "/chat/socket.io.js", &[], "").await;

    assert_eq!(found.text(), "plain");
    assert_eq!(elsewhere.status, 404);
}

#[test]
fn a_directory_without_the_files_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let http = HttpConfig::default().with_client_files(directory.path());

    let error = SocketIo::builder().http(http).build().err().unwrap();

    assert_eq!(
        error,
        BuildServerError::ClientFiles(directory.path().to_owned())
    );
    let name = directory.path().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
}
