//! From the connection request to the CONNECT packet, or to the refusal.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use futures_util::FutureExt as _;
use sockeye_protocol::{
    Sid,
    socket::{Slot, encode},
};

use super::{SocketCell, SocketRef, handle::State};
use crate::{
    Auth, AuthError, DisconnectReason, NamespaceRef, RecoveryStatus, Refusal,
    auth::{Answer, handshake_token},
    client::ClientCell,
    extract::Call,
    hub::Totals,
    recovery::Opening,
    task,
};

impl SocketCell {
    /// Creates the socket of a connection request and starts to admit it.
    pub(crate) fn open(
        client: &Rc<ClientCell>,
        slot: Slot,
        namespace: NamespaceRef,
        auth_payload: &str,
        opening: Opening,
    ) -> Rc<Self> {
        let deadline = namespace.inner().auth().and_then(|auth| {
            let after = auth.deadline_after()?;
            Some(client.unauthenticated_since() + after)
        });
        let local = client.local();
        let (id, status) = (opening.id(), opening.status());
        let (tracked, past) = opening.into_parts(namespace.inner());
        let cell = local.add_socket(|key| {
            let shared = SocketRef::new(
                id,
                key,
                namespace,
                local.handle.clone(),
                client.handshake().clone(),
                auth_payload,
                status,
            );
            Rc::new(Self::new(shared, client.clone(), slot, tracked))
        });
        if let Some(deadline) = deadline {
            cell.deadline.set(Some(deadline));
            cell.look_at(deadline);
        }
        if let Some((rooms, memory)) = past {
            cell.shared().remember(memory);
            cell.take_over(rooms);
        }
        cell
    }

    /// Asks the verifier and the middlewares, then admits the socket or refuses it.
    pub(crate) fn admit(self: &Rc<Self>) {
        let cell = self.clone();
        task::run(self.client().hub(), async move {
            match AssertUnwindSafe(cell.ask()).catch_unwind().await {
                Ok(Ok(())) => cell.admitted(),
                Ok(Err(refusal)) => cell.refuse(&refusal),
                Err(_) => {
                    tracing::error!(socket = %cell.id(), "middleware panicked, socket refused");
                    cell.refuse(&internal_error());
                }
            }
        });
    }

    /// Refuses a socket that is not admitted yet. The connection stays.
    pub(super) fn refuse(self: &Rc<Self>, refusal: &Refusal) {
        if self.shared().state() != State::Admitting {
            return;
        }
        Totals::add(&self.client().hub().0.totals.refused);
        let name = &self.namespace().name;
        match encode::connect_error(name, refusal.message(), refusal.data()) {
            // A full queue closes the connection, which tells the client as well.
            Ok(packet) => drop(self.client().outlet.send(&packet)),
            Err(error) => tracing::error!(%error, "refusal can't be encoded"),
        }
        self.client().refuse(self.slot());
        self.finish(DisconnectReason::ServerNamespaceDisconnect);
        // What the client sent after its request has waited for this.
        self.client().drain();
    }

    async fn ask(self: &Rc<Self>) -> Result<(), Refusal> {
        self.verify_handshake().await?;
        if self.is_spoilt() || self.skips_middlewares() {
            return Ok(());
        }
        for middleware in &self.namespace().spec.middlewares {
            let mut call = Call::connect(self.shared().clone());
            let verdict = catch_unwind(AssertUnwindSafe(|| middleware(&mut call)));
            let future = match verdict {
                Ok(Ok(future)) => future,
                Ok(Err(error)) if error.is_clients_fault() => {
                    tracing::debug!(socket = %self.id(), %error, "handshake payload refused");
                    return Err(Refusal::new("Invalid handshake payload"));
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "middleware not called");
                    return Err(internal_error());
                }
                Err(_) => {
                    tracing::error!("middleware panicked");
                    return Err(internal_error());
                }
            };
            if let Err(error) = future.await {
                return Err(match error.refusal() {
                    Some(refusal) => refusal.clone(),
                    None => {
                        self.failed(None, error);
                        internal_error()
                    }
                });
            }
        }
        Ok(())
    }

    /// Verifies the handshake's token, if there is one and the dialect looks at it.
    async fn verify_handshake(self: &Rc<Self>) -> Result<(), Refusal> {
        let Some(auth) = self.namespace().auth() else {
            return Ok(());
        };
        if !auth.the_dialect().verifies_handshake() {
            return Ok(());
        }
        let shared = self.shared();
        let Some(token) = handshake_token(&shared.auth_payload(), shared.handshake()) else {
            return Ok(());
        };
        match self.verify(auth, token, None).await {
            Ok(identity) => match self.same_subject(identity) {
                Ok(identity) => {
                    self.take_identity(auth, identity);
                    Ok(())
                }
                Err(error) if !self.spoil(RecoveryStatus::OtherIdentity) => {
                    Err(auth_refusal(self.id(), error))
                }
                Err(_) => Ok(()),
            },
            Err(error) => Err(auth_refusal(self.id(), error)),
        }
    }

    fn admitted(self: &Rc<Self>) {
        if self.shared().state() != State::Admitting {
            return;
        }
        let missed = match self.go_live() {
            Ok(missed) => missed,
            Err(status) => return self.start_over(status),
        };
        if self.shared().state() != State::Admitting {
            return;
        }
        let key = self.tracked.as_ref().map(|tracked| tracked.key());
        let packet = encode::connect(&self.namespace().name, &self.id(), key.as_ref());
        let outlet = &self.client().outlet;
        // A client takes what comes before its CONNECT packet for what it has missed.
        let mut queued = Ok(());
        for missed in &missed {
            queued = queued.and_then(|()| outlet.send(&missed.packet));
        }
        queued = queued.and_then(|()| outlet.send(&packet));
        let early = self.take_early();
        for early in &early {
            queued = queued.and_then(|()| outlet.send(&early.packet));
        }
        self.is_restored();
        if queued.is_err() {
            self.client().local().disconnect(self);
            // Without its CONNECT packet the client has no socket, and no handler hears of one.
            self.client().close(DisconnectReason::SlowConsumer);
            return;
        }
        self.shared().set_state(State::Connected);
        tracing::debug!(socket = %self.id(), namespace = %self.namespace().name, "connected");
        if self.tracked.is_none() {
            self.client().local().connect(self);
        }
        Totals::add(&self.client().hub().0.totals.connected);
        self.client().admit(self.slot());
        let must_authenticate = self.namespace().auth().is_some_and(Auth::is_required);
        if !must_authenticate || self.shared().is_authenticated() {
            self.client().outlet.authenticated();
        }
        missed
            .iter()
            .chain(&early)
            .for_each(|early| self.show(early));
        self.run_connect_handlers();
        self.forget_auth_payload();
        self.client().drain();
    }

    /// Forgets what the client passed as `auth`, if it isn't kept and nobody needs it any more.
    fn forget_auth_payload(&self) {
        let is_kept = self.client().hub().0.config.keep_auth_payloads;
        let auth = self.namespace().auth();
        if !is_kept && !auth.is_some_and(|auth| auth.the_dialect().reads_handshake_later()) {
            self.shared().forget_auth_payload();
        }
    }
}

pub(super) fn auth_refusal(socket: Sid, error: AuthError) -> Refusal {
    let data = serde_json::to_value(Answer::refusal(socket, error)).unwrap_or_default();
    Refusal::new(error.message(socket)).with_data(data)
}

fn internal_error() -> Refusal {
    Refusal::new(AuthError::Internal.message(Sid::from_random([0; Sid::RANDOM_LEN])))
}
