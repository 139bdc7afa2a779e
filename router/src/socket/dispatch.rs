//! Events to handlers: one at a time, in order, without a hop when nothing has to wait.

use std::{
    future::Future as _,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use futures_util::FutureExt as _;
use sockeye_protocol::socket::{EventName, EventPacket};
use tokio::sync::oneshot;

use super::{SocketCell, handle::State};
use crate::{
    Ack, DisconnectReason, Event, HandlerError, Limit,
    extract::{Call, ExtractError},
    handler::{EventFn, Task},
    task,
};

impl SocketCell {
    /// Handles an event, or lets it wait for the one that is being handled.
    pub(crate) fn receive(self: &Rc<Self>, packet: EventPacket) {
        if self.shared().state() != State::Connected {
            return;
        }
        if self.client().is_leaving() {
            return;
        }
        if self.busy.get() {
            self.queue.borrow_mut().push_back(packet);
            if self.is_inbound_full() && !self.paused.replace(true) {
                self.client().hub().limits().count(Limit::InboundQueue);
                self.client().pause();
            }
            return;
        }
        self.busy.set(true);
        if self.client().outlet.is_congested() {
            self.queue.borrow_mut().push_back(packet);
            self.wait_for_reader();
        } else if self.start(packet) {
            self.next();
        }
    }

    /// Goes on with the events once the client has read what was sent to it: their handlers would
    /// add to that.
    ///
    /// A client that doesn't read for long is dropped, as nothing else would end this: while its
    /// events aren't read, neither are its pongs.
    fn wait_for_reader(self: &Rc<Self>) {
        let cell = self.clone();
        let (read, reading) = oneshot::channel();
        self.client().outlet.when_drained(Box::new(move || {
            // Whoever waits may have given up.
            let _ = read.send(());
        }));
        let patience = self.client().hub().0.config.reader_timeout;
        let hub = self.client().hub().clone();
        task::spawn(&hub, async move {
            match tokio::time::timeout(patience, reading).await {
                Ok(Ok(())) => cell.next(),
                // The connection is closed.
                Ok(Err(_)) => {}
                Err(_) => {
                    tracing::debug!(socket = %cell.id(), "client doesn't read");
                    cell.client().hub().limits().count(Limit::ReaderTimeout);
                    cell.client().close(DisconnectReason::SlowConsumer);
                }
            }
        });
    }

    /// Returns whether as many events wait as may. More may while an answer of the client is due: the
    /// handler that waits for it, and keeps the events waiting, could otherwise never go on.
    pub(super) fn is_inbound_full(&self) -> bool {
        let factor = match self.awaits_answer() {
            true => AWAITING_FACTOR,
            false => 1,
        };
        let config = &self.client().hub().0.config;
        self.queue.borrow().len() >= config.inbound_queue.saturating_mul(factor)
            || self.client().inbound_bytes() >= config.inbound_bytes.saturating_mul(factor)
    }

    /// Handles what waits until a handler has to wait or nothing is left.
    fn next(self: &Rc<Self>) {
        loop {
            let mut queue = self.queue.borrow_mut();
            let Some(packet) = queue.pop_front() else {
                *queue = Default::default();
                drop(queue);
                self.busy.set(false);
                self.resume();
                return;
            };
            if self.client().outlet.is_congested() {
                queue.push_front(packet);
                drop(queue);
                self.wait_for_reader();
                return;
            }
            let (waiting, config) = (queue.len(), &self.client().hub().0.config);
            drop(queue);
            let few = waiting <= config.inbound_queue / 2
                && self.client().inbound_bytes() <= config.inbound_bytes / 2;
            if few {
                self.resume();
            }
            if !self.start(packet) {
                return;
            }
        }
    }

    /// Lets the transport read again, if this socket has stopped it.
    pub(super) fn resume(&self) {
        if self.paused.replace(false) {
            self.client().resume();
        }
    }

    /// Starts handling an event; returns whether it is done already.
    fn start(self: &Rc<Self>, packet: EventPacket) -> bool {
        let namespace = self.namespace();
        if let Some(auth) = namespace.auth() {
            if packet.name.as_str() == auth.the_dialect().request_event() {
                let attempt = self.clone().authenticate(packet);
                return self.drive(None, Box::pin(attempt.map(Ok)));
            }
            if auth.is_required() && !self.shared().is_authenticated() {
                tracing::debug!(socket = %self.id(), "event before authentication ignored");
                return true;
            }
        }
        let name = self.name_for_errors(&packet.name);
        let spec = &namespace.spec;
        if !spec.any.is_empty() || !spec.filters.is_empty() {
            return self.drive(name, Box::pin(self.clone().filtered(packet)));
        }
        match self.dispatch(packet) {
            Some(task) => self.drive(name, task),
            None => true,
        }
    }

    /// Takes an event past the handlers of all events and the middlewares, then to its own handlers.
    async fn filtered(self: Rc<Self>, packet: EventPacket) -> Result<(), HandlerError> {
        let EventPacket { id, name, args } = packet;
        let mut event = Event { name, args };
        for handler in &self.namespace().spec.any {
            let mut call = self.call(&event, None);
            if let Some(task) = self.prepare(handler, &mut call) {
                let caught = AssertUnwindSafe(task).catch_unwind().await;
                self.settled(self.name_for_errors(&event.name), caught);
            }
        }
        for middleware in &self.namespace().spec.filters {
            let mut call = self.call(&event, None);
            let verdict = match middleware(&mut call) {
                Ok(asking) => asking.await,
                Err(error) => Err(error.into()),
            };
            match verdict {
                Ok(None) => {}
                Ok(Some(changed)) => event = changed,
                Err(error) => {
                    if let Some(id) = id {
                        Ack::to_client(self.shared().clone(), id).fail(&error);
                    }
                    return Err(error);
                }
            }
        }
        if self.shared().state() != State::Connected {
            return Ok(());
        }
        let Event { name, args } = event;
        match self.dispatch(EventPacket { id, name, args }) {
            Some(task) => task.await,
            None => Ok(()),
        }
    }

    /// Calls the handlers of an event; returns what is left to be awaited, in order.
    fn dispatch(self: &Rc<Self>, packet: EventPacket) -> Option<Task> {
        let spec = &self.namespace().spec;
        let EventPacket { id, name, args } = packet;
        let registered = spec.events.get(name.as_str());
        let mut call = Call::event(self.shared().clone(), name, args, id);
        let Some(registered) = registered else {
            let Some(fallback) = &spec.fallback else {
                let event = call.name().map(|name| name.as_str());
                tracing::debug!(socket = %self.id(), event, "no handler");
                return None;
            };
            return self.prepare(fallback, &mut call);
        };
        for handler in &registered.concurrent {
            if let Some(task) = self.prepare(handler, &mut call) {
                let cell = self.clone();
                let name = call.name().and_then(|name| self.name_for_errors(name));
                self.poll_once(task, move |result| cell.settled(name, result));
            }
        }
        match &registered.ordered[..] {
            [] => None,
            [handler] => self.prepare(handler, &mut call),
            several => {
                let tasks = several
                    .iter()
                    .filter_map(|handler| self.prepare(handler, &mut call));
                Some(one_after_another(tasks.collect()))
            }
        }
    }

    fn call(&self, event: &Event, ack: Option<u64>) -> Call {
        let Event { name, args } = event.clone();
        Call::event(self.shared().clone(), name, args, ack)
    }

    /// Returns the name for the hooks of errors, where there are some.
    fn name_for_errors(&self, name: &EventName) -> Option<EventName> {
        let hooked = !self.namespace().spec.errors.is_empty();
        hooked.then(|| name.clone())
    }

    /// Runs the handlers of a connection; events wait until they are done.
    pub(super) fn run_connect_handlers(self: &Rc<Self>) {
        let handlers = &self.namespace().spec;
        let authenticated = self.shared().is_authenticated();
        let also = authenticated.then_some(&handlers.authenticated);
        let all = handlers.connect.iter().chain(also.into_iter().flatten());
        let mut call = Call::connect(self.shared().clone());
        let tasks: Vec<_> = all
            .filter_map(|handler| self.prepare(handler, &mut call))
            .collect();
        if tasks.is_empty() {
            return;
        }
        self.busy.set(true);
        if self.drive(None, one_after_another(tasks)) {
            self.next();
        }
    }

    /// Returns the handlers of an authentication, for the caller to await.
    pub(super) fn authenticated_handlers(self: &Rc<Self>) -> Task {
        let handlers = &self.namespace().spec.authenticated;
        let mut call = Call::connect(self.shared().clone());
        let tasks = handlers
            .iter()
            .filter_map(|handler| self.prepare(handler, &mut call));
        one_after_another(tasks.collect())
    }

    pub(super) fn run_disconnecting_handlers(self: &Rc<Self>, reason: DisconnectReason) {
        self.run_last_handlers(&self.namespace().spec.disconnecting, reason);
    }

    pub(super) fn run_disconnect_handlers(self: &Rc<Self>, reason: DisconnectReason) {
        self.run_last_handlers(&self.namespace().spec.disconnect, reason);
    }

    fn run_last_handlers(self: &Rc<Self>, handlers: &[EventFn], reason: DisconnectReason) {
        let mut call = Call::disconnect(self.shared().clone(), reason);
        let tasks: Vec<_> = handlers
            .iter()
            .filter_map(|handler| self.prepare(handler, &mut call))
            .collect();
        if !tasks.is_empty() {
            let cell = self.clone();
            self.poll_once(one_after_another(tasks), move |result| {
                cell.settled(None, result);
            });
        }
    }

    /// Extracts a handler's arguments and calls it, which gives its future.
    fn prepare(self: &Rc<Self>, handler: &EventFn, call: &mut Call) -> Option<Task> {
        match catch_unwind(AssertUnwindSafe(|| handler(call))) {
            Ok(Ok(task)) => Some(task),
            Ok(Err(error)) => {
                self.not_called(call, error);
                None
            }
            Err(_) => {
                self.panicked();
                None
            }
        }
    }

    /// Drives the task that the socket is busy with; returns whether it is done already.
    ///
    /// `event` is for the hooks of errors.
    fn drive(self: &Rc<Self>, event: Option<EventName>, task: Task) -> bool {
        match poll_now(task) {
            Polled::Done(result) => {
                self.settled(event, result);
                true
            }
            Polled::Waiting(task) => {
                let cell = self.clone();
                let rest = task.map(move |result| {
                    cell.settled(event, result);
                    cell.next();
                });
                task::spawn(self.client().hub(), rest);
                false
            }
        }
    }

    /// Drives a task that nothing waits for.
    fn poll_once(&self, task: Task, then: impl FnOnce(Caught) + 'static) {
        match poll_now(task) {
            Polled::Done(result) => then(result),
            Polled::Waiting(task) => {
                task::spawn(self.client().hub(), task.map(then));
            }
        }
    }

    fn settled(self: &Rc<Self>, event: Option<EventName>, result: Caught) {
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failed(event, error),
            Err(_) => self.panicked(),
        }
    }

    /// Tells the hooks of errors, or the log where there are none.
    pub(super) fn failed(self: &Rc<Self>, event: Option<EventName>, error: HandlerError) {
        let hooks = &self.namespace().spec.errors;
        if hooks.is_empty() {
            tracing::warn!(socket = %self.id(), %error, "handler failed");
            return;
        }
        let mut call = Call::failure(self.shared().clone(), event, error);
        for hook in hooks {
            match catch_unwind(AssertUnwindSafe(|| hook(&mut call))) {
                Ok(Ok(task)) => {
                    let id = self.id();
                    self.poll_once(task, move |result| match result {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::warn!(socket = %id, %error, "error hook failed"),
                        Err(_) => tracing::error!(socket = %id, "error hook panicked"),
                    });
                }
                Ok(Err(error)) => tracing::debug!(socket = %self.id(), %error, "hook not called"),
                Err(_) => tracing::error!(socket = %self.id(), "error hook panicked"),
            }
        }
    }

    /// A panic in a handler costs its socket, and no other.
    fn panicked(self: &Rc<Self>) {
        tracing::error!(socket = %self.id(), "handler panicked, socket disconnected");
        if self.client().is_alone(self.slot()) {
            // The client sees a broken connection and comes back, as it would after a crash; one that
            // is told to go stays away.
            self.client().close(DisconnectReason::ForcedClose);
        } else {
            self.disconnect(false);
        }
    }

    /// A handler can't be called, as the call lacks something that it wants.
    fn not_called(self: &Rc<Self>, call: &mut Call, error: ExtractError) {
        let event = call.name().cloned();
        let name = event.as_ref().map(|name| name.as_str());
        if error.is_clients_fault() {
            tracing::debug!(socket = %self.id(), event = name, %error, "handler not called");
        } else {
            tracing::error!(socket = %self.id(), event = name, %error, "handler not called");
        }
        let error = HandlerError::from(error);
        if let Some(ack) = call.take_ack() {
            ack.fail(&error);
        }
        if !self.namespace().spec.errors.is_empty() {
            self.failed(event, error);
        }
    }
}

/// How many times the bound may wait while the client's answer is due.
const AWAITING_FACTOR: usize = 4;

/// What a task resolves to when a panic is caught.
type Caught = Result<Result<(), HandlerError>, Box<dyn std::any::Any + Send>>;

/// A task after its first poll.
enum Polled {
    Done(Caught),
    Waiting(futures_util::future::CatchUnwind<AssertUnwindSafe<Task>>),
}

/// Runs tasks in order, to the end of each; the first error is the result.
fn one_after_another(mut tasks: Vec<Task>) -> Task {
    if tasks.len() == 1 {
        return tasks.remove(0);
    }
    Box::pin(async move {
        let mut result = Ok(());
        for task in tasks {
            result = result.and(task.await);
        }
        result
    })
}

/// Polls a task where it stands: most handlers never wait, and then need no task of the runtime.
///
/// Whoever gets the task back must poll it again, which registers the waker that counts.
fn poll_now(task: Task) -> Polled {
    let mut task = AssertUnwindSafe(task).catch_unwind();
    match Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Polled::Done(result),
        Poll::Pending => Polled::Waiting(task),
    }
}
