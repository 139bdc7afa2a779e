//! Sessions of clients that say who they are, when these come back.

mod tab;

use std::time::{Duration, SystemTime};

use serde_json::json;
use sockeye_router::{
    AUTHENTICATED_ROOM, Auth, AuthError, Credentials, Hub, Identity, Namespace, NamespaceRef,
    Recovery, RecoveryStatus, RouterConfig,
};
use tab::Tab;

async fn verify(credentials: Credentials) -> Result<Identity, AuthError> {
    tokio::task::yield_now().await;
    match credentials.token() {
        "short" => {
            Ok(Identity::new("short").with_expiry(SystemTime::now() + Duration::from_millis(20)))
        }
        token => Ok(Identity::new(token)),
    }
}

fn authenticating() -> Hub {
    let auth = Auth::new(verify).rooms(["user:{sub}".parse().unwrap()]);
    Hub::builder()
        .config(RouterConfig::default().with_recovery(Recovery::new()))
        .namespace(Namespace::new("/").auth(auth))
        .build()
        .unwrap()
}

#[actix::test]
async fn an_identity_is_recovered_with_its_rooms() {
    let hub = authenticating();
    let mut tab = Tab::open_with(&hub, json!({ "token": "ann" })).await;
    let namespace = root(&hub);
    tab.lose();
    namespace.emit_authenticated("n", &1).unwrap();
    namespace.to("user:ann").emit("n", &2).unwrap();
    namespace.to("user:bob").emit("n", &"not for it").unwrap();

    tab.auth = json!({});
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got, numbered(1..=2));
    let socket = namespace.socket(tab.id()).unwrap();
    assert_eq!(socket.identity().unwrap().subject(), "ann");
    assert!(socket.is_in(AUTHENTICATED_ROOM) && socket.is_in("user:ann"));
}

#[actix::test]
async fn a_session_is_not_given_to_someone_else() {
    let hub = authenticating();
    let mut tab = Tab::open_with(&hub, json!({ "token": "ann" })).await;
    let sid = tab.sid.clone();
    tab.lose();
    root(&hub).to("user:ann").emit("n", &"secret").unwrap();

    tab.auth = json!({ "token": "bob" });
    tab.come_back().await;

    assert!(!tab.recovered);
    assert_ne!(tab.sid, sid);
    assert!(tab.got.is_empty());
    let socket = root(&hub).socket(tab.id()).unwrap();
    assert_eq!(socket.recovery(), RecoveryStatus::OtherIdentity);
    assert_eq!(socket.identity().unwrap().subject(), "bob");
    assert!(!socket.is_in("user:ann"));
    assert_eq!(root(&hub).socket_count(), 1);
}

#[actix::test]
async fn a_session_ends_with_its_identity() {
    let hub = authenticating();
    let mut tab = Tab::open_with(&hub, json!({ "token": "short" })).await;
    tab.lose();
    // Expiry is by the wall clock, which nothing stops.
    let expired = SystemTime::now() + Duration::from_millis(21);
    while SystemTime::now() < expired {
        tokio::task::yield_now().await;
    }

    tab.come_back().await;

    assert!(!tab.recovered);
    let socket = root(&hub).socket(tab.id());
    let status = socket.map(|socket| socket.recovery());
    assert_eq!(status, Some(RecoveryStatus::IdentityExpired));
}

#[actix::test]
async fn who_has_not_said_who_it_is_has_nothing_to_come_back_to() {
    let hub = authenticating();
    let mut tab = Tab::open(&hub).await;

    tab.lose();
    tab.come_back().await;

    assert!(!tab.recovered);
}

fn root(hub: &Hub) -> NamespaceRef {
    hub.of("/").unwrap()
}

fn numbered(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!(r#"["n",{number}]"#)).collect()
}
