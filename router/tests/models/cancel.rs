//! Cancellation: whatever is dropped, and wherever it was, nothing is left of it.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicIsize, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use proptest::prelude::*;
use sockeye_router::{
    Args, Auth, AuthError, Credentials, DisconnectReason, Hub, Identity, Namespace, Refusal,
    RouterConfig, SocketRef, State,
    testing::{TestClient, TestConnection, advance, settle, stop_clock},
};

use super::cases::cases;

#[derive(Clone, Debug)]
enum Step {
    /// A client connects, to be asked who it is and admitted in so many turns each.
    Connect(u8),
    /// A client emits an event whose handler takes so many turns between what it does.
    Handle(usize, u8),
    /// Something is started for a socket, and dropped after so many polls.
    Start(Work, usize, u8),
    Lose(usize),
    Turn,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Ask,
    AskAll,
    EmitWhenReady,
    EmitCounted,
    Ids,
    Fetch,
    Join,
    LeaveAll,
    Disconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let work = prop::sample::select(WORK);
    let which = 0..8_usize;
    prop_oneof![
        3 => (0..6_u8).prop_map(Step::Connect),
        4 => (which.clone(), 0..6_u8).prop_map(|(which, turns)| Step::Handle(which, turns)),
        6 => (work, which.clone(), 0..4_u8)
            .prop_map(|(work, which, polls)| Step::Start(work, which, polls)),
        2 => which.prop_map(Step::Lose),
        6 => Just(Step::Turn),
    ]
}

/// How many calls of the application are under way.
#[derive(Clone, Default)]
struct UnderWay(Arc<AtomicIsize>);

impl UnderWay {
    fn enter(&self) -> Entered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(self.clone())
    }
}

struct Entered(UnderWay);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn turns(count: u8) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

async fn slow(socket: SocketRef, State(calls): State<UnderWay>, Args((count,)): Args<(u8,)>) {
    let _entered = calls.enter();
    turns(count).await;
    socket.join("slow").await;
    turns(count).await;
    let _ = socket.emit_with_ack::<_, ()>("q", &()).await;
}

async fn admit(socket: SocketRef, State(calls): State<UnderWay>) -> Result<(), Refusal> {
    let _entered = calls.enter();
    socket.join("early").await;
    let count = socket.handshake().query("turns").unwrap_or_default();
    turns(count.parse().unwrap_or_default()).await;
    Ok(())
}

async fn verify(credentials: Credentials) -> Result<Identity, AuthError> {
    turns(credentials.token().parse().unwrap_or_default()).await;
    Ok(Identity::new("somebody"))
}

struct World {
    hub: Hub,
    calls: UnderWay,
    connections: Vec<TestConnection>,
}

impl World {
    fn new() -> Self {
        stop_clock();
        let calls = UnderWay::default();
        let root = Namespace::new("/").middleware(admit).on("slow", slow);
        let authenticated = Namespace::new("/auth")
            .auth(Auth::new(verify))
            .on("slow", slow);
        let hub = Hub::builder()
            .config(RouterConfig::default().with_ack_timeout(Duration::from_secs(5)))
            .state(calls.clone())
            .namespace(root)
            .namespace(authenticated)
            .build()
            .unwrap();
        Self {
            hub,
            calls,
            connections: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Connect(count) => {
                let builder = TestClient::builder(&self.hub)
                    .query("turns", count.to_string())
                    .queue(8);
                let connection = builder.open();
                connection.send_raw("0");
                connection.send_raw(format!(r#"0/auth,{{"token":"{count}"}}"#));
                self.connections.push(connection);
            }
            Step::Handle(which, count) => {
                if let Some(connection) = pick(&self.connections, which) {
                    let namespace = if count.is_multiple_of(2) {
                        ""
                    } else {
                        "/auth,"
                    };
                    connection.send_raw(format!(r#"2{namespace}7["slow",{count}]"#));
                }
            }
            Step::Start(work, which, polls) => {
                let namespace = self
                    .hub
                    .of(if which.is_multiple_of(2) {
                        "/"
                    } else {
                        "/auth"
                    })
                    .unwrap();
                if let Some(socket) = pick(&namespace.sockets(), which / 2) {
                    start(work, socket, polls).await;
                }
            }
            Step::Lose(which) => {
                if !self.connections.is_empty() {
                    let at = which % self.connections.len();
                    lose(&self.connections.swap_remove(at));
                }
            }
            Step::Turn => turns(1).await,
        }
    }

    async fn finish(self) {
        // The longest that all handlers of a socket wait, one after another.
        advance(Duration::from_secs(1000)).await;
        assert_eq!(self.hub.stats().pending_acks, 0, "acks are waited for");
        assert_eq!(self.calls.0.load(Ordering::Relaxed), 0, "calls go on");
        self.connections.iter().for_each(lose);
        drop(self.connections);
        settle().await;

        let stats = self.hub.stats();
        assert_eq!((stats.clients, stats.sockets), (0, 0), "{stats:?}");
        assert_eq!((stats.rooms, stats.pending_acks), (0, 0), "{stats:?}");
        for namespace in self.hub.namespaces() {
            assert_eq!(namespace.socket_count(), 0);
            assert!(namespace.room_names().is_empty());
        }
    }
}

fn lose(connection: &TestConnection) {
    connection.drop_connection(DisconnectReason::TransportError);
}

fn pick<T>(all: &[T], which: usize) -> Option<&T> {
    (!all.is_empty()).then(|| &all[which % all.len()])
}

async fn start(work: Work, socket: &SocketRef, polls: u8) {
    let namespace = socket.namespace();
    match work {
        Work::Ask => poll(socket.emit_with_ack::<_, ()>("q", &()), polls).await,
        Work::AskAll => {
            let asked = namespace.broadcast().emit_with_ack::<_, ()>("q", &());
            poll(async { drop(asked.await) }, polls).await;
        }
        Work::EmitWhenReady => {
            // More than there is room for, so that some wait.
            for _ in 0..10 {
                poll(socket.emit_when_ready("n", &()), polls).await;
            }
        }
        Work::EmitCounted => poll(namespace.broadcast().emit_counted("n", &()), polls).await,
        Work::Ids => poll(namespace.broadcast().socket_ids(), polls).await,
        Work::Fetch => poll(namespace.fetch_sockets(), polls).await,
        Work::Join => poll(socket.join(["a", "b"]), polls).await,
        Work::LeaveAll => poll(namespace.broadcast().leave(["a", "b", "slow"]), polls).await,
        Work::Disconnect => poll(socket.disconnect(polls.is_multiple_of(2)), polls).await,
    }
}

/// Polls a future so many times, with a turn between, and drops it.
async fn poll(future: impl Future, polls: u8) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
        {
            return;
        }
        turns(1).await;
    }
}

proptest! {
    #![proptest_config(cases(100))]
    #[test]
    fn nothing_is_left_of_what_is_dropped(steps in prop::collection::vec(step(), 1..60)) {
        actix::System::new().block_on(async move {
            let mut world = World::new();
            for step in steps {
                world.take(step).await;
            }
            world.finish().await;
        });
    }
}

const WORK: &[Work] = &[
    Work::Ask,
    Work::AskAll,
    Work::EmitWhenReady,
    Work::EmitCounted,
    Work::Ids,
    Work::Fetch,
    Work::Join,
    Work::LeaveAll,
    Work::Disconnect,
];
