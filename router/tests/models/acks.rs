//! Acks: each call that waits for an answer ends once, with the answer or with why there is none.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use proptest::prelude::*;
use sockeye_router::{
    AckError, DisconnectReason, Hub, Namespace, RouterConfig,
    testing::{TestClient, advance, stop_clock},
};
use tokio::{task::JoinHandle, time::Instant};

use super::cases::cases;

#[derive(Clone, Debug)]
enum Step {
    /// Asks a client, for at most so many milliseconds.
    Ask(usize, u64),
    /// A client answers one of its questions.
    Answer(usize, usize),
    /// It answers one again, or too late, or one of another client.
    AnswerOld(usize, usize),
    /// It answers what nobody asked.
    AnswerNothing(usize),
    /// Somebody stops waiting.
    GiveUp(usize),
    Lose(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        6 => (client.clone(), 1..100_u64).prop_map(|(client, within)| Step::Ask(client, within)),
        4 => (client.clone(), any::<usize>()).prop_map(|(client, which)| Step::Answer(client, which)),
        1 => (client.clone(), any::<usize>()).prop_map(|(client, which)| Step::AnswerOld(client, which)),
        1 => client.clone().prop_map(Step::AnswerNothing),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => client.prop_map(Step::Lose),
        3 => (1..60_u64).prop_map(Step::Pass),
    ]
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Answered(u64),
    Timeout,
    Disconnected,
    Other,
}

struct Question {
    client: usize,
    id: u64,
    deadline: Instant,
    waiting: JoinHandle<()>,
}

struct World {
    hub: Hub,
    clients: Vec<Option<TestClient>>,
    /// What the model says is open, by the number of the question, and how the others ended.
    open: BTreeMap<usize, Question>,
    expected: BTreeMap<usize, End>,
    ended: Rc<RefCell<Vec<(usize, End)>>>,
    ids: BTreeSet<u64>,
    asked: usize,
}

impl World {
    async fn new() -> Self {
        stop_clock();
        let hub = Hub::builder()
            .config(RouterConfig::default().with_pending_acks(MOST))
            .namespace(Namespace::new("/"))
            .build()
            .unwrap();
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let client = TestClient::connect(&hub, "/").await.unwrap();
            let _ = client.connection().take_raw();
            clients.push(Some(client));
        }
        Self {
            hub,
            clients,
            open: BTreeMap::new(),
            expected: BTreeMap::new(),
            ended: Rc::default(),
            ids: BTreeSet::new(),
            asked: 0,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Ask(client, within) => self.ask(client, Duration::from_millis(within)),
            Step::Answer(client, which) => {
                let own = self.open.iter().filter(|(_, open)| open.client == client);
                let own: Vec<_> = own.map(|(number, open)| (*number, open.id)).collect();
                if !own.is_empty() {
                    let (number, id) = own[which % own.len()];
                    self.say(client, id);
                    self.end(number, End::Answered(id));
                }
            }
            Step::AnswerOld(client, which) => {
                let own = |id: &&u64| {
                    let mut open = self.open.values();
                    !open.any(|open| open.client == client && open.id == **id)
                };
                let old: Vec<_> = self.ids.iter().filter(own).copied().collect();
                if !old.is_empty() {
                    self.say(client, old[which % old.len()]);
                }
            }
            Step::AnswerNothing(client) => self.say(client, 1_000_000),
            Step::GiveUp(which) => {
                let numbers: Vec<_> = self.open.keys().copied().collect();
                if !numbers.is_empty() {
                    let given_up = self.open.remove(&numbers[which % numbers.len()]).unwrap();
                    given_up.waiting.abort();
                }
            }
            Step::Lose(client) => {
                if let Some(lost) = self.clients[client].take() {
                    let reason = DisconnectReason::PingTimeout;
                    lost.connection().drop_connection(reason);
                    let own = self.open.iter().filter(|(_, open)| open.client == client);
                    let own: Vec<_> = own.map(|(number, _)| *number).collect();
                    for number in own {
                        self.end(number, End::Disconnected);
                    }
                }
            }
            Step::Pass(time) => self.pass(Duration::from_millis(time)).await,
        }
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        self.check();
    }

    fn ask(&mut self, at: usize, within: Duration) {
        let Some(client) = &self.clients[at] else {
            return;
        };
        let socket = client.socket().unwrap();
        let question = socket.emit_with_ack::<_, u64>("q", &()).timeout(within);
        let number = self.asked;
        self.asked += 1;
        let ended = self.ended.clone();
        let waiting = tokio::task::spawn_local(async move {
            let end = match question.await {
                Ok(answer) => End::Answered(answer),
                Err(AckError::Timeout) => End::Timeout,
                Err(AckError::Disconnected) => End::Disconnected,
                Err(_) => End::Other,
            };
            ended.borrow_mut().push((number, end));
        });
        let heard = client.connection().take_raw();
        let [packet] = &heard[..] else {
            panic!("not one question: {heard:?}");
        };
        let id = packet.text.strip_prefix('2').unwrap();
        let id = id.strip_suffix(r#"["q"]"#).unwrap().parse().unwrap();
        assert!(self.ids.insert(id), "{id} twice");
        let own = self.open.iter().filter(|(_, open)| open.client == at);
        let oldest = own.clone().next().map(|(number, _)| *number);
        if let Some(oldest) = oldest.filter(|_| own.count() == MOST) {
            self.end(oldest, End::Timeout);
        }
        let deadline = Instant::now() + within;
        self.open.insert(
            number,
            Question {
                client: at,
                id,
                deadline,
                waiting,
            },
        );
    }

    fn say(&self, client: usize, id: u64) {
        if let Some(client) = &self.clients[client] {
            client.connection().send_raw(format!("3{id}[{id}]"));
        }
    }

    async fn pass(&mut self, time: Duration) {
        advance(time).await;
        // Timers are exact to a millisecond.
        while self.open.values().any(|open| is_close(open.deadline)) {
            advance(3 * MS).await;
        }
        let now = Instant::now();
        let over = self.open.iter().filter(|(_, open)| open.deadline <= now);
        let over: Vec<_> = over.map(|(number, _)| *number).collect();
        for number in over {
            self.end(number, End::Timeout);
        }
    }

    fn end(&mut self, number: usize, end: End) {
        self.open.remove(&number);
        self.expected.insert(number, end);
    }

    fn check(&self) {
        let ended = self.ended.borrow();
        let once: BTreeMap<_, _> = ended.iter().copied().collect();
        assert_eq!(once.len(), ended.len(), "an answer came twice");
        assert_eq!(once, self.expected);
        assert_eq!(self.hub.stats().pending_acks, self.open.len());
    }
}

proptest! {
    #![proptest_config(cases(60))]
    #[test]
    fn every_question_ends_once_and_as_it_should(steps in prop::collection::vec(step(), 1..60)) {
        actix::System::new().block_on(async move {
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
            }
            // The longest that anybody waits.
            world.take(Step::Pass(200)).await;
            assert!(world.open.is_empty());
        });
    }
}

/// Whether it is just over or will be at once.
fn is_close(deadline: Instant) -> bool {
    let now = Instant::now();
    deadline <= now + 2 * MS && now <= deadline + 2 * MS
}

const MS: Duration = Duration::from_millis(1);
const CLIENTS: usize = 2;
/// More than any answer takes.
const TURNS: usize = 16;
/// How many questions a socket may owe the answers of.
const MOST: usize = 3;
