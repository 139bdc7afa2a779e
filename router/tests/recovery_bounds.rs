//! What clients may take of what is kept for recovery, without costing others theirs.

mod tab;

use serde_json::json;
use sockeye_router::{
    Auth, AuthError, Credentials, Hub, Identity, Namespace, NamespaceRef, Recovery, RouterConfig,
    SocketRef,
};
use tab::Tab;

const LOG: usize = 80_000;

#[actix::test]
async fn what_one_client_has_others_sent_costs_only_those_their_recovery_whom_it_was_for() {
    let hub = hub(Recovery::new().max_bytes(LOG));
    let (mut victim, mut member) = (Tab::open(&hub).await, Tab::open(&hub).await);
    let mut sender = Tab::open(&hub).await;
    joined(&hub, &victim, "news").await;
    joined(&hub, &member, "own").await;
    let sending = joined(&hub, &sender, "own").await;
    root(&hub).to("news").emit("n", &1).unwrap();
    victim.receive();
    victim.lose();
    member.lose();

    root(&hub).to("news").emit("n", &2).unwrap();
    for _ in 0..100 {
        sending.to("own").emit("large", &"x".repeat(1_000)).unwrap();
    }
    // One that is larger than all that may be.
    sending.to("own").emit("large", &"x".repeat(LOG)).unwrap();
    root(&hub).to("news").emit("n", &3).unwrap();
    sender.lose();
    let kept = hub.recovery_stats().event_bytes;
    assert!(kept < LOG / 4, "{kept}");
    for tab in [&mut victim, &mut member, &mut sender] {
        tab.come_back().await;
    }

    assert!(victim.recovered);
    assert_eq!(
        victim.got,
        [r#"["n",1]"#, r#"["n",2]"#, r#"["n",3]"#].map(str::to_owned)
    );
    assert!(!member.recovered);
    assert!(sender.recovered, "it was for others only");
}

#[actix::test]
async fn who_has_received_what_was_left_out_is_recovered() {
    let hub = hub(Recovery::new().max_bytes(LOG));
    let (mut member, sender) = (Tab::open(&hub).await, Tab::open(&hub).await);
    joined(&hub, &member, "own").await;
    let sending = joined(&hub, &sender, "own").await;
    for _ in 0..50 {
        sending.to("own").emit("large", &"x".repeat(1_000)).unwrap();
    }
    member.receive();

    member.lose();
    sending.to("own").emit("n", &1).unwrap();
    member.come_back().await;

    assert!(member.recovered);
    assert_eq!(member.got.last().unwrap(), r#"["n",1]"#);
}

#[actix::test]
async fn what_goes_to_one_client_alone_costs_only_itself_its_recovery() {
    let hub = hub(Recovery::new().max_bytes(LOG));
    let (mut victim, mut greedy) = (Tab::open(&hub).await, Tab::open(&hub).await);
    let socket = root(&hub).socket(greedy.id()).unwrap();
    victim.lose();

    root(&hub).emit("n", &1).unwrap();
    for _ in 0..100 {
        socket.emit("large", &"x".repeat(1_000)).unwrap();
    }
    greedy.lose();
    victim.come_back().await;
    greedy.come_back().await;

    assert!(victim.recovered);
    assert_eq!(victim.got, [r#"["n",1]"#]);
    assert!(!greedy.recovered);
}

#[actix::test]
async fn the_sockets_of_one_identity_have_one_share() {
    for (identities, recovered) in [(1, true), (20, false)] {
        let hub = hub(Recovery::new().max_bytes(LOG));
        let mut victim = Tab::open(&hub).await;
        root(&hub).emit("n", &0).unwrap();
        victim.receive();
        victim.lose();
        root(&hub).emit("n", &1).unwrap();

        for number in 0..20 {
            let who = json!({"token": format!("user-{}", number % identities)});
            let tab = Tab::open_with(&hub, who).await;
            let sending = joined(&hub, &tab, "own").await;
            for _ in 0..10 {
                sending.to("own").emit("large", &"x".repeat(1_000)).unwrap();
            }
        }
        victim.come_back().await;

        assert_eq!(victim.recovered, recovered, "{identities}");
    }
}

#[actix::test]
async fn what_the_server_itself_sends_has_no_share() {
    let hub = hub(Recovery::new().max_bytes(LOG));
    let mut tab = Tab::open(&hub).await;
    tab.lose();

    for _ in 0..50 {
        root(&hub).emit("large", &"x".repeat(1_000)).unwrap();
    }
    tab.come_back().await;

    assert!(tab.recovered);
    assert_eq!(tab.got.len(), 50);
}

#[actix::test]
async fn broken_sessions_are_bounded_in_bytes_and_a_large_one_makes_room_for_others() {
    let hub = hub(Recovery::new().max_session_bytes(2_000_000));
    let mut small = Tab::open(&hub).await;
    small.lose();
    let before = hub.recovery_stats();
    let mut large = Vec::new();

    for number in 0..10 {
        let mut tab = Tab::open(&hub).await;
        let socket = root(&hub).socket(tab.id()).unwrap();
        match number % 3 {
            0 => {
                let rooms: Vec<_> = (0..900).map(|room| format!("{room:0256}")).collect();
                socket.join(rooms).await;
            }
            1 => socket.set_attribute("much", &"x".repeat(300_000)).unwrap(),
            _ => socket.set_data([0_u8; 300_000]),
        }
        tab.lose();
        large.push(tab);
        let kept = hub.recovery_stats();
        assert!(kept.session_bytes <= 2_000_000, "{kept:?}");
        assert!(
            kept.session_bytes >= (kept.sessions - 1) * 280_000,
            "{kept:?}"
        );
    }
    for tab in large.iter_mut().chain([&mut small]) {
        tab.come_back().await;
    }

    assert_eq!(before.sessions, 1);
    assert!(before.session_bytes < 2_000, "{before:?}");
    assert!(
        small.recovered,
        "it was the longest broken, but isn't large"
    );
    let recovered: Vec<_> = large.iter().map(|tab| tab.recovered).collect();
    assert!(
        !recovered[0] && !recovered[3] && recovered[5],
        "{recovered:?}"
    );
    assert_eq!(hub.recovery_stats().sessions, 0);
    assert_eq!(hub.recovery_stats().session_bytes, 0);
}

fn hub(recovery: Recovery) -> Hub {
    let verify = async |credentials: Credentials| -> Result<Identity, AuthError> {
        Ok(Identity::new(credentials.token()))
    };
    Hub::builder()
        .config(RouterConfig::default().with_recovery(recovery))
        .namespace(Namespace::new("/").auth(Auth::new(verify).required(false)))
        .build()
        .unwrap()
}

fn root(hub: &Hub) -> NamespaceRef {
    hub.of("/").unwrap()
}

async fn joined(hub: &Hub, tab: &Tab, room: &str) -> SocketRef {
    let socket = root(hub).socket(tab.id()).unwrap();
    socket.join(room).await;
    socket
}
