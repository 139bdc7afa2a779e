//! Whatever is emitted, and whenever connections break: each client gets what was for it exactly
//! once and in order.

#[path = "../../protocol/src/tests/cases.rs"]
mod cases;
mod tab;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use actix::{Arbiter, ArbiterHandle};
use proptest::prelude::*;
use sockeye_router::{Hub, Namespace, NamespaceRef, Recovery, RouterConfig, SocketRef};
use tab::Tab;

#[derive(Clone, Debug)]
enum Step {
    Emit(Target),
    Join(usize, usize),
    Leave(usize, usize),
    Receive(usize, usize),
    /// The client loses its connection, and all but the first packets on their way to it.
    Lose(usize, usize),
    Return(usize),
    /// The client comes back before its loss was noticed.
    Replace(usize, usize),
}

#[derive(Clone, Debug)]
enum Target {
    All,
    Room(usize),
    Rooms,
    Except(usize),
    Socket(usize),
    Id(usize),
    OthersOf(usize),
    Volatile,
}

const CLIENTS: usize = 3;
const ROOMS: [&str; 2] = ["a", "b"];

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let room = 0..ROOMS.len();
    let target = prop_oneof![
        Just(Target::All),
        room.clone().prop_map(Target::Room),
        Just(Target::Rooms),
        room.clone().prop_map(Target::Except),
        client.clone().prop_map(Target::Socket),
        client.clone().prop_map(Target::Id),
        client.clone().prop_map(Target::OthersOf),
        Just(Target::Volatile),
    ];
    prop_oneof![
        6 => target.prop_map(Step::Emit),
        2 => (client.clone(), room.clone()).prop_map(|(c, r)| Step::Join(c, r)),
        1 => (client.clone(), room).prop_map(|(c, r)| Step::Leave(c, r)),
        2 => (client.clone(), 0..5_usize).prop_map(|(c, n)| Step::Receive(c, n)),
        1 => (client.clone(), 0..5_usize).prop_map(|(c, n)| Step::Lose(c, n)),
        2 => client.clone().prop_map(Step::Return),
        1 => (client, 0..5_usize).prop_map(|(c, n)| Step::Replace(c, n)),
    ]
}

/// What a client should get in the end.
#[derive(Default)]
struct Model {
    rooms: BTreeSet<usize>,
    is_lost: bool,
    expected: Vec<String>,
}

struct World {
    hub: Hub,
    tabs: Vec<Tab>,
    models: Vec<Model>,
    number: usize,
}

impl World {
    async fn new() -> Self {
        let hub = hub();
        let mut tabs = Vec::new();
        for _ in 0..CLIENTS {
            tabs.push(Tab::open(&hub).await);
        }
        let models = (0..CLIENTS).map(|_| Model::default()).collect();
        Self {
            hub,
            tabs,
            models,
            number: 0,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Emit(target) => self.emit(&target),
            Step::Join(client, room) => {
                if let Some(socket) = self.socket(client) {
                    socket.join(ROOMS[room]).await;
                    self.models[client].rooms.insert(room);
                }
            }
            Step::Leave(client, room) => {
                if let Some(socket) = self.socket(client) {
                    socket.leave(ROOMS[room]).await;
                    self.models[client].rooms.remove(&room);
                }
            }
            Step::Receive(client, count) => {
                self.tabs[client].receive_first(count);
            }
            Step::Lose(client, count) => {
                self.tabs[client].receive_first(count);
                self.tabs[client].lose();
                self.tabs[client].peer.heard();
                self.models[client].is_lost = true;
            }
            Step::Return(client) => {
                if self.models[client].is_lost {
                    self.come_back(client).await;
                }
            }
            Step::Replace(client, count) => {
                self.tabs[client].receive_first(count);
                self.come_back(client).await;
            }
        }
    }

    async fn come_back(&mut self, client: usize) {
        let (tab, model) = (&mut self.tabs[client], &mut self.models[client]);
        let sid = tab.sid.clone();
        tab.come_back().await;
        assert!(tab.recovered);
        assert_eq!(tab.sid, sid);
        model.is_lost = false;
    }

    fn socket(&self, client: usize) -> Option<SocketRef> {
        root(&self.hub).socket(self.tabs[client].id())
    }

    fn emit(&mut self, target: &Target) {
        self.number += 1;
        let (number, all) = (self.number, root(&self.hub));
        let id = |client: &usize| self.tabs[*client].id();
        match target {
            Target::All => all.emit("n", &number).unwrap(),
            Target::Room(room) => all.to(ROOMS[*room]).emit("n", &number).unwrap(),
            Target::Rooms => all.to(ROOMS).emit("n", &number).unwrap(),
            Target::Except(room) => all.except(ROOMS[*room]).emit("n", &number).unwrap(),
            Target::Id(client) => all.to(id(client)).emit("n", &number).unwrap(),
            Target::Socket(client) => {
                let Some(socket) = self.socket(*client) else {
                    return;
                };
                socket.emit("n", &number).unwrap();
            }
            Target::OthersOf(client) => {
                let Some(socket) = self.socket(*client) else {
                    return;
                };
                socket.broadcast().emit("n", &number).unwrap();
            }
            // The model can't tell whether it arrives, so it only comes in between.
            Target::Volatile => return all.to("nobody").volatile().emit("n", &"x").unwrap(),
        }
        for (client, model) in self.models.iter_mut().enumerate() {
            let is_for = match target {
                Target::All => true,
                Target::Room(room) => model.rooms.contains(room),
                Target::Rooms => !model.rooms.is_empty(),
                Target::Except(room) => !model.rooms.contains(room),
                Target::Socket(to) | Target::Id(to) => *to == client,
                Target::OthersOf(sender) => *sender != client,
                Target::Volatile => false,
            };
            if is_for {
                model.expected.push(format!(r#"["n",{number}]"#));
            }
        }
    }

    async fn check(mut self) {
        for client in 0..CLIENTS {
            if self.models[client].is_lost {
                self.come_back(client).await;
            }
            self.tabs[client].receive();
            assert_eq!(self.tabs[client].got, self.models[client].expected);
        }
    }
}

proptest! {
    #![proptest_config(cases::cases(150))]
    #[test]
    fn every_event_comes_exactly_once_and_in_order(steps in prop::collection::vec(step(), 1..80)) {
        actix::System::new().block_on(async move {
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
            }
            world.check().await;
        });
    }
}

#[test]
fn threads_that_emit_and_clients_that_wander_between_threads_agree_on_one_order() {
    let _system = actix::System::new();
    let hub = hub();
    let arbiters: Vec<_> = (0..3).map(|_| arbiter()).collect();
    let threads = Threads {
        arbiters: arbiters.iter().map(Arbiter::handle).collect(),
        sessions: Arc::default(),
        hops: Arc::default(),
    };
    let (report, reports) = mpsc::channel();
    for seed in 0..CLIENTS as u64 * 3 {
        let hub = hub.clone();
        threads.run(
            seed,
            wander(hub, Traveller::new(seed), threads.clone(), report.clone()),
        );
    }
    // All are connected before the first event, so all should get every one.
    while threads.sessions.load(Ordering::Relaxed) < CLIENTS * 3 {
        std::thread::yield_now();
    }
    // One emitter is a thread without sockets; the other has some of the clients beside it.
    let (emitter, pace) = (hub.clone(), threads.clone());
    threads.run(0, || async move {
        for number in 0..EVENTS {
            root(&emitter).emit("n", &(0, number)).unwrap();
            while pace.hops() < number / 4 {
                tokio::task::yield_now().await;
            }
        }
    });
    for number in 0..EVENTS {
        root(&hub).emit("n", &(1, number)).unwrap();
        threads.let_clients_wander(number);
    }

    let all: Vec<Vec<(u64, u64)>> = (0..CLIENTS * 3)
        .map(|_| reports.recv_timeout(Duration::from_secs(60)).unwrap())
        .collect();

    for emitter in 0..EMITTERS {
        let own = all[0].iter().filter(|(by, _)| *by == emitter);
        let numbers: Vec<_> = own.map(|(_, number)| *number).collect();
        assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>());
    }
    for received in &all {
        assert_eq!(received, &all[0]);
    }
    for arbiter in arbiters {
        arbiter.stop();
    }
}

#[derive(Clone)]
struct Threads {
    arbiters: Vec<ArbiterHandle>,
    sessions: Arc<AtomicUsize>,
    hops: Arc<AtomicU64>,
}

impl Threads {
    /// How often clients have gone to another thread.
    fn hops(&self) -> u64 {
        self.hops.load(Ordering::Relaxed)
    }

    /// Lets clients go on before the next event, so that events and breaks mix.
    fn let_clients_wander(&self, number: u64) {
        while self.hops() < number / 4 {
            std::thread::yield_now();
        }
    }

    fn run<T: Future<Output = ()> + 'static>(
        &self,
        at: u64,
        task: impl FnOnce() -> T + Send + 'static,
    ) {
        self.arbiters[at as usize % self.arbiters.len()].spawn_fn(|| drop(actix::spawn(task())));
    }
}

/// What a client takes along to another thread.
struct Traveller {
    pid: Option<String>,
    offset: Option<String>,
    got: Vec<String>,
    random: u64,
}

impl Traveller {
    fn new(seed: u64) -> Self {
        Self {
            pid: None,
            offset: None,
            got: Vec::new(),
            random: seed,
        }
    }

    fn choose(&mut self) -> u64 {
        let next = self.random.wrapping_mul(6_364_136_223_846_793_005);
        self.random = next.wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }
}

/// Receives some, then loses the connection, or just leaves it, and goes to another thread; until
/// it has every event.
fn wander(
    hub: Hub,
    mut traveller: Traveller,
    threads: Threads,
    report: mpsc::Sender<Vec<(u64, u64)>>,
) -> impl FnOnce() -> BoxedTask + Send {
    move || {
        let choice = traveller.choose();
        threads.hops.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let is_first = traveller.pid.is_none();
            let mut tab = Tab::resume(&hub, traveller.pid, traveller.offset, traveller.got).await;
            threads
                .sessions
                .fetch_add(usize::from(is_first), Ordering::Relaxed);
            let socket = root(&hub).socket(tab.id()).unwrap();
            for _ in 0..choice % 7 {
                socket.join("a").await;
                socket.leave("a").await;
                tokio::task::yield_now().await;
            }
            tab.receive_first(choice as usize % 40);
            if tab.got.len() == (EMITTERS * EVENTS) as usize {
                let received = tab.got.iter().map(|event| {
                    let (_, by, number): (String, u64, u64) = serde_json::from_str(event).unwrap();
                    (by, number)
                });
                return report.send(received.collect()).unwrap();
            }
            traveller.pid = tab.pid.take();
            traveller.offset = tab.offset.take();
            traveller.got = std::mem::take(&mut tab.got);
            if choice.is_multiple_of(2) {
                tab.lose();
            }
            threads.run(choice, wander(hub, traveller, threads.clone(), report));
            if !choice.is_multiple_of(2) {
                // The server ends it when the client is back.
                while !tab.peer.next().await.starts_with("closed") {}
            }
        })
    }
}

type BoxedTask = std::pin::Pin<Box<dyn Future<Output = ()>>>;

const EMITTERS: u64 = 2;
const EVENTS: u64 = 1000;

fn arbiter() -> Arbiter {
    Arbiter::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    })
}

fn hub() -> Hub {
    Hub::builder()
        .config(RouterConfig::default().with_recovery(Recovery::new()))
        .namespace(Namespace::new("/"))
        .build()
        .unwrap()
}

fn root(hub: &Hub) -> NamespaceRef {
    hub.of("/").unwrap()
}
