use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sockeye_router::testing::{TestClient, TestError, stop_clock};
use tokio::time::Instant;

use super::*;
use crate::{Auth, Credentials, Hub, Identity};

/// A server with these settings, to which a token is whose it is.
fn hub(settings: &str) -> Hub {
    let secret = "0123456789abcdef0123456789abcdef";
    let settings = format!("auth.jwt.secret = \"{secret}\"\n{settings}");
    let settings = Settings::parse("settings", &settings, std::iter::empty()).unwrap();
    let settings = settings.settings;
    let rooms = settings.auth.rooms.iter().map(|room| room.parse().unwrap());
    let auth = Auth::new(async |credentials: Credentials| Ok(Identity::new(credentials.token())));
    let namespace = Namespace::new("/").auth(auth.rooms(rooms.collect::<Vec<_>>()));
    let hub = Hub::builder().state(ClientRules::new(&settings));
    hub.namespace(register(namespace, &settings))
        .build()
        .unwrap()
}

async fn member(hub: &Hub, name: &str) -> Result<TestClient, TestError> {
    let auth = json!({ "token": name });
    TestClient::builder(hub).auth(&auth).connect().await
}

async fn ask(client: &TestClient, event: &str, args: &Value) -> Result<Value, TestError> {
    client.emit_with_ack(event, args).await
}

/// Members of one room.
async fn members<const N: usize>(
    hub: &Hub,
    names: [&str; N],
) -> Result<[TestClient; N], TestError> {
    let mut clients = Vec::new();
    for name in names {
        let client = member(hub, name).await?;
        ask(&client, "join", &json!("r")).await?;
        clients.push(client);
    }
    Ok(clients.try_into().unwrap())
}

fn error(message: &str) -> Value {
    json!({ "status": "error", "message": message })
}

#[actix_web::test]
async fn nothing_is_relayed_to_the_servers_own_rooms() -> Result<(), TestError> {
    let hub = hub(r#"client = { join = ["*"], relay = ["chat"] }"#);
    let (sender, other) = (member(&hub, "a").await?, member(&hub, "b").await?);
    let wanted = json!({ "room": crate::AUTHENTICATED_ROOM });

    let answer = ask(&sender, "chat", &wanted).await?;

    assert_eq!(answer, error("not in the room"));
    assert_eq!(other.heard(), [""; 0]);
    Ok(())
}

fn named(first: &str) -> Option<String> {
    named_room(&RawArgs::from_json(format!("[{first}]"), Vec::new()).unwrap())
}

#[test]
fn a_room_is_found_among_values_that_can_not_be_held() {
    let deep = format!(
        r#"{{"a":{}1{},"room":"r"}}"#,
        "[".repeat(120),
        "]".repeat(120)
    );

    for first in [
        r#"{"a":1e999,"room":"r"}"#,
        r#"{"room":"r","a":"\ud800"}"#,
        &deep,
    ] {
        assert_eq!(named(first).as_deref(), Some("r"), "{first}");
    }
}

#[test]
fn of_several_rooms_the_last_counts() {
    assert_eq!(named(r#"{"room":"a","room":"b"}"#).as_deref(), Some("b"));
    assert_eq!(named(r#"{"room":"a","room":1}"#), None);
}

#[test]
fn nothing_else_names_a_room() {
    for first in ["{}", r#"{"room":null}"#, r#"["room"]"#, r#""room""#] {
        assert_eq!(named(first), None, "{first}");
    }
}

#[test]
fn a_megabyte_in_the_place_of_a_room_takes_no_memory() {
    let bomb = format!("[{}0]", r#"{"":0},"#.repeat(140_000));
    let args = RawArgs::from_json(format!(r#"[{{"a":{bomb},"room":{bomb}}}]"#), Vec::new());
    let args = args.unwrap();

    let used = allocation_counter::measure(|| assert_eq!(named_room(&args), None));

    assert!(used.bytes_max < 4096, "{used:?}");
}

#[actix_web::test]
async fn a_list_with_more_entries_than_rooms_is_refused_and_counted() -> Result<(), TestError> {
    let hub = hub("client = { join = [\"*\"] }\nlimits.rooms = 8");
    let client = member(&hub, "a").await?;
    let repeated = |count: usize| json!({ "rooms": vec!["r"; count] });

    let fits = ask(&client, "join", &repeated(8)).await?;
    let joining = ask(&client, "join", &repeated(9)).await?;
    let leaving = ask(&client, "leave", &repeated(9)).await?;

    assert_eq!(fits, json!({ "status": "ok", "rooms": ["r"] }));
    assert_eq!(
        [joining, leaving],
        [(); 2].map(|()| error("too many rooms"))
    );
    assert_eq!(hub.limits().get(Limit::Rooms), 2);
    Ok(())
}

#[actix_web::test]
async fn rooms_are_joined_once_and_in_their_order() -> Result<(), TestError> {
    let hub = hub("client = { join = [\"*\"] }\nlimits.rooms = 5");
    let client = member(&hub, "a").await?;

    ask(&client, "join", &json!({ "rooms": ["c", "a"] })).await?;
    let joined = ask(&client, "join", &json!({ "rooms": ["b", "a", "b", "d"] })).await?;
    let one_more = ask(&client, "join", &json!("e")).await?;

    assert_eq!(joined["rooms"], json!(["c", "a", "b", "d"]));
    assert_eq!(one_more, error("too many rooms"));
    Ok(())
}

#[actix_web::test]
async fn a_name_that_a_socket_could_have_is_no_room_whether_it_is_there_or_not()
-> Result<(), TestError> {
    let hub = hub("client = { join = [\"*\"] }");
    let (client, other) = (member(&hub, "a").await?, member(&hub, "b").await?);
    let id = other.id();

    let there = ask(&client, "join", &json!(id)).await?;
    let own = ask(&client, "join", &json!(client.id())).await?;
    other.drop_connection(crate::DisconnectReason::TransportClose);
    let gone = ask(&client, "join", &json!(id)).await?;
    let left = ask(&client, "leave", &json!(id)).await?;
    let ordinary = ask(&client, "join", &json!("general-discussion-1")).await?;

    for refused in [there, own, gone, left] {
        assert_eq!(refused, error("room not allowed"));
    }
    assert_eq!(ordinary["rooms"], json!(["general-discussion-1"]));
    Ok(())
}

/// A kilobyte in a second, after as much at once.
const SLOW: &str = r#"
    [client]
    join = ["*"]
    relay = ["chat"]
    relay_bytes_per_second = 1000
    relay_burst_bytes = 1000
"#;

fn large(bytes: usize) -> Value {
    json!({ "room": "r", "text": "x".repeat(bytes) })
}

#[actix_web::test]
async fn who_relays_more_than_it_may_waits_and_nobody_else_does() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(SLOW);
    let [sender, same, other, reader] = members(&hub, ["a", "a", "b", "c"]).await?;
    let start = Instant::now();

    let sent = ask(&sender, "chat", &large(5000)).await?;
    let next = sender.emit_with_ack::<_, Value>("chat", &large(10));
    let of_the_same = same.emit_with_ack::<_, Value>("chat", &large(10));
    let later = sender.emit_with_ack::<_, Value>("join", &json!("later"));
    ask(&other, "chat", &large(500)).await?;

    assert_eq!(sent, json!({ "status": "ok", "sockets": 3 }));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(reader.heard(), ["chat", "chat"]);
    assert!(sender.socket().is_some_and(|socket| !socket.is_in("later")));
    for delayed in [next.await?, of_the_same.await?, later.await?] {
        assert_eq!(delayed["status"], "ok");
    }
    let took = start.elapsed().as_millis();
    assert!((4_000..4_700).contains(&took), "{took}");
    assert_eq!(hub.limits().get(Limit::RelayRate), 2);
    Ok(())
}

#[actix_web::test]
async fn who_goes_while_it_waits_relays_nothing() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(SLOW);
    let [sender, reader] = members(&hub, ["a", "b"]).await?;

    ask(&sender, "chat", &large(60_000)).await?;
    sender.emit("chat", &large(10))?;
    sender.drop_connection(crate::DisconnectReason::TransportClose);
    tokio::time::sleep(Duration::from_secs(1)).await;

    assert_eq!(hub.memory().tasks, 0);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(reader.heard(), ["chat"]);
    Ok(())
}

#[actix_web::test]
async fn attachments_count() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(SLOW);
    let [sender, _reader] = members(&hub, ["a", "b"]).await?;
    let start = Instant::now();
    let file = (
        json!({ "room": "r" }),
        crate::Binary::from(Bytes::from(vec![0; 2000])),
    );

    for _ in 0..2 {
        let sent: Value = sender.emit_with_ack("chat", &file).await?;
        assert_eq!(sent["status"], "ok");
    }

    assert!(start.elapsed() > Duration::from_secs(2));
    Ok(())
}

#[actix_web::test]
async fn without_a_rate_nobody_waits() -> Result<(), TestError> {
    stop_clock();
    let hub = hub(&SLOW.replace("second = 1000", "second = 0"));
    let [sender, _reader] = members(&hub, ["a", "b"]).await?;
    let start = Instant::now();

    for _ in 0..20 {
        ask(&sender, "chat", &large(100_000)).await?;
    }

    assert_eq!(start.elapsed(), Duration::ZERO);
    Ok(())
}

#[actix_web::test]
async fn so_many_arguments_are_relayed_and_no_more() -> Result<(), TestError> {
    let hub = hub("client = { join = [\"*\"], relay = [\"chat\"], relay_arguments = 3 }");
    let [sender, reader] = members(&hub, ["a", "b"]).await?;
    let room = json!({ "room": "r" });

    let fits: Value = sender.emit_with_ack("chat", &(&room, 2, 3)).await?;
    let over: Value = sender.emit_with_ack("chat", &(&room, 2, 3, 4)).await?;

    assert_eq!(fits["status"], "ok");
    assert_eq!(over, error("too many arguments"));
    assert_eq!(reader.heard(), ["chat"]);
    assert_eq!(hub.limits().get(Limit::RelayArguments), 1);
    Ok(())
}

#[actix_web::test]
async fn a_key_that_old_clients_stumble_over_is_relayed_only_as_text() -> Result<(), TestError> {
    let hub = hub("client = { join = [\"*\"], relay = [\"chat\"] }");
    let [sender, reader] = members(&hub, ["a", "b"]).await?;
    let room = json!({ "room": "r", "list": [{ "hasOwnProperty": 1 }] });
    let file = crate::Binary::from(Bytes::from_static(b"file"));

    let text: Value = sender.emit_with_ack("chat", &(&room,)).await?;
    let binary: Value = sender.emit_with_ack("chat", &(&room, file)).await?;

    assert_eq!(text["status"], "ok");
    assert_eq!(binary, error("key not allowed"));
    assert_eq!(reader.heard(), ["chat"]);
    Ok(())
}

#[actix_web::test]
async fn no_pattern_opens_the_rooms_of_others_claims() -> Result<(), TestError> {
    let rooms = r#"auth.rooms = ["user:{sub}", "role:{role}"]"#;
    let hub_with = |join: &str| hub(&format!("client.join = {join}\n{rooms}"));
    let hub = hub_with(r#"["*", "**", "user:*", "role:guest", "ALL", "room:*"]"#);
    let client = member(&hub, "a").await?;

    for room in ["user:b", "user:", "role:guest", "role:admin"] {
        let joined = ask(&client, "join", &json!(room)).await?;
        let left = ask(&client, "leave", &json!(room)).await?;
        assert_eq!(
            [joined, left],
            [(); 2].map(|()| error("room not allowed")),
            "{room}"
        );
    }
    for room in ["user:a", "ALL", "room:1", "users"] {
        let joined = ask(&client, "join", &json!(room)).await?;
        assert_eq!(joined["status"], "ok", "{room}");
    }
    let hub = hub_with(r#"["*", "**"]"#);
    let client = member(&hub, "a").await?;
    assert_eq!(
        ask(&client, "leave", &json!("user:a")).await?,
        error("room not allowed")
    );
    Ok(())
}
