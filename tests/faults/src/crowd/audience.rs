use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sockeye_guard::{
    kit::{Checked, Failure, Token, ensure, eventually},
    server::Server,
};
use tokio::{
    net::TcpSocket,
    runtime::Runtime,
    sync::{Semaphore, watch},
};

use super::{Client, Incoming, narrow};

/// Many clients that listen to what is emitted to everyone, and note how long it took.
///
/// They come from several of this machine's addresses; their runtime ends with this value.
#[derive(Debug)]
pub struct Audience {
    runtime: Runtime,
    heard: Arc<Heard>,
    deaf: watch::Sender<bool>,
    sent: u64,
}

#[derive(Debug)]
struct Heard {
    start: Instant,
    /// When the last event was sent, and after what time the clients had it.
    latencies: Mutex<Vec<Duration>>,
    /// How many events were missing, or came twice.
    gaps: AtomicUsize,
    ended: Mutex<Vec<String>>,
}

/// Who comes.
#[derive(Clone, Copy, Debug)]
pub struct Guests {
    /// How many.
    pub count: usize,
    /// How many of them have small buffers, and stop reading when they are told to.
    pub slow: usize,
}

impl Audience {
    /// Lets them connect, some at a time, until all are there.
    ///
    /// # Errors
    ///
    /// When one doesn't get in.
    pub fn connect(address: SocketAddr, guests: Guests) -> Checked<Self> {
        let runtime = Runtime::new()?;
        let heard = Arc::new(Heard {
            start: Instant::now(),
            latencies: Mutex::default(),
            gaps: AtomicUsize::new(0),
            ended: Mutex::default(),
        });
        let (deaf, is_deaf) = watch::channel(false);
        let auth = Arc::new(json!({ "token": Token::of("guest").sign() }));
        let at_a_time = Arc::new(Semaphore::new(64));
        let came = runtime.block_on(async {
            let comes = (0..guests.count).map(|number| {
                let (heard, auth) = (Arc::clone(&heard), Arc::clone(&auth));
                let (is_slow, turns) = (number < guests.slow, Arc::clone(&at_a_time));
                let is_deaf = is_deaf.clone();
                tokio::spawn(async move {
                    let turn = turns.acquire_owned().await;
                    let client = come(number, is_slow, address, &auth).await?;
                    drop(turn);
                    match is_slow {
                        true => tokio::spawn(listen_for_a_while(client, heard, is_deaf)),
                        false => tokio::spawn(listen(client, heard)),
                    };
                    Ok::<(), Failure>(())
                })
            });
            for comes in comes.collect::<Vec<_>>() {
                comes
                    .await
                    .map_err(|_| Failure::new("a client has broken"))??;
            }
            Ok(())
        });
        came.map(|()| Self {
            runtime,
            heard,
            deaf,
            sent: 0,
        })
    }

    /// Emits an event of about so many bytes to everyone, by the API for backends; and doesn't wait
    /// until it's there. Returns how many it was queued for.
    ///
    /// # Errors
    ///
    /// When it isn't accepted.
    pub fn tell(&mut self, server: &Server, bytes: usize) -> Checked<u64> {
        self.sent += 1;
        let at = self.heard.start.elapsed().as_micros() as u64;
        let body = json!({ "event": "tell", "args": [self.sent, at, "x".repeat(bytes)] });
        let answer = server.emit(body.to_string())?.is(200)?.text();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let sockets = answer.pointer("/result/sockets").and_then(Value::as_u64);
        sockets.ok_or_else(|| Failure::new("no count of sockets"))
    }

    /// Waits until so many have heard what was told since the last call, and returns the times that
    /// it took them, the shortest first.
    ///
    /// # Errors
    ///
    /// When they haven't after `cap`.
    pub fn heard(&self, count: usize, cap: Duration) -> Checked<Vec<Duration>> {
        eventually(cap, || {
            let heard = lock(&self.heard.latencies).len();
            ensure(heard >= count, format!("heard {heard} instead of {count}"))
        })?;
        let mut latencies = std::mem::take(&mut *lock(&self.heard.latencies));
        latencies.sort_unstable();
        Ok(latencies)
    }

    /// Lets the slow ones stop reading, for good.
    pub fn deafen(&self) {
        self.deaf.send_replace(true);
    }

    /// Returns how many events were missing or came twice, and how those ended that have.
    #[must_use]
    pub fn losses(&self) -> (usize, Vec<String>) {
        let gaps = self.heard.gaps.load(Ordering::Relaxed);
        (gaps, lock(&self.heard.ended).clone())
    }

    /// Lets all of them go at once.
    pub fn leave(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(10));
    }
}

async fn come(number: usize, is_slow: bool, address: SocketAddr, auth: &Value) -> Checked<Client> {
    let socket = match is_slow {
        true => narrow()?,
        false => TcpSocket::new_v4()?,
    };
    let host = 2 + (number % SOURCES) as u8;
    let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
    socket.bind(SocketAddr::new(source, 0))?;
    Client::connect_on(socket, address, auth).await
}

/// Reads until it is told to stop, and stays then.
async fn listen_for_a_while(
    mut client: Client,
    heard: Arc<Heard>,
    mut deaf: watch::Receiver<bool>,
) {
    let mut last = None;
    while !*deaf.borrow_and_update() {
        tokio::select! {
            _ = deaf.changed() => {}
            incoming = client.next() => {
                let Some(told) = heard.take(incoming) else { return };
                heard.is_next(&mut last, told);
            }
        }
    }
    std::future::pending::<()>().await;
}

async fn listen(mut client: Client, heard: Arc<Heard>) {
    let mut last = None;
    while let Some(told) = heard.take(client.next().await) {
        let latency = heard.start.elapsed().saturating_sub(told.at);
        heard.is_next(&mut last, told);
        lock(&heard.latencies).push(latency);
    }
}

/// An event to everyone.
#[derive(Clone, Copy, Debug)]
struct Told {
    number: u64,
    at: Duration,
}

impl Heard {
    /// Reads an event; what else comes is an end.
    fn take(&self, incoming: Checked<Incoming>) -> Option<Told> {
        let end = match incoming {
            Ok(Incoming::Event(event)) => {
                let number = |field| event.pointer(field).and_then(Value::as_u64);
                return Some(Told {
                    number: number("/1").unwrap_or_default(),
                    at: Duration::from_micros(number("/2").unwrap_or_default()),
                });
            }
            Ok(other) => format!("{other:.100?}"),
            Err(failure) => failure.to_string(),
        };
        lock(&self.ended).push(end);
        None
    }

    fn is_next(&self, last: &mut Option<u64>, told: Told) {
        if last.is_some_and(|last| told.number != last + 1) {
            self.gaps.fetch_add(1, Ordering::Relaxed);
        }
        *last = Some(told.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Addresses of this machine that they come from, each of which has about 28,000 ports.
const SOURCES: usize = 8;
