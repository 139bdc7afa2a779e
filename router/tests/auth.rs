//! Authentication in its dialects, and the deadline. The clock is stopped, so ten seconds are none.

mod peer;

use std::time::{Duration, SystemTime};

use peer::Peer;
use sockeye_router::{
    Auth, AuthError, Credentials, Dialect, Handshake, Hub, Identity, Namespace, Reply, SocketRef,
};
use tokio::time::{Instant, sleep};

async fn verify(credentials: Credentials) -> Result<Identity, AuthError> {
    match credentials.token() {
        "forbidden" => Err(AuthError::Forbidden),
        "broken" => Err(AuthError::Internal),
        "slow" => {
            sleep(Duration::from_secs(60)).await;
            Ok(Identity::new("slow"))
        }
        "panic" => panic!("on purpose"),
        "short" => {
            Ok(Identity::new("short").with_expiry(SystemTime::now() + Duration::from_millis(50)))
        }
        "old" => Ok(Identity::new("old").with_expiry(SystemTime::UNIX_EPOCH)),
        token => match token.strip_prefix("good-") {
            Some(name) if credentials.id().is_none_or(|id| id == name) => Ok(Identity::new(name)),
            _ => Err(AuthError::Unauthorized),
        },
    }
}

async fn whoami(socket: SocketRef) -> Reply<Option<String>> {
    Reply(
        socket
            .identity()
            .map(|identity| identity.subject().to_owned()),
    )
}

fn hub(auth: Auth) -> Hub {
    let auth = auth.rooms(["user:{sub}".parse().unwrap(), "ALL".parse().unwrap()]);
    let namespace = Namespace::new("/").auth(auth).on("whoami", whoami);
    Hub::builder().namespace(namespace).build().unwrap()
}

const ACCEPTED: &str = r#"2["authenticated",{"status":200,"message":"Authentication success"}]"#;

async fn refused(peer: &Peer, status: u16, message: &str) {
    let told = peer.next().await;
    let expected = format!(r#"2["unauthorized",{{"status":{status},"message":"{message}"#);
    assert!(told.starts_with(&expected), "{told}");
    peer.hears("1").await;
    peer.hears("closed: forced close").await;
}

#[actix::test]
async fn a_silent_client_is_told_and_gone_after_ten_seconds() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify));
    let peer = Peer::connect(&hub).await;
    let start = Instant::now();

    refused(&peer, 401, "Authentication failure socket ").await;

    let took = start.elapsed();
    assert!((9_990..10_010).contains(&took.as_millis()), "{took:?}");
    assert_eq!(hub.stats().sockets, 0);
}

#[actix::test]
async fn a_good_token_stops_the_clock_and_opens_the_rooms() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify));
    let peer = Peer::connect(&hub).await;
    let namespace = hub.of("/").unwrap();

    peer.say(r#"20["whoami"]"#);
    namespace.emit_authenticated("secret", &1).unwrap();
    namespace.emit("public", &1).unwrap();
    peer.say(r#"2["authentication","good-ann"]"#);
    peer.say(r#"21["whoami"]"#);
    peer.hears(r#"2["public",1]"#).await;
    peer.hears(ACCEPTED).await;
    peer.hears(r#"31["ann"]"#).await;
    namespace.emit_authenticated("secret", &2).unwrap();
    namespace.to("user:ann").emit("mine", &()).unwrap();
    namespace
        .to("ALL")
        .authenticated()
        .emit("ours", &())
        .unwrap();
    sleep(Duration::from_secs(3600)).await;

    peer.hears(r#"2["secret",2]"#).await;
    peer.hears(r#"2["mine"]"#).await;
    peer.hears(r#"2["ours"]"#).await;
    assert!(peer.closed().is_none());
}

#[actix::test]
async fn each_failure_has_its_status_and_text() {
    let hub = hub(Auth::new(verify));
    for (args, status, message) in [
        (r#","bad""#, 401, "Authentication failure socket "),
        (r#","old""#, 401, "Authentication failure socket "),
        ("", 401, "Authentication failure socket "),
        (",null", 401, "Authentication failure socket "),
        (r#",{"nothing":1}"#, 401, "Authentication failure socket "),
        (r#","forbidden""#, 403, "Access denied"),
        (r#","broken""#, 500, "Internal server error"),
        (r#","panic""#, 500, "Internal server error"),
    ] {
        let peer = Peer::connect(&hub).await;
        peer.say(&format!(r#"2["authentication"{args}]"#));
        refused(&peer, status, message).await;
    }
}

#[actix::test]
async fn a_token_may_be_a_field_and_be_acknowledged() {
    let hub = hub(Auth::new(verify));
    for field in ["token", "accessToken", "access_token"] {
        let peer = Peer::connect(&hub).await;
        peer.say(&format!(r#"29["authentication",{{"{field}":"good-ann"}}]"#));
        peer.hears(r#"39[{"status":200,"message":"Authentication success"}]"#)
            .await;
        peer.hears(ACCEPTED).await;
    }
}

#[actix::test]
async fn the_verifiers_time_counts() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify).deadline(Duration::from_secs(3)));
    let asked = Peer::connect(&hub).await;
    asked.say(r#"2["authentication","slow"]"#);
    let handshake = Peer::open(&hub);
    handshake.say(r#"0{"token":"slow"}"#);

    refused(&asked, 401, "Authentication failure socket ").await;
    let told = handshake.next().await;

    assert!(
        told.starts_with(r#"4{"message":"Authentication failure socket "#),
        "{told}"
    );
    handshake.hears("closed: forced close").await;
}

#[actix::test]
async fn coming_back_does_not_start_the_clock_again() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify));
    let peer = Peer::connect(&hub).await;
    let start = Instant::now();

    sleep(Duration::from_secs(6)).await;
    peer.say("1");
    peer.say("0");
    assert!(peer.next().await.starts_with("0{"));
    refused(&peer, 401, "Authentication failure socket ").await;

    assert_eq!(start.elapsed().as_secs(), 10);
}

#[actix::test]
async fn leaving_does_not_stop_the_clock() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify));
    let peer = Peer::connect(&hub).await;
    let start = Instant::now();

    sleep(Duration::from_secs(1)).await;
    peer.say("1");
    peer.hears("closed: forced close").await;

    assert_eq!(start.elapsed().as_secs(), 10);
}

#[actix::test]
async fn a_token_in_the_handshake_needs_no_event() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify));
    let bearer =
        Handshake::new(SystemTime::UNIX_EPOCH).with_headers([("Authorization", "Bearer good-bob")]);
    let by_header = Peer::open_with(&hub, bearer, 100);
    let by_auth = Peer::open(&hub);
    let bad = Peer::open(&hub);

    by_header.say("0");
    by_auth.say(r#"0{"token":"good-ann"}"#);
    bad.say(r#"0{"token":"bad"}"#);

    for (peer, name) in [(&by_header, "bob"), (&by_auth, "ann")] {
        assert!(peer.next().await.starts_with("0{"));
        peer.say(r#"20["whoami"]"#);
        peer.hears(&format!(r#"30["{name}"]"#)).await;
    }
    let told = bad.next().await;
    assert!(
        told.starts_with(r#"4{"message":"Authentication failure socket "#),
        "{told}"
    );
    assert!(
        told.contains(r#""data":{"message":"Authentication failure socket "#),
        "{told}"
    );
    sleep(Duration::from_secs(60)).await;
    assert!(by_header.closed().is_none());
}

#[actix::test]
async fn an_identity_ends_with_its_token() {
    let hub = hub(Auth::new(verify));
    let peer = Peer::connect(&hub).await;

    peer.say(r#"2["authentication","short"]"#);
    peer.hears(ACCEPTED).await;

    refused(&peer, 401, "Authentication failure socket ").await;
}

#[actix::test]
async fn a_socket_stays_with_whom_it_was_authenticated_for() {
    let hub = hub(Auth::new(verify));
    let peer = Peer::connect(&hub).await;

    for _ in 0..2 {
        peer.say(r#"2["authentication","good-ann"]"#);
        peer.hears(ACCEPTED).await;
    }
    peer.say(r#"2["authentication","good-bob"]"#);

    refused(&peer, 403, "Access denied").await;
}

#[actix::test]
async fn another_namespace_of_the_client_keeps_its_connection() {
    let locked = Namespace::new("/locked").auth(Auth::new(verify));
    let hub = Hub::builder()
        .namespace(Namespace::new("/"))
        .namespace(locked)
        .build()
        .unwrap();
    let peer = Peer::connect(&hub).await;

    peer.say("0/locked,");
    assert!(peer.next().await.starts_with("0/locked,{"));
    peer.say(r#"2/locked,["authentication","forbidden"]"#);
    peer.hears(r#"2/locked,["unauthorized",{"status":403,"message":"Access denied"}]"#)
        .await;
    peer.hears("1/locked,").await;

    assert!(peer.closed().is_none());
}

#[actix::test]
async fn authenticate_takes_the_token_of_the_handshake() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify).dialect(Dialect::authenticate()));
    let good = Peer::open(&hub);
    let bad = Peer::open(&hub);
    let silent = Peer::open(&hub);

    good.say(r#"0{"token":"good-ann"}"#);
    bad.say(r#"0{"token":"bad"}"#);
    silent.say("0");
    for peer in [&good, &bad, &silent] {
        assert!(peer.next().await.starts_with("0{"));
    }
    good.say(r#"2["authenticate"]"#);
    bad.say(r#"2["authenticate"]"#);

    let told = good.next().await;
    assert!(told.starts_with(r#"2["authenticated",{"id":""#), "{told}");
    assert!(told.contains(r#","time":"20"#), "{told}");
    for peer in [&bad, &silent] {
        peer.hears(r#"2["unauthenticated"]"#).await;
        peer.hears("1").await;
    }
}

#[actix::test]
async fn initial_connection_is_answered_by_a_truth_value() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify).dialect(Dialect::initial_connection()));
    for (argument, accepted) in [
        (r#"{"id":"ann","secretkey":"good-ann"}"#, true),
        (r#"{"id":7,"secretkey":"good-7"}"#, true),
        (r#"{"id":"bob","secretkey":"good-ann"}"#, false),
        (r#"{"secretkey":"good-ann"}"#, false),
        ("7", false),
    ] {
        let peer = Peer::connect(&hub).await;
        peer.say(&format!(r#"2["initialConnection",{argument}]"#));
        peer.hears(&format!(r#"2["auth",{accepted}]"#)).await;
        if !accepted {
            peer.hears("1").await;
        }
    }
}

#[actix::test]
async fn where_it_is_not_required_strangers_may_stay() {
    tokio::time::pause();
    let hub = hub(Auth::new(verify).required(false));
    let peer = Peer::connect(&hub).await;

    sleep(Duration::from_secs(60)).await;
    peer.say(r#"20["whoami"]"#);
    peer.hears("30[null]").await;
    peer.say(r#"2["authentication","good-ann"]"#);
    peer.hears(ACCEPTED).await;
}
