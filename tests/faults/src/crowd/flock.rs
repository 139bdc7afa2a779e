use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use sockeye_guard::kit::{Checked, Failure};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use super::{Client, Incoming};

/// Clients that stay, answer pings, and send an event each when they are asked to; on threads of
/// their own.
#[derive(Debug)]
pub struct Flock {
    runtime: Runtime,
    orders: Vec<mpsc::UnboundedSender<Order>>,
    lost: Arc<Lost>,
    pings: Arc<AtomicUsize>,
}

/// How an event was answered that every client of a flock has sent.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// How many got an answer.
    pub count: usize,
    /// How long the last of them took.
    pub last: Duration,
}

/// An event to send, and who waits for its answer.
type Order = (Arc<Value>, oneshot::Sender<()>);

/// How clients have ended.
type Lost = Mutex<Vec<String>>;

impl Flock {
    /// Connects so many, each with what `auth` makes of its number.
    ///
    /// # Errors
    ///
    /// When one can't connect.
    pub fn connect(
        address: SocketAddr,
        count: usize,
        auth: impl Fn(usize) -> Value,
    ) -> Checked<Self> {
        Self::connect_slow(address, count, auth, |_| Duration::ZERO)
    }

    /// As [`connect`](Self::connect), with clients who answer a ping so long after it has come.
    ///
    /// # Errors
    ///
    /// When one can't connect.
    pub fn connect_slow(
        address: SocketAddr,
        count: usize,
        auth: impl Fn(usize) -> Value,
        delay: impl Fn(usize) -> Duration,
    ) -> Checked<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let (lost, pings) = (Arc::<Lost>::default(), Arc::<AtomicUsize>::default());
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        let mut connecting = JoinSet::new();
        for number in 0..count {
            let (auth, delay) = (auth(number), delay(number));
            let (at_once, pings) = (at_once.clone(), pings.clone());
            let connect = async move {
                let _turn = at_once.acquire_owned().await;
                let connected = timeout(CONNECT, Client::connect(address, &auth)).await;
                let mut client = connected.map_err(|_| Failure::new("no answer to a client"))??;
                client.pong_after(delay);
                client.count_pings(pings);
                Ok::<_, Failure>(client)
            };
            connecting.spawn_on(connect, runtime.handle());
        }
        let clients = runtime.block_on(connecting.join_all());
        let mut orders = Vec::with_capacity(count);
        for client in clients {
            let (sender, receiver) = mpsc::unbounded_channel();
            runtime.spawn(stay(client?, receiver, lost.clone()));
            orders.push(sender);
        }
        Ok(Self {
            runtime,
            orders,
            lost,
            pings,
        })
    }

    /// Has each send an event, and waits for the answers for at most `cap`.
    #[must_use]
    pub fn ask(&self, event: &Value, cap: Duration) -> Answers {
        let (start, event) = (Instant::now(), Arc::new(event.clone()));
        let asked = self.orders.iter().map(|orders| {
            let (sender, receiver) = oneshot::channel();
            // One that has gone drops the sender.
            let _ = orders.send((event.clone(), sender));
            receiver
        });
        let asked: Vec<_> = asked.collect();
        self.runtime.block_on(async {
            let (mut count, mut last) = (0, Duration::ZERO);
            for answer in asked {
                let left = cap.saturating_sub(start.elapsed());
                if matches!(timeout(left, answer).await, Ok(Ok(()))) {
                    count += 1;
                    last = start.elapsed();
                }
            }
            Answers { count, last }
        })
    }

    /// Returns how many there were at first.
    #[must_use]
    pub fn size(&self) -> usize {
        self.orders.len()
    }

    /// Returns how those have ended that are not connected any more.
    #[must_use]
    pub fn lost(&self) -> Vec<String> {
        let lost = self.lost.lock();
        lost.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many pings they have had, all together.
    #[must_use]
    pub fn pings(&self) -> usize {
        self.pings.load(Ordering::Relaxed)
    }
}

/// Serves a client to its end.
async fn stay(mut client: Client, mut orders: mpsc::UnboundedReceiver<Order>, lost: Arc<Lost>) {
    let mut asked = Vec::<(u64, oneshot::Sender<()>)>::new();
    let mut next = 0;
    let end = loop {
        tokio::select! {
            incoming = client.next() => match incoming {
                Ok(Incoming::Ack(number, _)) => {
                    let at = asked.iter().position(|(asked, _)| *asked == number);
                    // Nobody waits any more where that took too long.
                    let _ = at.map(|at| asked.swap_remove(at).1.send(()));
                }
                Ok(Incoming::Event(_)) => {}
                Ok(other) => break format!("{other:?}"),
                Err(failure) => break failure.to_string(),
            },
            order = orders.recv() => {
                // None comes any more when the flock is dismissed.
                let Some((event, waiting)) = order else { return };
                if let Err(failure) = client.emit(&event, Some(next)).await {
                    break failure.to_string();
                }
                asked.push((next, waiting));
                next += 1;
            }
        }
    };
    let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
    lost.push(end);
}

/// How many connect at the same time, so that the others' handshakes don't grow old.
const AT_ONCE: usize = 64;

const CONNECT: Duration = Duration::from_secs(30);
