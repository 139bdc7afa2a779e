//! Events to handlers: one at a time, in order, without a hop when nothing has to wait.

use std::{
    future::Future as _,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use futures_util::FutureExt as _;
use sockeye_protocol::socket::EventPacket;

use super::{SocketCell, handle::State};
use crate::{
    DisconnectReason, HandlerError,
    extract::{Call, ExtractError},
    handler::{EventFn, Task},
};

impl SocketCell {
    /// Handles an event, or lets it wait for the one that is being handled.
    pub(crate) fn receive(self: &Rc<Self>, packet: EventPacket) {
        if self.shared().state() != State::Connected {
            return;
        }
        if self.busy.get() {
            let mut queue = self.queue.borrow_mut();
            queue.push_back(packet);
            let waiting = queue.len();
            drop(queue);
            if waiting >= self.inbound_bound() && !self.paused.replace(true) {
                self.client().pause();
            }
            return;
        }
        self.busy.set(true);
        if self.start(packet) {
            self.next();
        }
    }

    /// How many events may wait. More while an answer of the client is due: the handler that waits
    /// for it, and keeps the events waiting, could otherwise never go on.
    pub(super) fn inbound_bound(&self) -> usize {
        let bound = self.client().hub().0.config.inbound_queue;
        if self.awaits_answer() {
            bound.saturating_mul(AWAITING_FACTOR)
        } else {
            bound
        }
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
            let few = queue.len() <= self.client().hub().0.config.inbound_queue / 2;
            drop(queue);
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
                return self.drive(Box::pin(attempt.map(Ok)));
            }
            if auth.is_required() && !self.shared().is_authenticated() {
                tracing::debug!(socket = %self.id(), "event before authentication ignored");
                return true;
            }
        }
        let handlers = &namespace.spec;
        let EventPacket { id, name, args } = packet;
        let Some(registered) = handlers.events.get(name.as_str()) else {
            let Some(fallback) = &handlers.fallback else {
                tracing::debug!(socket = %self.id(), event = name.as_str(), "no handler");
                return true;
            };
            let mut call = Call::event(self.shared().clone(), name, args, id);
            return self.run(fallback, &mut call);
        };
        let mut call = Call::event(self.shared().clone(), name, args, id);
        for handler in &registered.concurrent {
            if let Some(task) = self.prepare(handler, &mut call) {
                let cell = self.clone();
                self.poll_once(task, move |result| cell.settled(result));
            }
        }
        match &registered.ordered[..] {
            [] => true,
            [handler] => self.run(handler, &mut call),
            several => {
                let tasks: Vec<_> = several
                    .iter()
                    .filter_map(|handler| self.prepare(handler, &mut call))
                    .collect();
                self.drive(one_after_another(tasks))
            }
        }
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
        if self.drive(one_after_another(tasks)) {
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

    pub(super) fn run_disconnect_handlers(self: &Rc<Self>, reason: DisconnectReason) {
        let mut call = Call::disconnect(self.shared().clone(), reason);
        let handlers = &self.namespace().spec.disconnect;
        let tasks: Vec<_> = handlers
            .iter()
            .filter_map(|handler| self.prepare(handler, &mut call))
            .collect();
        if !tasks.is_empty() {
            let cell = self.clone();
            self.poll_once(one_after_another(tasks), move |result| cell.settled(result));
        }
    }

    fn run(self: &Rc<Self>, handler: &EventFn, call: &mut Call) -> bool {
        match self.prepare(handler, call) {
            Some(task) => self.drive(task),
            None => true,
        }
    }

    /// Extracts a handler's arguments and calls it, which gives its future.
    fn prepare(self: &Rc<Self>, handler: &EventFn, call: &mut Call) -> Option<Task> {
        match catch_unwind(AssertUnwindSafe(|| handler(call))) {
            Ok(Ok(task)) => Some(task),
            Ok(Err(error)) => {
                self.report_unextracted(call, &error);
                None
            }
            Err(_) => {
                self.panicked();
                None
            }
        }
    }

    /// Drives the task that the socket is busy with; returns whether it is done already.
    fn drive(self: &Rc<Self>, task: Task) -> bool {
        let cell = self.clone();
        let rest = move |result| {
            cell.settled(result);
            cell.next();
        };
        match poll_now(task) {
            Polled::Done(result) => {
                self.settled(result);
                true
            }
            Polled::Waiting(task) => {
                actix_rt::spawn(task.map(rest));
                false
            }
        }
    }

    /// Drives a task that nothing waits for.
    fn poll_once(&self, task: Task, then: impl FnOnce(Caught) + 'static) {
        match poll_now(task) {
            Polled::Done(result) => then(result),
            Polled::Waiting(task) => {
                actix_rt::spawn(task.map(then));
            }
        }
    }

    fn settled(self: &Rc<Self>, result: Caught) {
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(socket = %self.id(), %error, "handler failed"),
            Err(_) => self.panicked(),
        }
    }

    /// A panic in a handler costs its socket, and no other.
    fn panicked(self: &Rc<Self>) {
        tracing::error!(socket = %self.id(), "handler panicked, socket disconnected");
        self.disconnect(false);
    }

    fn report_unextracted(&self, call: &Call, error: &ExtractError) {
        let event = call.name().map(|name| name.as_str());
        if error.is_clients_fault() {
            tracing::debug!(socket = %self.id(), event, %error, "handler not called");
        } else {
            tracing::error!(socket = %self.id(), event, %error, "handler not called");
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
