use std::{fmt, ops::Deref, panic::Location, rc::Rc};

use serde::{Serialize, de::DeserializeOwned};
use sockeye_protocol::socket::encode;

use super::{
    Ending, Incoming, Request, TestClientBuilder, TestConnection, TestError, TestErrorKind, clock,
    line::Member,
    packet::{Content, Packet, ShownArgs},
};
use crate::{Hub, Prepared, RawArgs, Sid, SocketRef};

/// A client of a namespace, in the same process: what it emits goes straight to the router, what
/// it hears waits in order until the test takes it.
///
/// A handle: clones are the same client. It is also its [`TestConnection`], whose methods it has.
#[derive(Clone)]
pub struct TestClient {
    connection: TestConnection,
    member: Rc<Member>,
    id: Sid,
}

impl TestClient {
    pub(super) fn new(connection: TestConnection, member: Rc<Member>, id: Sid) -> Self {
        Self {
            connection,
            member,
            id,
        }
    }

    /// Connects to a namespace with nothing to show.
    ///
    /// # Errors
    ///
    /// As of [`TestClientBuilder::connect`].
    ///
    /// # Panics
    ///
    /// Outside of an actix arbiter, which `#[actix::test]` provides.
    #[track_caller]
    pub fn connect(
        hub: &Hub,
        namespace: &str,
    ) -> impl Future<Output = Result<Self, TestError>> + use<> {
        Self::builder(hub).namespace(namespace).connect()
    }

    /// Starts the description of a client that has something to show, or behaves badly.
    pub fn builder(hub: &Hub) -> TestClientBuilder {
        TestClientBuilder::new(hub)
    }

    /// Returns the id that the server gave it.
    #[must_use]
    pub fn id(&self) -> Sid {
        self.id
    }

    /// Returns the name of its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.member.namespace
    }

    /// Returns the server's handle of this client, while it is connected.
    #[must_use]
    pub fn socket(&self) -> Option<SocketRef> {
        self.connection.hub.of(self.namespace())?.socket(self.id)
    }

    /// Returns the connection, which other namespaces may share.
    #[must_use]
    pub fn connection(&self) -> &TestConnection {
        &self.connection
    }

    /// Returns whether it is in its namespace, as far as it has been told.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.member.ending.get().is_none()
    }

    /// Emits an event: a tuple is the list of arguments, anything else is one argument.
    ///
    /// Handlers that need not wait have run when it returns, unless
    /// [reading is paused](TestConnection::is_reading_paused).
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded, or the client is disconnected.
    #[track_caller]
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), TestError> {
        let packet = encode::event(self.namespace(), None, event, args);
        self.send(packet, Location::caller())
    }

    /// Emits an event at once, and waits for its ack once awaited: a tuple is the list of the
    /// answer's arguments, any other type the first.
    ///
    /// # Errors
    ///
    /// As of [`TestClient::emit`], when no ack comes in time or it is not of the type, or when
    /// the client is disconnected.
    #[track_caller]
    pub fn emit_with_ack<A, T>(
        &self,
        event: &str,
        args: &A,
    ) -> impl Future<Output = Result<T, TestError>> + use<A, T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let (this, at) = (self.clone(), Location::caller());
        let id = self.connection.next_id();
        let what = format!("the ack of {event:?}");
        let packet = encode::event(self.namespace(), Some(id), event, args);
        let sent = self.send(packet, at);
        async move {
            sent?;
            let is_answer =
                |packet: &Packet| matches!(packet.content, Content::Ack { id: of, .. } if of == id);
            let packet = this.take(&what, is_answer, at).await?;
            let args = match packet.content {
                Content::Ack { args, .. } => args,
                _ => RawArgs::default(),
            };
            this.decode(&what, &args, at)
        }
    }

    /// Waits for the next event of that name and takes it; others stay where they are.
    ///
    /// A tuple takes the arguments one by one, any other type the first. An ack that the server
    /// wants is never sent.
    ///
    /// # Errors
    ///
    /// When none comes in time, its arguments are not of the type, or the client is disconnected
    /// and has heard none.
    #[track_caller]
    pub fn receive<T: DeserializeOwned>(
        &self,
        event: &str,
    ) -> impl Future<Output = Result<T, TestError>> + use<T> {
        let (this, event, at) = (self.clone(), event.to_owned(), Location::caller());
        async move {
            let incoming = this.take_event(Some(&event), at).await?;
            this.decode(&format!("{event:?}"), incoming.raw_args(), at)
        }
    }

    /// Waits for the next event of that name and takes it, to answer it.
    ///
    /// # Errors
    ///
    /// As of [`TestClient::receive`], and when the server wants no ack of it.
    #[track_caller]
    pub fn receive_request<T: DeserializeOwned>(
        &self,
        event: &str,
    ) -> impl Future<Output = Result<Request<T>, TestError>> + use<T> {
        let (this, event, at) = (self.clone(), event.to_owned(), Location::caller());
        async move {
            let incoming = this.take_event(Some(&event), at).await?;
            if !incoming.wants_ack() {
                let text = format!("{event:?} came, but the server wants no ack of it");
                return Err(this.error(TestErrorKind::Unfit, text, at));
            }
            let args = this.decode(&format!("{event:?}"), incoming.raw_args(), at)?;
            Ok(Request::new(args, incoming))
        }
    }

    /// Waits for the next event, whatever its name, and takes it.
    ///
    /// # Errors
    ///
    /// When none comes in time, or the client is disconnected and all are taken.
    #[track_caller]
    pub fn next_event(&self) -> impl Future<Output = Result<Incoming, TestError>> + use<> {
        let (this, at) = (self.clone(), Location::caller());
        async move { this.take_event(None, at).await }
    }

    /// Returns the names of the events that have come and were not taken, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        let heard = self.connection.line.far.heard.borrow();
        let names = heard.iter().filter_map(|packet| match &packet.content {
            Content::Event { name, .. } if packet.namespace == self.namespace() => Some(name),
            _ => None,
        });
        names.cloned().collect()
    }

    /// Fails if an event has come and was not taken, once all has happened that is under way.
    ///
    /// It doesn't wait for time or for other threads: see [`settle`](super::settle) and
    /// [`advance`](super::advance).
    ///
    /// # Errors
    ///
    /// When there is an event.
    #[track_caller]
    pub fn expect_nothing(&self) -> impl Future<Output = Result<(), TestError>> + use<> {
        let (this, at) = (self.clone(), Location::caller());
        async move {
            clock::settle().await;
            if this.heard().is_empty() {
                return Ok(());
            }
            let text = "expected to hear nothing".to_owned();
            Err(this.error(TestErrorKind::Unexpected, text, at))
        }
    }

    /// Leaves the namespace; the connection stays.
    ///
    /// Does nothing if the client is disconnected.
    pub fn disconnect(&self) {
        if self.is_connected() {
            let packet = encode::disconnect(self.namespace());
            self.connection.line.send_packet(&packet);
            let far = &self.connection.line.far;
            far.leave(self.namespace(), Ending::ByClient);
        }
    }

    /// Waits until the client is disconnected.
    ///
    /// # Errors
    ///
    /// When it isn't in time.
    #[track_caller]
    pub fn disconnected(&self) -> impl Future<Output = Result<Ending, TestError>> + use<> {
        let (this, at) = (self.clone(), Location::caller());
        async move {
            let ending = || this.member.ending.get();
            let waited = this.connection.line.wait(|_| ending(), || false).await;
            let missed = |miss| {
                let what = "the client to be disconnected";
                this.connection.missed(what, miss, this.namespace(), at)
            };
            waited.map_err(missed)
        }
    }

    pub(super) fn send<E: fmt::Display>(
        &self,
        packet: Result<Prepared, E>,
        at: &'static Location<'static>,
    ) -> Result<(), TestError> {
        self.connection.send(&self.member, packet, at)
    }

    pub(super) fn decode<T: DeserializeOwned>(
        &self,
        what: &str,
        args: &RawArgs,
        at: &'static Location<'static>,
    ) -> Result<T, TestError> {
        args.decode().map_err(|error| {
            let wanted = std::any::type_name::<T>();
            let args = ShownArgs(args);
            let text = format!("{what} came with {args}, which is no {wanted}: {error}");
            self.error(TestErrorKind::Unfit, text, at)
        })
    }

    async fn take_event(
        &self,
        name: Option<&str>,
        at: &'static Location<'static>,
    ) -> Result<Incoming, TestError> {
        let what = name.map_or_else(|| "an event".to_owned(), |name| format!("{name:?}"));
        let is_wanted = |packet: &Packet| match &packet.content {
            Content::Event { name: of, .. } => name.is_none_or(|name| name == of),
            _ => false,
        };
        match self.take(&what, is_wanted, at).await?.content {
            Content::Event { id, name, args } => Ok(Incoming::new(self.clone(), name, args, id)),
            _ => Err(self.error(TestErrorKind::Unfit, what, at)),
        }
    }

    /// Waits for the first packet of this namespace that is wanted, and takes it.
    async fn take(
        &self,
        what: &str,
        is_wanted: impl Fn(&Packet) -> bool,
        at: &'static Location<'static>,
    ) -> Result<Packet, TestError> {
        let taken = self.connection.line.wait(
            |heard| {
                let is_mine = |packet: &Packet| packet.namespace == self.namespace();
                let at = heard
                    .iter()
                    .position(|packet| is_mine(packet) && is_wanted(packet))?;
                heard.remove(at)
            },
            || !self.is_connected(),
        );
        let missed = |miss| self.connection.missed(what, miss, self.namespace(), at);
        taken.await.map_err(missed)
    }

    fn error(
        &self,
        kind: TestErrorKind,
        text: String,
        at: &'static Location<'static>,
    ) -> TestError {
        self.connection.error(kind, text, self.namespace(), at)
    }
}

impl Deref for TestClient {
    type Target = TestConnection;

    fn deref(&self) -> &TestConnection {
        &self.connection
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("id", &self.id)
            .field("namespace", &self.namespace())
            .field("heard", &self.heard())
            .field("ending", &self.member.ending.get())
            .finish_non_exhaustive()
    }
}
