use serde_json::{Value, json};
use sockeye_router::testing::{TestClient, TestError};

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
