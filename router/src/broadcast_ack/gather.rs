use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use sockeye_protocol::{Sid, socket::RawArgs};

use super::{Missing, tally::Tally};
use crate::{
    AckError,
    cluster::{Awaited, NodeId},
    courier::CourierId,
};

/// Where the answers to one broadcast with ack meet.
///
/// It is complete when every thread has reported its receivers, every receiver has answered or
/// gone, and other nodes owe nothing.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nobody waits any more.
    closed: bool,
    /// How many threads have not reported.
    unreported: usize,
    /// How many threads were not even asked, as they have fallen behind.
    refused: usize,
    /// How many receivers have been reported on this node.
    asked: usize,
    waiting: HashMap<Sid, Place>,
    ready: VecDeque<Gathered>,
    nodes: Option<Tally>,
    /// How many sockets of nodes that can't answer any more had not answered.
    lost: usize,
    waker: Option<Waker>,
}

/// Where a receiver lives.
#[derive(Clone, Copy, Debug)]
struct Place {
    courier: CourierId,
    key: usize,
}

/// One answer, or the lack of it.
pub(crate) type Gathered = Result<(Option<Sid>, RawArgs), Missing>;

/// Who is still waited for on each thread, with the keys of the sockets there.
pub(crate) type Places = HashMap<CourierId, Vec<(usize, Sid)>>;

impl Gather {
    /// Expects the report of one more thread.
    pub(crate) fn expect(self: &Arc<Self>) -> Share {
        self.lock().unreported += 1;
        Share(Some(self.clone()))
    }

    /// Notes that a thread could not be asked.
    pub(crate) fn refused(&self) {
        self.lock().refused += 1;
    }

    /// Expects answers of other nodes.
    pub(crate) fn expect_nodes(&self, awaited: Awaited) {
        self.lock().nodes = Some(Tally::new(awaited));
    }

    /// Returns what resolves the ack of a receiver.
    pub(crate) fn answer(self: &Arc<Self>, socket: Sid) -> Answer {
        Answer {
            gather: Some(self.clone()),
            socket,
        }
    }

    pub(crate) fn node_asked(&self, node: &NodeId, count: usize) {
        self.change(|state| {
            if let Some(nodes) = &mut state.nodes {
                nodes.asked(node, count);
            }
        });
    }

    pub(crate) fn node_answered(&self, node: &NodeId, gathered: Gathered) {
        self.change(|state| {
            let due = |nodes: &mut Tally| nodes.settled(node);
            if !state.closed && state.nodes.as_mut().is_some_and(due) {
                state.ready.push_back(gathered);
            }
        });
    }

    pub(crate) fn node_left(&self, node: &NodeId) {
        self.change(|state| {
            if let Some(nodes) = &mut state.nodes {
                state.lost = state.lost.saturating_add(nodes.left(node));
            }
        });
    }

    /// Gives up on other nodes: they could not be asked.
    pub(crate) fn nodes_not_asked(&self) {
        self.change(|state| {
            if let Some(nodes) = state.nodes.take() {
                state.refused += nodes.silent();
                state.lost = state.lost.saturating_add(nodes.unheard());
            }
        });
    }

    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Gathered>> {
        let mut state = self.lock();
        if let Some(gathered) = state.ready.pop_front() {
            return Poll::Ready(Some(gathered));
        }
        if state.closed || state.is_complete() {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits until every thread of this node has reported; resolves to how many were asked.
    pub(crate) fn poll_asked(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.lock();
        if state.unreported == 0 || state.closed {
            return Poll::Ready(state.asked);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Returns how many sockets of other nodes, and how many nodes and threads, are unaccounted for.
    pub(crate) fn rest(&self) -> (usize, usize) {
        let state = self.lock();
        let (unheard, silent) = match &state.nodes {
            Some(nodes) => (nodes.unheard(), nodes.silent()),
            None => (0, 0),
        };
        let silent = silent + state.unreported + state.refused;
        (unheard.saturating_add(state.lost), silent)
    }

    /// Ends the waiting: whoever has not answered is missing. Returns who that is on this node.
    pub(crate) fn expire(&self) -> Places {
        self.change(|state| {
            let late = state.waiting.keys().map(|socket| {
                Err(Missing {
                    socket: Some(*socket),
                    error: AckError::Timeout,
                })
            });
            state.ready.extend(late);
            state.close()
        })
    }

    /// Ends the waiting; returns who had not answered on this node.
    pub(crate) fn close(&self) -> Places {
        self.change(|state| {
            state.ready.clear();
            state.close()
        })
    }

    fn resolve(&self, socket: Sid, result: Result<RawArgs, AckError>) {
        self.change(|state| {
            if state.waiting.remove(&socket).is_none() {
                // Nobody waits any more.
                return;
            }
            let socket = Some(socket);
            state.ready.push_back(match result {
                Ok(args) => Ok((socket, args)),
                Err(error) => Err(Missing { socket, error }),
            });
        });
    }

    /// Changes the state, then wakes whoever waits.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_complete(&self) -> bool {
        let settled = self.nodes.as_ref().is_none_or(Tally::is_settled);
        self.unreported == 0 && self.waiting.is_empty() && settled
    }

    fn close(&mut self) -> Places {
        self.closed = true;
        let mut places = Places::new();
        for (socket, place) in mem::take(&mut self.waiting) {
            let there = places.entry(place.courier).or_default();
            there.push((place.key, socket));
        }
        places
    }
}

/// One thread's part in a broadcast with ack. A thread that drops it has no receivers.
#[derive(Debug)]
pub(crate) struct Share(Option<Arc<Gather>>);

impl Share {
    /// Reports the thread's receivers, by key and id, before they can answer.
    ///
    /// Returns `None` when nobody waits for their answers.
    pub(crate) fn report(
        mut self,
        courier: CourierId,
        receivers: impl Iterator<Item = (usize, Sid)>,
    ) -> Option<Arc<Gather>> {
        let gather = self.0.take()?;
        let wanted = gather.change(|state| {
            state.unreported -= 1;
            if state.closed {
                return false;
            }
            for (key, socket) in receivers {
                state.asked += 1;
                state.waiting.insert(socket, Place { courier, key });
            }
            true
        });
        wanted.then_some(gather)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(gather) = self.0.take() {
            gather.change(|state| state.unreported -= 1);
        }
    }
}

/// Resolves one receiver's ack. Dropped, the receiver counts as disconnected.
#[derive(Debug)]
pub(crate) struct Answer {
    gather: Option<Arc<Gather>>,
    socket: Sid,
}

impl Answer {
    pub(crate) fn resolve(mut self, result: Result<RawArgs, AckError>) {
        if let Some(gather) = self.gather.take() {
            gather.resolve(self.socket, result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(gather) = self.gather.take() {
            gather.resolve(self.socket, Err(AckError::Disconnected));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: CourierId = CourierId(0);

    fn sid(byte: u8) -> Sid {
        Sid::from_random([byte; Sid::RANDOM_LEN])
    }

    fn next(gather: &Gather) -> Poll<Option<Gathered>> {
        gather.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn it_is_complete_when_all_threads_and_receivers_are_done() {
        let gather = Arc::new(Gather::default());
        let (one, two) = (gather.expect(), gather.expect());
        one.report(HERE, [(0, sid(1))].into_iter()).unwrap();
        let answer = gather.answer(sid(1));

        assert!(next(&gather).is_pending());
        answer.resolve(Ok(RawArgs::default()));
        assert!(matches!(next(&gather), Poll::Ready(Some(Ok((Some(_), _))))));
        assert!(next(&gather).is_pending(), "a thread has not reported");
        drop(two);

        assert!(matches!(next(&gather), Poll::Ready(None)));
    }

    #[test]
    fn a_dropped_answer_is_a_disconnection() {
        let gather = Arc::new(Gather::default());
        let share = gather.expect();
        share.report(HERE, [(0, sid(1))].into_iter()).unwrap();

        drop(gather.answer(sid(1)));

        let missing = next(&gather);
        assert!(
            matches!(&missing, Poll::Ready(Some(Err(missing)))
                if matches!(missing.error, AckError::Disconnected)),
            "{missing:?}"
        );
        assert!(matches!(next(&gather), Poll::Ready(None)));
    }

    #[test]
    fn who_is_late_is_named_and_a_thread_that_comes_later_is_told_that_nobody_waits() {
        let gather = Arc::new(Gather::default());
        let (quick, late) = (gather.expect(), gather.expect());
        quick.report(HERE, [(7, sid(1))].into_iter()).unwrap();

        let places = gather.expire();

        assert_eq!(places[&HERE], [(7, sid(1))]);
        assert_eq!(gather.rest(), (0, 1));
        assert!(matches!(next(&gather), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(&gather), Poll::Ready(None)));
        assert!(late.report(HERE, [(8, sid(2))].into_iter()).is_none());
    }
}
