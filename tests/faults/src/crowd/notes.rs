use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::json;
use sockeye_guard::kit::{Checked, Failure, Polling, RS, Response, Stream, ensure, pause};
use tokio::time::interval;

use super::{Client, Incoming};

/// What came of a client that had its notes written down.
#[derive(Debug, Default)]
pub struct Noted {
    /// How many it has sent.
    pub sent: u64,
    /// The numbers of those that were answered.
    pub acked: BTreeSet<u64>,
    /// How its connection ended.
    pub ended: String,
}

/// Sends a note each `pause` over WebSocket until the server ends it.
///
/// # Errors
///
/// When the server answers something else than it should.
pub async fn note_over_websocket(
    mut client: Client,
    number: usize,
    pause: Duration,
) -> Checked<Noted> {
    let mut noted = Noted::default();
    let mut ticks = interval(pause);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let note = json!(["note", number, noted.sent]);
                match client.emit(&note, Some(noted.sent)).await {
                    Ok(()) => noted.sent += 1,
                    Err(_) => ticks.reset_after(Duration::from_secs(3600)),
                }
            }
            incoming = client.next() => match incoming {
                Ok(Incoming::Ack(ack, value)) => noted.answered(ack, &value.to_string())?,
                Ok(Incoming::End(_)) => "closed".clone_into(&mut noted.ended),
                Ok(Incoming::Cut) => "hung up".clone_into(&mut noted.ended),
                Ok(other) => return Err(Failure::new(format!("{other:?} instead of an ack"))),
                Err(failure) => noted.ended = failure.to_string(),
            }
        }
        if !noted.ended.is_empty() {
            return Ok(noted);
        }
    }
}

/// Sends one note after the other over polling, while a poll waits, until the server ends it.
///
/// # Errors
///
/// When the server doesn't answer a request that was sent before it was `told` to stop, or answers
/// something else than it should.
pub fn note_over_polling(
    address: SocketAddr,
    number: usize,
    pause_between: Duration,
    told: &OnceLock<Instant>,
) -> Checked<Noted> {
    let mut polling = Polling::open(address)?;
    polling.posts("40")?;
    ensure(polling.receive()?.starts_with("40"), "no CONNECT")?;
    let mut noted = Noted::default();
    let mut poll = Asked::get(&polling, told)?;
    while let Some(waiting) = poll {
        let note = json!(["note", number, noted.sent]);
        let post = Asked::post(&polling, &format!("42{}{note}", noted.sent), told)?;
        let posted = post.map_or(Ok(None), |post| post.answer(told))?;
        noted.sent += u64::from(posted.is_some_and(|answer| answer.status == 200));
        let answer = waiting.answer(told)?;
        if !answer.map_or(Ok(false), |answer| noted.polled(&answer))? {
            break;
        }
        pause(pause_between);
        poll = Asked::get(&polling, told)?;
    }
    "closed".clone_into(&mut noted.ended);
    Ok(noted)
}

/// A request on a connection of its own.
struct Asked {
    stream: Stream,
    sent: Instant,
}

impl Asked {
    fn get(polling: &Polling, told: &OnceLock<Instant>) -> Checked<Option<Self>> {
        Self::sent(polling.start_get(), told)
    }

    fn post(polling: &Polling, payload: &str, told: &OnceLock<Instant>) -> Checked<Option<Self>> {
        let post = polling.start_post(&format!("Content-Length: {}\r\n", payload.len()));
        let post = post.and_then(|mut post| post.send(payload).map(|()| post));
        Self::sent(post, told)
    }

    /// Nothing where nobody listens any more.
    fn sent(stream: Checked<Stream>, told: &OnceLock<Instant>) -> Checked<Option<Self>> {
        match stream {
            Ok(mut stream) => {
                stream.be_patient(PATIENCE)?;
                let sent = Instant::now();
                Ok(Some(Self { stream, sent }))
            }
            Err(_) if told.get().is_some() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads the answer; there may be none if the request came after the server was told to stop.
    fn answer(mut self, told: &OnceLock<Instant>) -> Checked<Option<Response>> {
        match self.stream.response() {
            Ok(answer) => Ok(Some(answer)),
            Err(_) if told.get().is_some_and(|told| self.sent > *told) => Ok(None),
            Err(failure) => Err(failure.on("a poll or post")),
        }
    }
}

impl Noted {
    /// Takes the answer of a poll; says whether the session goes on.
    fn polled(&mut self, answer: &Response) -> Checked<bool> {
        let text = answer.text();
        for packet in text.split(RS) {
            if let Some(ack) = packet.strip_prefix("43") {
                let (number, _) = ack.split_at(ack.find('[').unwrap_or(0));
                let parsed = number.parse().map_err(|_| Failure::new("no ack").on(ack))?;
                self.answered(parsed, &ack[number.len()..])?;
            }
        }
        Ok(answer.status == 200 && text.split(RS).all(|packet| packet != "1"))
    }

    fn answered(&mut self, ack: u64, answer: &str) -> Checked {
        ensure(answer == format!("[{ack}]"), "another note's answer")
            .map_err(|failure| failure.on(answer))?;
        ensure(self.acked.insert(ack), format!("{ack} is answered twice"))
    }
}

/// Longer than from one ping to the next: any poll has been answered by then.
const PATIENCE: Duration = Duration::from_secs(40);
