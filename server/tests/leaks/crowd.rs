use std::{
    collections::{BTreeMap, HashMap},
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{sync::Semaphore, task::JoinHandle, time::timeout};

use crate::{
    chance::Chance,
    served::{CAP, Served, turn},
    session::{Client, KINDS, Kind},
};

/// Clients of every kind, in random order, of which so many are there at a time.
pub(crate) struct Crowd {
    outcomes: HashMap<&'static str, Outcome>,
    failures: BTreeMap<String, usize>,
    clients: Option<JoinHandle<Vec<Ending>>>,
    ended: Arc<AtomicUsize>,
}

/// The name of a client's kind, and how it went.
type Ending = (&'static str, io::Result<()>);

#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    played: usize,
    failed: usize,
}

impl Crowd {
    /// Returns when all clients are gone; the server may still be busy with what they left.
    pub(crate) async fn of(served: &Served, chance: &mut Chance, sessions: usize) -> Self {
        let mut crowd = Self::coming(served, chance, sessions);
        crowd.gone().await;
        crowd
    }

    /// Lets the clients come while the caller does something else.
    pub(crate) fn coming(served: &Served, chance: &mut Chance, sessions: usize) -> Self {
        let ended = Arc::new(AtomicUsize::new(0));
        let engine = served.io.engine().clone();
        let (address, mut chance, counter) =
            (served.address, Chance::new(chance.next()), ended.clone());
        let clients = actix_web::rt::spawn(async move {
            let places = Rc::new(Semaphore::new(MOST_CLIENTS));
            let mut playing = Vec::with_capacity(sessions);
            for _ in 0..sessions {
                while engine.session_count() >= MOST_OPEN {
                    turn().await;
                }
                let place = places.clone();
                place.acquire().await.unwrap().forget();
                let kind = choose(&mut chance);
                let client = Client {
                    address,
                    chance: Chance::new(chance.next()),
                };
                let ended = counter.clone();
                playing.push(actix_web::rt::spawn(async move {
                    let result = timeout(CAP, (kind.play)(client)).await;
                    place.add_permits(1);
                    ended.fetch_add(1, Ordering::Relaxed);
                    (kind.name, result.unwrap_or_else(|late| Err(late.into())))
                }));
            }
            let mut results = Vec::with_capacity(sessions);
            for client in playing {
                results.push(client.await.unwrap());
            }
            results
        });
        Self {
            outcomes: HashMap::new(),
            failures: BTreeMap::new(),
            clients: Some(clients),
            ended,
        }
    }

    /// Returns how many clients have come and gone.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// Waits until all clients have come and gone.
    pub(crate) async fn gone(&mut self) {
        let Some(clients) = self.clients.take() else {
            return;
        };
        for (kind, result) in clients.await.unwrap() {
            let outcome = self.outcomes.entry(kind).or_default();
            outcome.played += 1;
            if let Err(error) = result {
                outcome.failed += 1;
                let failure = format!("{kind}: {error}");
                *self.failures.entry(failure).or_default() += 1;
            }
        }
    }

    pub(crate) fn report(&self) {
        println!("{:?}", self.failures);
    }

    /// A machine that stands still for a moment may cost some clients their session, not many.
    pub(crate) fn assert_most_went_as_planned(&self) {
        for Kind { name, .. } in KINDS {
            let outcome = self.outcomes.get(name).copied().unwrap_or_default();
            let most = outcome.failed * 10 <= outcome.played;
            assert!(outcome.played > 0 && most, "{name}: {outcome:?}");
        }
    }
}

fn choose(chance: &mut Chance) -> &'static Kind {
    let all: usize = KINDS.iter().map(|kind| kind.share).sum();
    let mut left = chance.below(all);
    for kind in KINDS {
        match left.checked_sub(kind.share) {
            Some(rest) => left = rest,
            None => return kind,
        }
    }
    unreachable!("below the sum of all shares")
}

/// How many sessions may be open when one more comes.
const MOST_OPEN: usize = 1000;

/// How many clients may be there at a time.
const MOST_CLIENTS: usize = 128;
