//! Rooms: who is in which, and who hears what, is as with plain sets.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sockeye_router::{
    BroadcastOperator, DisconnectReason, Hub, Namespace, NamespaceRef, testing::TestClient,
};

use super::cases::cases;

#[derive(Clone, Debug)]
enum Step {
    Connect(usize),
    /// The client leaves the namespace.
    Leave(usize),
    /// The client loses its connection.
    Lose(usize),
    /// The server disconnects it.
    Kick(usize, bool),
    JoinRooms(usize, Vec<usize>),
    LeaveRoom(usize, usize),
    Emit(Audience),
    EmitToOne(usize),
    Move(Audience, usize),
    Remove(Audience, usize),
    Disconnect(Audience, bool),
    Find(Audience),
}

/// Who is chosen: by the server or by a socket, which is left out.
#[derive(Clone, Debug)]
struct Audience {
    by: Option<usize>,
    to: Vec<Room>,
    except: Vec<Room>,
    volatile: bool,
    local: bool,
}

#[derive(Clone, Debug)]
enum Room {
    Named(usize),
    Own(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let room = 0..ROOMS.len();
    prop_oneof![
        4 => client.clone().prop_map(Step::Connect),
        1 => client.clone().prop_map(Step::Leave),
        1 => client.clone().prop_map(Step::Lose),
        1 => (client.clone(), any::<bool>()).prop_map(|(client, close)| Step::Kick(client, close)),
        6 => (client.clone(), prop::collection::vec(room.clone(), 0..4))
            .prop_map(|(client, rooms)| Step::JoinRooms(client, rooms)),
        3 => (client.clone(), room.clone()).prop_map(|(client, room)| Step::LeaveRoom(client, room)),
        8 => audience().prop_map(Step::Emit),
        1 => client.prop_map(Step::EmitToOne),
        2 => (audience(), room.clone()).prop_map(|(who, room)| Step::Move(who, room)),
        2 => (audience(), room).prop_map(|(who, room)| Step::Remove(who, room)),
        1 => (audience(), any::<bool>()).prop_map(|(who, close)| Step::Disconnect(who, close)),
        3 => audience().prop_map(Step::Find),
    ]
}

fn audience() -> impl Strategy<Value = Audience> {
    let room = prop_oneof![
        4 => (0..ROOMS.len()).prop_map(Room::Named),
        1 => (0..CLIENTS).prop_map(Room::Own),
    ];
    let rooms = || prop::collection::vec(room.clone(), 0..3);
    let by = prop::option::of(0..CLIENTS);
    (by, rooms(), rooms(), any::<bool>(), any::<bool>()).prop_map(
        |(by, to, except, volatile, local)| Audience {
            by,
            to,
            except,
            volatile,
            local,
        },
    )
}

struct World {
    hub: Hub,
    namespace: NamespaceRef,
    clients: Vec<Option<Client>>,
    number: u32,
}

struct Client {
    it: TestClient,
    rooms: BTreeSet<usize>,
    expected: Vec<String>,
}

impl World {
    fn new() -> Self {
        let hub = Hub::builder()
            .namespace(Namespace::new("/"))
            .build()
            .unwrap();
        let namespace = hub.of("/").unwrap();
        Self {
            hub,
            namespace,
            clients: (0..CLIENTS).map(|_| None).collect(),
            number: 0,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Connect(at) => {
                if self.clients[at].is_none() {
                    let it = TestClient::connect(&self.hub, "/").await.unwrap();
                    let _ = it.connection().take_raw();
                    self.clients[at] = Some(Client {
                        it,
                        rooms: BTreeSet::new(),
                        expected: Vec::new(),
                    });
                }
            }
            Step::Leave(at) => {
                if let Some(client) = self.clients[at].take() {
                    client.it.disconnect();
                }
            }
            Step::Lose(at) => {
                if let Some(client) = self.clients[at].take() {
                    let reason = DisconnectReason::TransportClose;
                    client.it.connection().drop_connection(reason);
                }
            }
            Step::Kick(at, close) => {
                if let Some(client) = self.clients[at].take() {
                    client.it.socket().unwrap().disconnect(close).await;
                    assert!(!client.it.is_connected() || close);
                }
            }
            Step::JoinRooms(at, rooms) => {
                if let Some(client) = &mut self.clients[at] {
                    let names = rooms.iter().map(|room| ROOMS[*room]).collect::<Vec<_>>();
                    client.it.socket().unwrap().join(names).await;
                    client.rooms.extend(rooms);
                }
            }
            Step::LeaveRoom(at, room) => {
                if let Some(client) = &mut self.clients[at] {
                    client.it.socket().unwrap().leave(ROOMS[room]).await;
                    client.rooms.remove(&room);
                }
            }
            Step::Emit(who) => self.emit(&who).await,
            Step::EmitToOne(at) => {
                self.number += 1;
                if let Some(client) = &mut self.clients[at] {
                    let socket = client.it.socket().unwrap();
                    socket.emit("n", &self.number).unwrap();
                    client.expected.push(format!(r#"2["n",{}]"#, self.number));
                }
            }
            Step::Move(who, room) => {
                if let Some((operator, chosen)) = self.choose(&who) {
                    operator.join(ROOMS[room]).await;
                    for at in chosen {
                        let client = self.clients[at].as_mut().unwrap();
                        client.rooms.insert(room);
                    }
                }
            }
            Step::Remove(who, room) => {
                if let Some((operator, chosen)) = self.choose(&who) {
                    operator.leave(ROOMS[room]).await;
                    for at in chosen {
                        let client = self.clients[at].as_mut().unwrap();
                        client.rooms.remove(&room);
                    }
                }
            }
            Step::Disconnect(who, close) => {
                if let Some((operator, chosen)) = self.choose(&who) {
                    operator.disconnect(close).await;
                    for at in chosen {
                        self.clients[at] = None;
                    }
                }
            }
            Step::Find(who) => {
                if let Some((operator, chosen)) = self.choose(&who) {
                    let found: BTreeSet<_> = operator.socket_ids().await.into_iter().collect();
                    let ids = chosen.iter().map(|at| self.id(*at).unwrap());
                    assert_eq!(found, ids.collect());
                    assert_eq!(operator.count().await, chosen.len());
                }
            }
        }
        self.check();
    }

    async fn emit(&mut self, who: &Audience) {
        self.number += 1;
        let Some((operator, chosen)) = self.choose(who) else {
            return;
        };
        let reached = operator.emit_counted("n", &self.number).await.unwrap();
        assert_eq!(reached, chosen.len());
        for at in chosen {
            let client = self.clients[at].as_mut().unwrap();
            client.expected.push(format!(r#"2["n",{}]"#, self.number));
        }
    }

    /// Returns the operator, and whom it should choose; nothing if a socket that isn't there is to
    /// do it.
    fn choose(&self, who: &Audience) -> Option<(BroadcastOperator, Vec<usize>)> {
        let mut operator = match who.by {
            Some(by) => self.clients[by].as_ref()?.it.socket()?.broadcast(),
            None => self.namespace.broadcast(),
        };
        operator = operator
            .to(self.names(&who.to))
            .except(self.names(&who.except));
        if who.volatile {
            operator = operator.volatile();
        }
        if who.local {
            operator = operator.local();
        }
        let is_in = |at: usize, rooms: &BTreeSet<usize>, room: &Room| match room {
            Room::Named(room) => rooms.contains(room),
            Room::Own(other) => *other == at,
        };
        let chosen = self.clients.iter().enumerate().filter_map(|(at, client)| {
            let rooms = &client.as_ref()?.rooms;
            // Whose id isn't known, as it is gone, can't be named.
            let mut to = who.to.iter().filter(|room| self.name(room).is_some());
            let named = who.to.iter().any(|room| self.name(room).is_some());
            let is_chosen = (!named || to.any(|room| is_in(at, rooms, room)))
                && !who.except.iter().any(|room| is_in(at, rooms, room))
                && who.by != Some(at);
            is_chosen.then_some(at)
        });
        Some((operator, chosen.collect()))
    }

    fn names(&self, rooms: &[Room]) -> Vec<String> {
        rooms.iter().filter_map(|room| self.name(room)).collect()
    }

    fn name(&self, room: &Room) -> Option<String> {
        match room {
            Room::Named(room) => Some(ROOMS[*room].to_owned()),
            Room::Own(client) => self.id(*client).map(|id| id.to_string()),
        }
    }

    fn id(&self, at: usize) -> Option<sockeye_router::Sid> {
        self.clients[at].as_ref().map(|client| client.it.id())
    }

    fn check(&mut self) {
        let mut inhabited = BTreeSet::new();
        for client in self.clients.iter_mut().flatten() {
            let heard = client.it.connection().take_raw();
            assert_eq!(heard, std::mem::take(&mut client.expected));
            let rooms: BTreeSet<_> = client.rooms.iter().map(|room| ROOMS[*room]).collect();
            let told = client.it.socket().unwrap().rooms();
            assert_eq!(told.len(), rooms.len(), "a room twice");
            assert!(told.iter().all(|room| rooms.contains(&**room)));
            inhabited.extend(rooms);
        }
        let names = self.namespace.room_names();
        assert_eq!(names.len(), inhabited.len());
        assert!(names.iter().all(|name| inhabited.contains(&**name)));
        let count = self.clients.iter().flatten().count();
        assert_eq!(self.namespace.socket_count(), count);
        assert_eq!(self.hub.stats().rooms, inhabited.len());
    }

    fn finish(mut self) {
        self.clients.clear();
        let stats = self.hub.stats();
        assert_eq!((stats.clients, stats.sockets, stats.rooms), (0, 0, 0));
    }
}

proptest! {
    #![proptest_config(cases(100))]
    #[test]
    fn rooms_are_plain_sets(steps in prop::collection::vec(step(), 1..60)) {
        actix::System::new().block_on(async move {
            let mut world = World::new();
            for step in steps {
                world.take(step).await;
            }
            world.finish();
        });
    }
}

const CLIENTS: usize = 4;
const ROOMS: [&str; 3] = ["a", "b", "c"];
