use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use sockeye_guard::kit::{Checked, Failure, Token, ensure};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Chance, Incoming, Member, Way};

/// A crowd whose members come, talk in rooms, move to others, and go again, each in one of several
/// ways; another takes the place of each that goes.
#[derive(Clone, Copy, Debug)]
pub struct Passages {
    /// Where the server listens.
    pub address: SocketAddr,
    /// How many are there at a time.
    pub members: usize,
    /// How many rooms they share.
    pub rooms: u64,
    /// How many come in a second until all are there.
    pub arrivals: u32,
    /// How long each stays on average, in milliseconds.
    pub stay: u64,
    /// How long there is one in every place.
    pub time: Duration,
}

/// What became of a crowd.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many have come.
    pub came: usize,
    /// How many events they emitted, each of which was acknowledged.
    pub acked: usize,
    /// How many events of others they heard.
    pub heard: usize,
    /// How many events were missing or came twice or late, in a room where sender and receiver were.
    pub disorder: usize,
    /// How many went otherwise than they wanted to.
    pub broken: usize,
    /// The first such ends.
    pub why: Vec<Failure>,
    /// The longest time to an ack.
    pub slowest: Duration,
}

impl Passages {
    /// Lets them come and go, and returns when the last has gone.
    pub async fn pass(self) -> Tally {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let start = Instant::now();
        let end = start + self.time;
        let mut places = JoinSet::new();
        for place in 0..self.members {
            let tally = Arc::clone(&tally);
            places.spawn(async move {
                sleep_until(start + Duration::from_secs(place as u64) / self.arrivals).await;
                let mut chance = Chance::new(place as u64);
                while Instant::now() < end {
                    let mut passage = Passage::new(self, chance.below(u64::MAX));
                    let outcome = passage.run(end).await;
                    passage.tell(outcome, &tally);
                }
            });
        }
        while places.join_next().await.is_some() {}
        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.clone()
    }
}

/// One member from its coming to its going.
#[derive(Debug)]
struct Passage {
    crowd: Passages,
    chance: Chance,
    room: String,
    /// How many rooms it has been in.
    stay: u64,
    said: u64,
    asked: u64,
    /// The last event of each stay of others in this room.
    heard: HashMap<(String, u64), u64>,
    tally: Tally,
}

impl Passage {
    fn new(crowd: Passages, seed: u64) -> Self {
        Self {
            crowd,
            chance: Chance::new(seed),
            room: String::new(),
            stay: 0,
            said: 0,
            asked: 0,
            heard: HashMap::new(),
            tally: Tally::default(),
        }
    }

    async fn run(&mut self, end: Instant) -> Checked {
        self.tally.came = 1;
        let stay = self.crowd.stay / 2 + self.chance.below(self.crowd.stay);
        let until = end.min(Instant::now() + Duration::from_millis(stay));
        let way = Way::ALL[self.chance.below(3) as usize];
        let user = format!("soak-{}", self.chance.below(1000));
        let auth = json!({ "token": Token::of(&user).sign() });
        let comes = Member::connect(self.crowd.address, &auth, way);
        let mut member = within(comes)
            .await
            .map_err(|failure| failure.on(format!("coming over {way:?}")))?;
        self.enter(&mut member).await?;
        loop {
            let pause = Duration::from_millis(2000 + self.chance.below(4000));
            let next = until.min(Instant::now() + pause);
            while let Ok(incoming) = timeout_at(next, member.next()).await {
                self.hear(incoming?)?;
            }
            if next == until {
                break;
            }
            match self.chance.below(8) {
                0 => {
                    let leave = json!(["leave", self.room]);
                    self.ask(&mut member, &leave).await?;
                    self.enter(&mut member).await?;
                }
                _ => self.say(&mut member).await?,
            }
        }
        match self.chance.below(3) {
            // The session is closed, or the socket, or nothing is said.
            0 => within(member.send("1")).await,
            1 => within(member.send("41")).await,
            _ => Ok(()),
        }
    }

    async fn enter(&mut self, member: &mut Member) -> Checked {
        self.room = format!("soak:{}", self.chance.below(self.crowd.rooms));
        self.stay += 1;
        self.said = 0;
        self.heard.clear();
        let join = json!(["join", self.room]);
        self.ask(member, &join).await
    }

    async fn say(&mut self, member: &mut Member) -> Checked {
        self.said += 1;
        let text = "x".repeat(self.chance.below(400) as usize);
        let (room, stay, said) = (&self.room, self.stay, self.said);
        let event = json!(["chat", { "room": room, "stay": stay, "n": said, "text": text }]);
        self.ask(member, &event).await
    }

    /// Emits, and hears what others say until the answer comes.
    async fn ask(&mut self, member: &mut Member, event: &Value) -> Checked {
        self.asked += 1;
        let start = Instant::now();
        within(member.emit(event, Some(self.asked))).await?;
        loop {
            match within(member.next()).await? {
                Incoming::Ack(number, answer) if number == self.asked => {
                    let is_ok = answer.pointer("/0/status") == Some(&json!("ok"));
                    ensure(is_ok, format!("{event:.40} is answered {answer:.200}"))?;
                    self.tally.acked += 1;
                    self.tally.slowest = self.tally.slowest.max(start.elapsed());
                    return Ok(());
                }
                other => self.hear(other)?,
            }
        }
    }

    fn hear(&mut self, incoming: Incoming) -> Checked {
        let Incoming::Event(event) = incoming else {
            return Err(Failure::new(format!("{incoming:.200?} comes unasked")));
        };
        let number = |field| event.pointer(field).and_then(Value::as_u64);
        let from = event.pointer("/2/from").and_then(Value::as_str);
        let (Some(from), Some(stay), Some(said)) = (from, number("/1/stay"), number("/1/n")) else {
            return Err(Failure::new("an event of nobody").on(event));
        };
        self.tally.heard += 1;
        let last = self.heard.insert((from.to_owned(), stay), said);
        if last.is_some_and(|last| said != last + 1) {
            self.tally.disorder += 1;
        }
        Ok(())
    }

    fn tell(self, outcome: Checked, tally: &Mutex<Tally>) {
        let mut all = tally.lock().unwrap_or_else(PoisonError::into_inner);
        all.came += self.tally.came;
        all.acked += self.tally.acked;
        all.heard += self.tally.heard;
        all.disorder += self.tally.disorder;
        all.slowest = all.slowest.max(self.tally.slowest);
        if let Err(failure) = outcome {
            all.broken += 1;
            if all.why.len() < 5 {
                all.why.push(failure);
            }
        }
    }
}

async fn within<T>(what: impl Future<Output = Checked<T>>) -> Checked<T> {
    let outcome = tokio::time::timeout(PATIENCE, what).await;
    outcome.unwrap_or_else(|_| Err(Failure::new(format!("nothing for {PATIENCE:?}"))))
}

/// How long an answer may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(30);
