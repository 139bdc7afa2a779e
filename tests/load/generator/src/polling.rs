//! Long-polling: echoes, and clients that come and go.
//!
//! A client keeps two connections alive: one for the poll that waits, one for posts.

mod client;
mod exchange;

use std::{
    io,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};

use self::client::{Client, Next, Step};
use crate::{
    payload,
    tally::{Lost, Tally, lossy},
    target::Target,
};

pub(crate) struct Polling {
    pub(crate) tally: Tally,
    pub(crate) lost: Lost,
    clients: Vec<Client>,
    target: Target,
    window: usize,
    /// Whether clients leave once they are let in, rather than send echoes.
    churn: bool,
    echo: String,
    poll: Poll,
    spin: bool,
    epoch: Instant,
    is_over: bool,
}

impl Polling {
    pub(crate) fn echoes(
        target: Target,
        spin: bool,
        size: usize,
        window: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            tally: Tally::default(),
            lost: Lost::default(),
            clients: Vec::new(),
            target,
            window,
            churn: false,
            echo: format!("42[\"echo\",{}]", payload::text(size)),
            poll: Poll::new()?,
            spin,
            epoch: Instant::now(),
            is_over: false,
        })
    }

    pub(crate) fn churn(target: Target, spin: bool) -> io::Result<Self> {
        Ok(Self {
            churn: true,
            ..Self::echoes(target, spin, 0, 0)?
        })
    }

    /// Starts `count` clients.
    pub(crate) fn start(&mut self, count: usize) -> io::Result<()> {
        for id in 0..count {
            let mut client = Client::default();
            for (exchange, token) in [(&mut client.get, 2 * id), (&mut client.post, 2 * id + 1)] {
                let mut stream = self.target.dial(id)?;
                let interest = Interest::READABLE | Interest::WRITABLE;
                let registry = self.poll.registry();
                registry.register(&mut stream, Token(token), interest)?;
                exchange.open(stream);
            }
            client.began = self.now();
            self.clients.push(client);
            self.get(id);
        }
        Ok(())
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = Instant::now() + time;
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; 128 * 1024];
        let wait = Duration::from_millis(if self.spin { 0 } else { 50 });
        while Instant::now() < end && self.lost.count == 0 {
            if self.poll.poll(&mut events, Some(wait)).is_err() {
                continue;
            }
            for event in events.iter() {
                let Token(token) = event.token();
                if let Err(why) = self.progress(token, &mut scratch) {
                    self.lost.note(why);
                }
            }
        }
    }

    /// Starts nothing any more.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn progress(&mut self, token: usize, scratch: &mut [u8]) -> Result<(), String> {
        let (id, is_post) = (token / 2, token % 2 == 1);
        let client = &mut self.clients[id];
        let exchange = match is_post {
            true => &mut client.post,
            false => &mut client.get,
        };
        exchange.flush()?;
        let Some((status, body)) = exchange.read(scratch)? else {
            return Ok(());
        };
        if status != 200 {
            return Err(format!("status {status}: {}", lossy(&body)));
        }
        let now = self.now();
        if self.clients[id].step == Step::Live && !is_post {
            self.receive(id, &body, now);
            self.get(id);
        }
        let next = self.clients[id].advance(&body)?;
        match next {
            Next::Get => self.get(id),
            Next::Post(body) => self.send(id, body),
            Next::LetIn => self.let_in(id, now),
            Next::Gone => {
                self.clients[id].began = now;
                if !self.is_over {
                    self.get(id);
                }
            }
            Next::Nothing => self.post_echoes(id, now),
        }
        Ok(())
    }

    fn let_in(&mut self, id: usize, now: u64) {
        let client = &mut self.clients[id];
        if self.churn {
            self.tally.hit(client.began, now);
            client.step = Step::Leaving;
            return self.send(id, "1");
        }
        client.step = Step::Live;
        client.credit = self.window;
        self.get(id);
        self.post_echoes(id, now);
    }

    fn receive(&mut self, id: usize, body: &[u8], now: u64) {
        let client = &mut self.clients[id];
        for packet in body.split(|byte| *byte == SEPARATOR) {
            if packet == self.echo.as_bytes() {
                client.credit += 1;
                match client.sent.pop_front() {
                    Some(sent) => self.tally.hit(sent, now),
                    None => self.tally.miss(b"an answer that nobody asked for"),
                }
            } else if packet == b"2" {
                client.owes_pong = true;
            } else if packet != b"6" {
                self.tally.miss(packet);
            }
        }
    }

    /// Posts what the window allows, in one body.
    fn post_echoes(&mut self, id: usize, now: u64) {
        let client = &mut self.clients[id];
        if client.step != Step::Live || client.post.is_busy() || self.is_over {
            return;
        }
        let pong = std::mem::take(&mut client.owes_pong).then_some("3");
        let echoes = std::mem::take(&mut client.credit);
        let packets = pong.into_iter().chain((0..echoes).map(|_| &*self.echo));
        let body = packets.collect::<Vec<_>>().join("\x1e");
        client.sent.extend((0..echoes).map(|_| now));
        if !body.is_empty() {
            self.send_on_post(id, &body);
        }
    }

    fn get(&mut self, id: usize) {
        let request = format!("GET {}\r\n", self.request_head(id));
        let sent = self.clients[id].get.send(&request);
        self.note(sent);
    }

    /// Posts over the connection of polls: before it is live, a client needs only one.
    fn send(&mut self, id: usize, body: &str) {
        let request = self.post_request(id, body);
        let sent = self.clients[id].get.send(&request);
        self.note(sent);
    }

    fn send_on_post(&mut self, id: usize, body: &str) {
        let request = self.post_request(id, body);
        let sent = self.clients[id].post.send(&request);
        self.note(sent);
    }

    fn note(&mut self, sent: Result<(), String>) {
        if let Err(why) = sent {
            self.lost.note(why);
        }
    }

    fn post_request(&self, id: usize, body: &str) -> String {
        format!(
            "POST {}Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n{body}",
            self.request_head(id),
            body.len()
        )
    }

    /// Returns a request from after its method up to what is particular to the method.
    fn request_head(&self, id: usize) -> String {
        let Target { path, address, .. } = &self.target;
        let sid = &self.clients[id].sid;
        let sid = match sid.is_empty() {
            true => String::new(),
            false => format!("&sid={sid}"),
        };
        format!("{path}?EIO=4&transport=polling{sid} HTTP/1.1\r\nHost: {address}\r\n")
    }
}

/// What separates the packets of a payload.
const SEPARATOR: u8 = 0x1e;
