//! Authentication in its dialects, and the deadline. The clock is stopped, so ten seconds are none.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sockeye_router::{
    Auth, AuthError, AuthPayload, Credentials, Dialect, DisconnectReason, Hub, Identity, Namespace,
    Refusal, Reply, RouterConfig, SocketRef,
    testing::{Ending, TestClient, TestConnection, TestError, TestErrorKind, stop_clock},
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

async fn accepted(client: &TestClient) -> Result<(), TestError> {
    let told: Value = client.receive("authenticated").await?;
    assert_eq!(told, accepted_answer());
    Ok(())
}

fn accepted_answer() -> Value {
    json!({"status": 200, "message": "Authentication success"})
}

/// Expects a client to be told, sent away and cut off, in this order.
async fn refused(client: &TestClient, status: u16, message: &str) -> Result<(), TestError> {
    let told = client.next_raw().await?;
    let expected = format!(r#"2["unauthorized",{{"status":{status},"message":"{message}"#);
    assert!(told.text.starts_with(&expected), "{told}");
    client.expect_raw("1").await?;
    assert_eq!(client.closed().await?, DisconnectReason::ForcedClose);
    Ok(())
}

/// Expects the namespace to refuse the connection request.
async fn turned_away(connecting: impl Future<Output = Result<TestClient, TestError>>) {
    let error = connecting.await.unwrap_err();
    let refusal = error.refusal().unwrap();
    let message = "Authentication failure socket ";
    assert!(refusal.message().starts_with(message), "{error}");
    let data = refusal.data().unwrap();
    assert_eq!(data["message"], refusal.message());
}

#[actix::test]
async fn a_silent_client_is_told_and_gone_after_ten_seconds() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify));
    let client = TestClient::connect(&hub, "/").await?;
    let start = Instant::now();

    refused(&client, 401, "Authentication failure socket ").await?;

    let took = start.elapsed();
    assert!((9_990..10_010).contains(&took.as_millis()), "{took:?}");
    assert_eq!(hub.stats().sockets, 0);
    Ok(())
}

#[actix::test]
async fn a_good_token_stops_the_clock_and_opens_the_rooms() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify));
    let client = TestClient::connect(&hub, "/").await?;
    let namespace = hub.of("/").unwrap();

    let unheard = client.emit_with_ack::<_, Option<String>>("whoami", &());
    namespace.emit_authenticated("secret", &1).unwrap();
    namespace.emit("public", &1).unwrap();
    client.emit("authentication", &"good-ann")?;
    assert_eq!(client.next_event().await?.name(), "public");
    accepted(&client).await?;
    let ann: Option<String> = client.emit_with_ack("whoami", &()).await?;
    assert_eq!(ann.as_deref(), Some("ann"));
    namespace.emit_authenticated("secret", &2).unwrap();
    namespace.to("user:ann").emit("mine", &()).unwrap();
    namespace
        .to("ALL")
        .authenticated()
        .emit("ours", &())
        .unwrap();
    sleep(Duration::from_secs(3600)).await;

    assert_eq!(client.heard(), ["secret", "mine", "ours"]);
    assert_eq!(client.receive::<u32>("secret").await?, 2);
    assert!(client.is_connected());
    assert_eq!(unheard.await.unwrap_err().kind(), TestErrorKind::Late);
    Ok(())
}

#[actix::test]
async fn each_failure_has_its_status_and_text() -> Result<(), TestError> {
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
        let client = TestClient::connect(&hub, "/").await?;
        client.send_raw(format!(r#"2["authentication"{args}]"#));
        refused(&client, status, message).await?;
    }
    Ok(())
}

#[actix::test]
async fn a_token_may_be_a_field_and_be_acknowledged() -> Result<(), TestError> {
    let hub = hub(Auth::new(verify));
    for field in ["token", "accessToken", "access_token"] {
        let client = TestClient::connect(&hub, "/").await?;
        let token = json!({field: "good-ann"});
        let answer: Value = client.emit_with_ack("authentication", &token).await?;
        assert_eq!(answer, accepted_answer());
        accepted(&client).await?;
    }
    Ok(())
}

#[actix::test]
async fn the_verifiers_time_counts() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify).deadline(Duration::from_secs(3)));
    let asked = TestClient::connect(&hub, "/").await?;
    asked.emit("authentication", &"slow")?;
    let handshake = TestConnection::open(&hub);

    turned_away(handshake.join_namespace_with("/", &json!({"token": "slow"}))).await;

    assert_eq!(handshake.closed().await?, DisconnectReason::ForcedClose);
    refused(&asked, 401, "Authentication failure socket ").await?;
    Ok(())
}

#[actix::test]
async fn coming_back_does_not_start_the_clock_again() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify));
    let client = TestClient::connect(&hub, "/").await?;
    let start = Instant::now();

    sleep(Duration::from_secs(6)).await;
    client.disconnect();
    let back = client.join_namespace("/").await?;
    refused(&back, 401, "Authentication failure socket ").await?;

    assert_eq!(start.elapsed().as_secs(), 10);
    Ok(())
}

#[actix::test]
async fn leaving_does_not_stop_the_clock() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify));
    let client = TestClient::connect(&hub, "/").await?;
    let start = Instant::now();

    sleep(Duration::from_secs(1)).await;
    client.disconnect();
    assert_eq!(client.closed().await?, DisconnectReason::ForcedClose);

    assert_eq!(start.elapsed().as_secs(), 10);
    Ok(())
}

#[actix::test]
async fn a_token_in_the_handshake_needs_no_event() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify));
    let bearer = TestClient::builder(&hub).header("Authorization", "Bearer good-bob");
    let token = |token| TestClient::builder(&hub).auth(&json!({"token": token}));

    let by_header = bearer.connect().await?;
    let by_auth = token("good-ann").connect().await?;
    turned_away(token("bad").connect()).await;

    for (client, name) in [(&by_header, "bob"), (&by_auth, "ann")] {
        let who: String = client.emit_with_ack("whoami", &()).await?;
        assert_eq!(who, name);
    }
    sleep(Duration::from_secs(60)).await;
    assert!(by_header.is_connected());
    Ok(())
}

#[actix::test]
async fn an_identity_ends_with_its_token() -> Result<(), TestError> {
    let hub = hub(Auth::new(verify));
    let client = TestClient::connect(&hub, "/").await?;

    client.emit("authentication", &"short")?;
    accepted(&client).await?;

    refused(&client, 401, "Authentication failure socket ").await?;
    Ok(())
}

#[actix::test]
async fn a_client_that_authenticates_all_the_time_adds_no_deadlines() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(async |_| {
        let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
        Ok(Identity::new("ann").with_expiry(in_an_hour))
    }));
    let client = TestClient::connect(&hub, "/").await?;
    client.emit("authentication", &"once")?;
    accepted(&client).await?;
    let once = hub.memory().timers;

    for _ in 0..100 {
        client.emit("authentication", &"again")?;
        accepted(&client).await?;
    }

    assert_eq!(hub.memory().timers, once);
    Ok(())
}

#[actix::test]
async fn a_socket_stays_with_whom_it_was_authenticated_for() -> Result<(), TestError> {
    let hub = hub(Auth::new(verify));
    let client = TestClient::connect(&hub, "/").await?;

    for _ in 0..2 {
        client.emit("authentication", &"good-ann")?;
        accepted(&client).await?;
    }
    client.emit("authentication", &"good-bob")?;

    refused(&client, 403, "Access denied").await?;
    Ok(())
}

#[actix::test]
async fn another_namespace_of_the_client_keeps_its_connection() -> Result<(), TestError> {
    let locked = Namespace::new("/locked").auth(Auth::new(verify));
    let hub = Hub::builder()
        .namespace(Namespace::new("/"))
        .namespace(locked)
        .build()
        .unwrap();
    let client = TestClient::connect(&hub, "/").await?;

    let locked = client.join_namespace("/locked").await?;
    locked.emit("authentication", &"forbidden")?;
    let told: Value = locked.receive("unauthorized").await?;

    assert_eq!(told, json!({"status": 403, "message": "Access denied"}));
    assert_eq!(locked.disconnected().await?, Ending::ByServer);
    assert!(client.is_connected());
    Ok(())
}

#[actix::test]
async fn authenticate_takes_the_token_of_the_handshake() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify).dialect(Dialect::authenticate()));
    let token = |token| TestClient::builder(&hub).auth(&json!({"token": token}));
    let good = token("good-ann").connect().await?;
    let bad = token("bad").connect().await?;
    let silent = TestClient::connect(&hub, "/").await?;

    good.emit("authenticate", &())?;
    bad.emit("authenticate", &())?;

    let told: Value = good.receive("authenticated").await?;
    assert_eq!(told["id"], good.id().as_str());
    assert!(told["time"].as_str().unwrap().starts_with("20"), "{told}");
    for client in [&bad, &silent] {
        client.expect_raw(r#"2["unauthenticated"]"#).await?;
        client.expect_raw("1").await?;
    }
    Ok(())
}

#[actix::test]
async fn initial_connection_is_answered_by_a_truth_value() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify).dialect(Dialect::initial_connection()));
    for (argument, accepted) in [
        (r#"{"id":"ann","secretkey":"good-ann"}"#, true),
        (r#"{"id":7,"secretkey":"good-7"}"#, true),
        (r#"{"id":"bob","secretkey":"good-ann"}"#, false),
        (r#"{"secretkey":"good-ann"}"#, false),
        ("7", false),
    ] {
        let client = TestClient::connect(&hub, "/").await?;
        client.send_raw(format!(r#"2["initialConnection",{argument}]"#));
        client
            .expect_raw(format!(r#"2["auth",{accepted}]"#))
            .await?;
        if !accepted {
            client.expect_raw("1").await?;
        }
    }
    Ok(())
}

#[actix::test]
async fn a_new_token_takes_the_rooms_that_its_claims_do_not_make() -> Result<(), TestError> {
    let verifier = async |credentials: Credentials| {
        let roles = credentials.token().split(' ').map(Value::from).collect();
        let claims = [("role".to_owned(), Value::Array(roles))];
        Ok(Identity::new("ann").with_claims(claims.into_iter().collect()))
    };
    let auth = Auth::new(verifier);
    let templates = ["user:{sub}", "role:{role}", "ALL"];
    let auth = auth.rooms(templates.map(|template| template.parse().unwrap()));
    let namespace = Namespace::new("/").auth(auth);
    let hub = Hub::builder().namespace(namespace).build().unwrap();
    let token = json!({ "token": "admin editor" });
    let client = TestClient::builder(&hub).auth(&token).connect().await?;
    let socket = client.socket().unwrap();
    socket.join("own").await;

    client.emit("authentication", &"editor guest")?;
    accepted(&client).await?;
    hub.of("/")
        .unwrap()
        .to("role:admin")
        .emit("secret", &())
        .unwrap();
    hub.of("/")
        .unwrap()
        .to("role:guest")
        .emit("public", &())
        .unwrap();

    assert_eq!(client.next_event().await?.name(), "public");
    for (room, is_in) in [
        ("role:admin", false),
        ("role:editor", true),
        ("role:guest", true),
        ("user:ann", true),
        ("ALL", true),
        ("own", true),
    ] {
        assert_eq!(socket.is_in(room), is_in, "{room}");
    }
    Ok(())
}

#[actix::test]
async fn where_it_is_not_required_strangers_may_stay() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(Auth::new(verify).required(false));
    let client = TestClient::connect(&hub, "/").await?;

    sleep(Duration::from_secs(60)).await;
    let nobody: Option<String> = client.emit_with_ack("whoami", &()).await?;
    client.emit("authentication", &"good-ann")?;

    assert_eq!(nobody, None);
    accepted(&client).await
}

#[actix::test]
async fn what_a_client_passed_is_forgotten_once_it_is_read_where_it_is_not_kept()
-> Result<(), TestError> {
    async fn read(AuthPayload(auth): AuthPayload<Value>) {
        assert_eq!(auth["token"], "good-ann");
    }
    let hub = |keep, dialect: Dialect| {
        let auth = Auth::new(verify).dialect(dialect).required(false);
        let namespace = Namespace::new("/")
            .auth(auth)
            .middleware(async |AuthPayload(auth): AuthPayload<Value>| {
                assert_eq!(auth["token"], "good-ann");
                Ok::<_, Refusal>(())
            })
            .on_connect(read);
        let config = RouterConfig::default().with_kept_auth_payloads(keep);
        let builder = Hub::builder().config(config).namespace(namespace);
        builder.build().unwrap()
    };
    let passed = json!({"token": "good-ann"});
    for (keep, dialect, expected) in [
        (true, Dialect::authentication(), r#"{"token":"good-ann"}"#),
        (false, Dialect::authentication(), "{}"),
        // This one takes the token from it whenever it is asked to.
        (false, Dialect::authenticate(), r#"{"token":"good-ann"}"#),
    ] {
        let hub = hub(keep, dialect);
        let client = TestClient::builder(&hub).auth(&passed).connect().await?;
        let socket = client.socket().unwrap();

        assert_eq!(&*socket.auth_payload(), expected);

        client.disconnect();
        let left = if keep { expected } else { "{}" };
        assert_eq!(&*socket.auth_payload(), left);
    }
    Ok(())
}
