//! The dialect's event, the deadline, and the end of an identity.

use std::{
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::FutureExt as _;
use sockeye_protocol::socket::EventPacket;

use super::{SocketCell, admission::auth_refusal, handle::State};
use crate::{
    Ack, Auth, AuthError, Credentials, DisconnectReason, Identity, Limit,
    auth::{AUTHENTICATED_ROOM, Answer},
    clock::now,
    deadline::Deadline,
    hub::Totals,
};

impl SocketCell {
    /// Handles the dialect's event.
    pub(super) async fn authenticate(self: Rc<Self>, packet: EventPacket) {
        let Some(auth) = self.namespace().auth() else {
            return;
        };
        let ack = match packet.id {
            Some(id) => Ack::to_client(self.shared().clone(), id),
            None => Ack::unwanted(),
        };
        let verified = match auth.the_dialect().token(self.shared(), &packet.args) {
            Some((token, id)) => self.verify(auth, token, id).await,
            None => Err(AuthError::Unauthorized),
        };
        // The deadline, or the client, may have been faster.
        if self.shared().state() != State::Connected {
            return;
        }
        match verified.and_then(|identity| self.same_subject(identity)) {
            Ok(identity) => {
                self.take_identity(auth, identity);
                self.client().outlet.authenticated();
                let (event, answer) = auth.the_dialect().acceptance(self.id());
                self.tell(event, answer, Some(ack));
                let ran = self.authenticated_handlers().await;
                if let Err(error) = ran {
                    self.failed(None, error);
                }
            }
            Err(error) => self.reject_with(error, Some(ack)),
        }
    }

    /// Asks the verifier; its panic is its failure.
    pub(super) async fn verify(
        &self,
        auth: &Auth,
        token: String,
        id: Option<String>,
    ) -> Result<Identity, AuthError> {
        if token.is_empty() {
            tracing::debug!(socket = %self.id(), "no usable token presented");
            self.client()
                .hub()
                .0
                .totals
                .not_authenticated(AuthError::Unauthorized);
            return Err(AuthError::Unauthorized);
        }
        let credentials = Credentials {
            token,
            id,
            socket: self.id(),
            namespace: self.namespace().name.clone(),
            handshake: self.shared().shared_handshake().clone(),
        };
        let verifying = std::panic::AssertUnwindSafe(async {
            let identity = auth.verifier().verify(credentials).await?;
            if identity.is_over() {
                return Err(AuthError::Unauthorized);
            }
            Ok(identity)
        });
        let verified = verifying.catch_unwind().await;
        let result = verified.unwrap_or_else(|_| {
            tracing::error!(socket = %self.id(), "verifier panicked");
            Err(AuthError::Internal)
        });
        if let Err(error) = &result {
            self.client().hub().0.totals.not_authenticated(*error);
            tracing::debug!(socket = %self.id(), status = error.status(), "not authenticated");
        }
        result
    }

    /// Makes the socket the identity's: its rooms, its expiry. Rooms that only the one before had are
    /// left.
    pub(super) fn take_identity(self: &Rc<Self>, auth: &Auth, identity: Identity) {
        if self.shared().state() == State::Closed {
            return;
        }
        self.belongs_to(&identity);
        Totals::add(&self.client().hub().0.totals.authenticated);
        let rooms = auth.rooms_of(&identity);
        let before = self.shared().identity();
        self.shared().set_identity(identity);
        for room in before.iter().flat_map(|before| auth.rooms_of(before)) {
            if !rooms.contains(&room) {
                self.leave(&room);
            }
        }
        self.join(AUTHENTICATED_ROOM.into());
        for room in rooms {
            self.join(room);
        }
    }

    /// Stops the deadline, and sees to it that the identity's end is noticed.
    pub(crate) fn belongs_to(self: &Rc<Self>, identity: &Identity) {
        self.deadline.set(None);
        self.client().authenticated();
        self.expect_end_of(identity);
    }

    /// Called at a time that was to be looked at: that of the deadline, or of the identity's end.
    pub(crate) fn identity_is_due(self: &Rc<Self>, entry: Instant) {
        if self.looked_at_next.get() != Some(entry) {
            return;
        }
        self.looked_at_next.set(None);
        match self.shared().identity() {
            None => self.deadline_passed(),
            Some(identity) if identity.is_over() => {
                tracing::info!(socket = %self.id(), "identity expired");
                self.reject(AuthError::Unauthorized);
            }
            Some(identity) => self.expect_end_of(&identity),
        }
    }

    fn expect_end_of(self: &Rc<Self>, identity: &Identity) {
        if let Some(at) = identity.expires_at() {
            let left = at.duration_since(SystemTime::now()).unwrap_or_default();
            // The wall clock may be set meanwhile, so a long wait is cut and looked at again.
            self.look_at(now() + left.min(MAX_WAIT));
        }
    }

    /// Has the socket's deadline, or its identity's end, looked at then at the latest.
    pub(super) fn look_at(self: &Rc<Self>, at: Instant) {
        if self.looked_at_next.get().is_some_and(|next| next <= at) {
            // An entry stays until its time, so a client that authenticates again and again must
            // not add one each time; at that time this is looked at again.
            return;
        }
        self.looked_at_next.set(Some(at));
        let timed = Deadline::Identity(Rc::downgrade(self));
        self.client().local().timers.add(at, timed);
    }

    /// Called at the deadline.
    fn deadline_passed(self: &Rc<Self>) {
        if self.shared().is_authenticated() {
            return;
        }
        tracing::debug!(socket = %self.id(), "not authenticated in time");
        let totals = &self.client().hub().0.totals;
        totals.not_authenticated(AuthError::Unauthorized);
        totals.limits.count(Limit::AuthDeadline);
        match self.shared().state() {
            State::Admitting => {
                self.refuse(&auth_refusal(self.id(), AuthError::Unauthorized));
                self.client().close_if_deserted();
            }
            State::Connected => self.reject(AuthError::Unauthorized),
            State::Disconnecting | State::Closed => {}
        }
    }

    /// Tells the client why it is not authenticated, and disconnects it.
    pub(super) fn reject(self: &Rc<Self>, error: AuthError) {
        self.reject_with(error, None);
    }

    fn reject_with(self: &Rc<Self>, error: AuthError, ack: Option<Ack>) {
        if self.shared().state() != State::Connected {
            return;
        }
        if let Some(auth) = self.namespace().auth() {
            let (event, answer) = auth.the_dialect().refusal(self.id(), error);
            self.tell(event, answer, ack);
        }
        self.disconnect(false);
        self.client().close_if_deserted();
    }

    fn tell(self: &Rc<Self>, event: &str, answer: Answer, ack: Option<Ack>) {
        let args = answer.into_args();
        let acked = ack.map_or(Ok(()), |ack| ack.send(&args));
        if acked
            .and_then(|()| self.shared().emit(event, &args))
            .is_err()
        {
            // The client doesn't read, so it can't be told.
            self.client().close(DisconnectReason::SlowConsumer);
        }
    }

    /// A socket stays with whom it was authenticated for.
    pub(super) fn same_subject(&self, identity: Identity) -> Result<Identity, AuthError> {
        match self.shared().identity() {
            Some(before) if before.subject() != identity.subject() => Err(AuthError::Forbidden),
            _ => Ok(identity),
        }
    }
}

const MAX_WAIT: Duration = Duration::from_secs(3600);
