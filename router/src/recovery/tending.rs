//! Forgets saved sessions whose time is over, by one timer for each namespace that has any.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{AsyncContext as _, Handler, Message};

use super::{Recoverer, session::Session};
use crate::{clock::now, courier::Courier, namespace::NamespaceInner, socket::SocketCell};

impl Recoverer {
    /// Saves a session, and sees to it that it is forgotten in the end.
    pub(super) fn save(&self, cell: &SocketCell, session: Session, broken_at: Instant) {
        let (key, bytes) = (session.key, session.bytes());
        let untended = self.with(|books| {
            let gone = &mut books.gone_sessions;
            books.sessions.save(key, session, bytes, broken_at, gone);
            books.sessions.trim(now(), gone);
            !std::mem::replace(&mut books.tended, true)
        });
        if untended {
            let namespace = cell.namespace().clone();
            let tender = Tender { namespace };
            cell.client().local().handle.addr.do_send(Tend(tender));
        }
    }
}

/// Keeps the namespace, which may be one that goes when it is empty, while it has saved sessions.
struct Tender {
    namespace: Arc<NamespaceInner>,
}

impl Tender {
    /// Forgets what is over; returns after how long to look again.
    fn tend(&self) -> Option<Duration> {
        self.namespace.recovery.as_ref()?.with(|books| {
            books.sessions.trim(now(), &mut books.gone_sessions);
            books.trim();
            let next = books.sessions.next_end();
            books.tended = next.is_some();
            let wait = next?.saturating_duration_since(now());
            Some(wait.saturating_add(PAUSE))
        })
    }
}

/// The thread may end before the sessions do.
impl Drop for Tender {
    fn drop(&mut self) {
        if let Some(recoverer) = &self.namespace.recovery {
            recoverer.with(|books| books.tended = false);
        }
    }
}

/// Looks at the saved sessions of a namespace, now and as long as there are any.
struct Tend(Tender);

impl Message for Tend {
    type Result = ();
}

impl Handler<Tend> for Courier {
    type Result = ();

    fn handle(&mut self, Tend(tender): Tend, ctx: &mut Self::Context) {
        if let Some(wait) = tender.tend() {
            ctx.run_later(wait, |_, ctx| ctx.notify(Tend(tender)));
        }
    }
}

/// How long sessions may be kept beyond their time, so that many are forgotten at once.
const PAUSE: Duration = Duration::from_secs(1);
