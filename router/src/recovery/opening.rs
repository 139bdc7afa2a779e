//! From a client's wish to come back to the session that it gets, or to a new one.

use std::{rc::Rc, time::Instant};

use sockeye_protocol::{Sid, socket::Slot};

use super::{Recoverer, RecoveryStatus, session::Session, sessions::Claim};
use crate::{
    NamespaceRef, SocketRef, client::ClientCell, clock::now, json_members, json_text,
    socket::Operation, task,
};

/// With what a socket starts.
pub(crate) enum Opening {
    Fresh(RecoveryStatus),
    Restored(Box<Claimed>),
}

/// A session that is its claimer's alone.
pub(crate) struct Claimed {
    pub(super) session: Session,
    pub(super) broken_at: Instant,
    /// The entry of the log after which the client may have missed some.
    pub(super) after: u64,
}

impl ClientCell {
    /// Lets the client into a namespace, with its earlier session if it has one to come back to.
    pub(crate) fn enter_or_return(
        self: &Rc<Self>,
        slot: Slot,
        namespace: NamespaceRef,
        auth_payload: &str,
    ) {
        let inner = namespace.inner().clone();
        let Some(recoverer) = &inner.recovery else {
            let opening = Opening::Fresh(RecoveryStatus::Disabled);
            return self.open_socket(slot, namespace, auth_payload, opening);
        };
        match recoverer.claim(&namespace, auth_payload) {
            Ok(opening) => self.open_socket(slot, namespace, auth_payload, opening),
            Err(old) => self.replace(&old, slot, namespace, auth_payload),
        }
    }

    /// Ends the session's old connection, which is dead without the server knowing it yet: clients
    /// that change networks come back long before a heartbeat fails.
    fn replace(
        self: &Rc<Self>,
        old: &SocketRef,
        slot: Slot,
        namespace: NamespaceRef,
        auth_payload: &str,
    ) {
        tracing::debug!(socket = %old.id(), "client is back before its old connection ended");
        let ended = old.perform(Operation::Break);
        let cell = self.clone();
        let auth_payload = auth_payload.to_owned();
        task::run(self.hub(), async move {
            ended.await;
            if cell.is_closed() {
                return;
            }
            let inner = namespace.inner().clone();
            let claimed = inner
                .recovery
                .as_ref()
                .and_then(|recoverer| recoverer.claim(&namespace, &auth_payload).ok());
            let opening = claimed.unwrap_or(Opening::Fresh(RecoveryStatus::UnknownSession));
            cell.open_socket(slot, namespace, &auth_payload, opening);
            cell.drain();
        });
    }
}

impl Recoverer {
    /// Claims the session that a client asks for; or returns the socket that still has it.
    fn claim(&self, namespace: &NamespaceRef, auth_payload: &str) -> Result<Opening, SocketRef> {
        let Some((key, offset)) = asked(auth_payload) else {
            return Ok(Opening::Fresh(RecoveryStatus::NotRequested));
        };
        let claimed = self.claim_session(namespace, &key, offset.as_deref())?;
        let opening = claimed.and_then(|claimed| match claimed.session.memory.identity() {
            Some(identity) if identity.is_over() => Err(RecoveryStatus::IdentityExpired),
            _ => Ok(Opening::Restored(Box::new(claimed))),
        });
        Ok(opening.unwrap_or_else(|status| {
            tracing::debug!(%status, "session not recovered");
            Opening::Fresh(status)
        }))
    }

    fn claim_session(
        &self,
        namespace: &NamespaceRef,
        key: &str,
        offset: Option<&str>,
    ) -> Result<Result<Claimed, RecoveryStatus>, SocketRef> {
        let Ok(key) = key.parse::<Sid>() else {
            return Ok(Err(RecoveryStatus::UnknownSession));
        };
        let received = offset.and_then(|offset| self.offsets.read(offset));
        let claim = self.with(|books| {
            let claim = books.sessions.claim(key, now());
            books.sessions.trim(now(), &mut books.gone_sessions);
            let (first, head) = (books.log.first(), books.log.head());
            (claim, first, head)
        });
        let (session, broken_at, first, head) = match claim {
            (Claim::Granted { session, broken_at }, first, head) => {
                (session, broken_at, first, head)
            }
            (Claim::Live(id), ..) => {
                let old = namespace.socket(id);
                return old.map_or(Ok(Err(RecoveryStatus::UnknownSession)), Err);
            }
            (Claim::Expired(_), ..) => return Ok(Err(RecoveryStatus::Expired)),
            (Claim::Unknown, ..) => return Ok(Err(RecoveryStatus::UnknownSession)),
        };
        let after = session.needs_after(received);
        let is_known = after <= head && after + 1 >= first && session.history.covers(after);
        Ok(if is_known {
            Ok(Claimed {
                session,
                broken_at,
                after,
            })
        } else {
            Err(RecoveryStatus::OffsetLost)
        })
    }

    /// Returns the end of the log.
    pub(crate) fn head(&self) -> u64 {
        self.with(|books| books.log.head())
    }
}

/// Returns the session's key and the last offset, if the client sent any, from its CONNECT payload.
pub(crate) fn asked(auth_payload: &str) -> Option<(String, Option<String>)> {
    let [key, offset] = json_members(auth_payload, ["pid", "offset"])?;
    Some((json_text(key?)?, offset.and_then(json_text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_asked_for_by_texts() {
        let asked = |payload| asked(payload).map(|(key, offset)| (key, offset.unwrap_or_default()));
        let texts = |key: &str, offset: &str| Some((key.to_owned(), offset.to_owned()));

        assert_eq!(asked(r#"{"pid":"a","offset":"b"}"#), texts("a", "b"));
        assert_eq!(asked(r#"{"offset":["b"],"pid":"a"}"#), texts("a", ""));
        for none in ["{}", r#"{"pid":1}"#, r#"{"offset":"b"}"#, "[]", ""] {
            assert_eq!(asked(none), None, "{none}");
        }
    }

    #[test]
    fn a_megabyte_in_their_place_takes_no_memory() {
        let bomb = format!(r#"[{}0]"#, r#"{"":0},"#.repeat(70_000));
        let payload = format!(r#"{{"pid":{bomb},"offset":{bomb}}}"#);

        let used = allocation_counter::measure(|| assert_eq!(asked(&payload), None));

        assert!(used.bytes_max < 4096, "{used:?}");
    }
}
