//! Connections over WebSocket on one epoll loop.
//!
//! Each goes from TCP through the upgrade, the open packet and the CONNECT to `/`; from then on the
//! scenario sees every message.

mod incoming;

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};

use crate::{
    connection::{Connection, Phase},
    frame,
    scenario::Scenario,
    tally::Lost,
    target::Target,
};

pub(crate) struct Pool<S> {
    pub(crate) lost: Lost,
    connections: Vec<Connection<S>>,
    ready: usize,
    opening: usize,
    /// Connections that wait for their turn to open.
    queue: VecDeque<usize>,
    /// Connections that were written to outside their own turn.
    dirty: Vec<usize>,
    target: Target,
    request: Vec<u8>,
    connect: Vec<u8>,
    welcome: Option<Vec<u8>>,
    poll: Poll,
    scratch: Vec<u8>,
    spin: bool,
    epoch: Instant,
}

impl<S: Default> Pool<S> {
    /// Makes a pool without connections; with `spin`, it polls without sleeping.
    pub(crate) fn new(target: Target, spin: bool) -> io::Result<Self> {
        Ok(Self {
            lost: Lost::default(),
            connections: Vec::new(),
            ready: 0,
            opening: 0,
            queue: VecDeque::new(),
            dirty: Vec::new(),
            request: target.upgrade_request(),
            connect: target.connect_packet(),
            welcome: target.welcome_start(),
            target,
            poll: Poll::new()?,
            scratch: vec![0; 256 * 1024],
            spin,
            epoch: Instant::now(),
        })
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = &S> {
        self.connections.iter().map(|connection| &connection.state)
    }

    /// Starts `count` handshakes without waiting for them.
    pub(crate) fn start(&mut self, count: usize) {
        for id in 0..count {
            self.connections.push(Connection::new());
            self.dial(id);
        }
    }

    /// Opens connections up to `count`, with at most `at_once` handshakes under way.
    pub(crate) fn open<C: Scenario<State = S>>(
        &mut self,
        count: usize,
        at_once: usize,
        scenario: &mut C,
    ) -> Result<(), String> {
        while self.connections.len() < count {
            self.queue.push_back(self.connections.len());
            self.connections.push(Connection::new());
        }
        // A server that lets in but one each millisecond is given up.
        let patience = Duration::from_secs(20) + Duration::from_millis(count as u64);
        let end = Instant::now() + patience;
        let mut events = Events::with_capacity(1024);
        while self.ready < count {
            if let Some(why) = &self.lost.first {
                return Err(why.clone());
            }
            if Instant::now() > end {
                return Err(format!("only {} of {count} connections opened", self.ready));
            }
            while self.opening < at_once {
                let Some(id) = self.queue.pop_front() else {
                    break;
                };
                self.dial(id);
            }
            self.turn(&mut events, scenario, Duration::from_millis(50));
        }
        Ok(())
    }

    /// Runs the loop for a time.
    pub(crate) fn run<C: Scenario<State = S>>(&mut self, time: Duration, scenario: &mut C) {
        self.run_until(time, scenario, |_| false);
    }

    /// Runs the loop for a time, or until `is_done`.
    pub(crate) fn run_until<C: Scenario<State = S>>(
        &mut self,
        time: Duration,
        scenario: &mut C,
        is_done: impl Fn(&C) -> bool,
    ) {
        let end = self.now() + time.as_nanos() as u64;
        let mut events = Events::with_capacity(1024);
        loop {
            let now = self.now();
            if now >= end || is_done(scenario) {
                return;
            }
            let until = scenario.next_at().unwrap_or(end).min(end);
            // The kernel may wake us a millisecond late: the last one is spun.
            let wait = match self.spin {
                true => 0,
                false => until.saturating_sub(now + 1_000_000),
            };
            self.turn(&mut events, scenario, Duration::from_nanos(wait));
        }
    }

    /// Queues something on one connection; it is written at the end of the turn.
    #[inline]
    pub(crate) fn with(&mut self, id: usize, queue: impl FnOnce(&mut Connection<S>)) {
        let connection = &mut self.connections[id];
        if connection.phase != Phase::Ready {
            return;
        }
        queue(connection);
        if !connection.is_dirty {
            connection.is_dirty = true;
            self.dirty.push(id);
        }
    }

    /// Closes all connections, as clients that leave a page do.
    pub(crate) fn close_all(&mut self) {
        for id in 0..self.connections.len() {
            self.say_goodbye(id);
            self.forget(id);
        }
        self.connections.clear();
        self.dirty.clear();
    }

    fn turn<C: Scenario<State = S>>(
        &mut self,
        events: &mut Events,
        scenario: &mut C,
        wait: Duration,
    ) {
        self.flush_dirty();
        if let Err(error) = self.poll.poll(events, Some(wait)) {
            if error.kind() != io::ErrorKind::Interrupted {
                self.lost.note(format!("poll: {error}"));
            }
            return;
        }
        for event in events.iter() {
            let Token(id) = event.token();
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(id, scenario);
            }
            self.flush(id);
        }
        let now = self.now();
        scenario.tick(self, now);
        self.flush_dirty();
    }

    fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            self.connections[id].is_dirty = false;
            self.flush(id);
        }
        self.dirty = dirty;
    }

    fn flush(&mut self, id: usize) {
        if let Err(error) = self.connections[id].flush() {
            self.lose(id, format!("write: {error}"));
        }
    }

    fn dial(&mut self, id: usize) {
        let now = self.now();
        let stream = self.target.dial(id).and_then(|mut stream| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(&mut stream, Token(id), interest)?;
            Ok(stream)
        });
        match stream {
            Ok(stream) => {
                self.opening += 1;
                self.connections[id].reopen(stream, &self.request, now);
            }
            Err(error) => self.lost.note(format!("connect: {error}")),
        }
    }

    /// Closes a connection and opens another in its place.
    fn renew(&mut self, id: usize) {
        self.say_goodbye(id);
        self.forget(id);
        self.dial(id);
    }

    fn say_goodbye(&mut self, id: usize) {
        let connection = &mut self.connections[id];
        connection.send(frame::TEXT, b"41");
        connection.send(frame::CLOSE, &1000u16.to_be_bytes());
        // What can't be told to a server that is gone need not be.
        let _ = connection.flush();
    }

    fn lose(&mut self, id: usize, why: String) {
        if self.connections[id].phase != Phase::Closed {
            self.lost.note(why);
            self.forget(id);
        }
    }

    fn forget(&mut self, id: usize) {
        let connection = &mut self.connections[id];
        match connection.phase {
            Phase::Closed => return,
            Phase::Ready => self.ready -= 1,
            _ => self.opening -= 1,
        }
        connection.phase = Phase::Closed;
        // A closed descriptor also leaves epoll.
        connection.stream = None;
    }
}
