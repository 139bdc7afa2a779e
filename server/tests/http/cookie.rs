use actix_web::cookie::Cookie;
use sockeye::{BuildServerError, HttpConfig, SessionCookie, SocketIo};

use super::served::{POLLING, WEBSOCKET, serve};

#[actix_web::test]
async fn only_the_polling_handshake_carries_the_cookie() {
    let served = serve(HttpConfig::default().with_cookie(SessionCookie::default()));

    let first = served.get(POLLING, &[]).await;
    let uri = format!("{POLLING}&sid={}", first.sid());
    let posted = served.post(&uri, "40").await;
    let later = served.get(&uri, &[]).await;
    let websocket = served.upgrade(WEBSOCKET, &[]).await;

    let expected = format!("io={}; HttpOnly; SameSite=Lax; Path=/", first.sid());
    assert_eq!(first.header("set-cookie"), Some(&*expected));
    assert_eq!(posted.header("set-cookie"), None);
    assert_eq!(later.header("set-cookie"), None);
    assert_eq!(websocket.status, 101);
    assert_eq!(websocket.header("set-cookie"), None);
}

#[actix_web::test]
async fn there_is_no_cookie_by_default() {
    let served = serve(HttpConfig::default());

    let first = served.get(POLLING, &[]).await;

    assert_eq!(first.header("set-cookie"), None);
}

#[test]
fn a_cookie_that_can_not_be_sent_is_refused() {
    let http = HttpConfig::default().with_cookie(Cookie::new("a b", ""));

    let error = SocketIo::builder().http(http).build().err();

    assert_eq!(error, Some(BuildServerError::Cookie));
}
