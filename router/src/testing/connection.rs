use std::{cell::Cell, collections::VecDeque, fmt, panic::Location, rc::Rc};

use serde::Serialize;

use super::{
    Ending, RawPacket, TestClient, TestClientBuilder, TestError, TestErrorKind,
    line::{Line, Member, Miss},
    packet::{Content, Packet},
};
use crate::{DisconnectReason, Hub, Message, Prepared};

/// A connection to a hub in the same process, in any number of namespaces.
///
/// A handle: clones are the same connection. When the last of them and of its clients is dropped,
/// the connection is closed.
#[derive(Clone)]
pub struct TestConnection {
    pub(super) hub: Hub,
    pub(super) line: Rc<Line>,
    ids: Rc<Cell<u64>>,
}

impl TestConnection {
    pub(super) fn new(hub: Hub, line: Rc<Line>) -> Self {
        let ids = Rc::default();
        Self { hub, line, ids }
    }

    /// Opens a connection that has asked for nothing yet.
    ///
    /// # Panics
    ///
    /// Outside of an actix arbiter, which `#[actix::test]` provides.
    #[must_use]
    #[track_caller]
    pub fn open(hub: &Hub) -> Self {
        TestClientBuilder::new(hub).open()
    }

    /// Asks to enter a namespace over this connection, and waits for the answer.
    ///
    /// # Errors
    ///
    /// As of [`TestClientBuilder::connect`].
    #[track_caller]
    pub fn join_namespace(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<TestClient, TestError>> + use<> {
        let (this, name, at) = (self.clone(), name.to_owned(), Location::caller());
        async move { this.enter(&name, None, at).await }
    }

    /// Asks to enter a namespace with an `auth`, which must serialise as an object.
    ///
    /// # Errors
    ///
    /// As of [`TestClientBuilder::connect`].
    #[track_caller]
    pub fn join_namespace_with<T: Serialize + ?Sized>(
        &self,
        name: &str,
        auth: &T,
    ) -> impl Future<Output = Result<TestClient, TestError>> + use<T> {
        let (this, name, at) = (self.clone(), name.to_owned(), Location::caller());
        let auth = serde_json::to_string(auth).map_err(|error| error.to_string());
        async move { this.enter(&name, Some(&auth), at).await }
    }

    /// Gives the router a message as it is, at once, even where reading is paused.
    ///
    /// Text goes without Engine.IO's leading `4`.
    pub fn send_raw(&self, message: impl Into<Message>) {
        self.line.send_at_once(message.into());
    }

    /// Waits for the next packet of any kind and takes it.
    ///
    /// # Errors
    ///
    /// When none comes in time, or the connection is closed and all are taken.
    #[track_caller]
    pub fn next_raw(&self) -> impl Future<Output = Result<RawPacket, TestError>> + use<> {
        let (this, at) = (self.clone(), Location::caller());
        async move { this.take_next("a packet", at).await }
    }

    /// Waits for the next packet of any kind, takes it, and fails if it is not this one.
    ///
    /// # Errors
    ///
    /// When another packet comes, none in time, or the connection is closed.
    #[track_caller]
    pub fn expect_raw(
        &self,
        packet: impl Into<String>,
    ) -> impl Future<Output = Result<(), TestError>> {
        let (this, expected, at) = (self.clone(), packet.into(), Location::caller());
        async move {
            let packet = this.take_next(&expected, at).await?;
            if packet == expected {
                return Ok(());
            }
            let text = format!("expected {expected}\n  but heard {packet}");
            Err(this.error(TestErrorKind::Unfit, text, "/", at))
        }
    }

    /// Takes all packets that have come and were not taken.
    #[must_use]
    pub fn take_raw(&self) -> Vec<RawPacket> {
        let heard = self.line.far.take_all();
        heard.into_iter().map(|packet| packet.raw).collect()
    }

    /// Sets how many packets may wait for the test to take them.
    ///
    /// One more finds the queue full, as of a client that doesn't read: a broadcast makes the
    /// router disconnect it as a slow consumer, an emit to it fails or waits until the test has
    /// taken some, a volatile packet is lost.
    pub fn set_queue(&self, packets: usize) {
        self.line.far.set_room(packets);
    }

    /// Returns whether the router has asked not to be given more, as handlers have fallen behind.
    ///
    /// What clients send meanwhile waits, and arrives when the router asks for it.
    #[must_use]
    pub fn is_reading_paused(&self) -> bool {
        self.line.far.is_paused()
    }

    /// Ends the connection as a transport does that has lost it, for that reason.
    pub fn drop_connection(&self, reason: DisconnectReason) {
        self.line.cut(reason);
    }

    /// Returns why the connection has ended, if it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<DisconnectReason> {
        self.line.far.closed()
    }

    /// Waits for the end of the connection.
    ///
    /// # Errors
    ///
    /// When it doesn't end in time.
    #[track_caller]
    pub fn closed(&self) -> impl Future<Output = Result<DisconnectReason, TestError>> + use<> {
        let (this, at) = (self.clone(), Location::caller());
        async move {
            let far = &this.line.far;
            let waited = this.line.wait(|_| far.closed(), || false).await;
            waited.map_err(|miss| this.missed("the end of the connection", miss, "/", at))
        }
    }

    pub(super) async fn enter(
        &self,
        namespace: &str,
        auth: Option<&Result<String, String>>,
        at: &'static Location<'static>,
    ) -> Result<TestClient, TestError> {
        let auth = match auth {
            None => "",
            Some(Ok(auth)) if auth.starts_with('{') => auth,
            Some(Ok(other)) => {
                let text = format!("`auth` must be an object, not {other}");
                return Err(TestError::new(TestErrorKind::Unsendable, text, at));
            }
            Some(Err(error)) => {
                let text = format!("`auth` can't be encoded: {error}");
                return Err(TestError::new(TestErrorKind::Unsendable, text, at));
            }
        };
        let member = self.line.far.enter(namespace);
        let request = match namespace {
            "/" => format!("0{auth}"),
            name => format!("0{name},{auth}"),
        };
        self.line.send(request.into());

        let answer = self.line.wait(
            |heard| {
                let is_answer = |packet: &Packet| {
                    packet.namespace == namespace
                        && matches!(packet.content, Content::Connect(_) | Content::Refused(_))
                };
                let at = heard.iter().position(is_answer)?;
                heard.remove(at)
            },
            || self.close_reason().is_some(),
        );
        let what = format!("an answer to the request to enter {namespace}");
        match answer.await.map(|packet| packet.content) {
            Ok(Content::Connect(id)) => Ok(TestClient::new(self.clone(), member, id)),
            Ok(Content::Refused(refusal)) => {
                self.line.far.leave(namespace, Ending::ByServer);
                Err(TestError::refused(namespace, refusal, at))
            }
            Ok(_) => Err(self.missed(&what, Miss::Ended, namespace, at)),
            Err(miss) => Err(self.missed(&what, miss, namespace, at)),
        }
    }

    /// Sends what a client of this connection has encoded, if it can.
    pub(super) fn send<E: fmt::Display>(
        &self,
        member: &Member,
        packet: Result<Prepared, E>,
        at: &'static Location<'static>,
    ) -> Result<(), TestError> {
        let problem = match (packet, member.ending.get()) {
            (Ok(packet), None) => {
                self.line.send_packet(&packet);
                return Ok(());
            }
            (Err(error), _) => error.to_string(),
            (Ok(_), Some(ending)) => format!("the client is disconnected: {ending}"),
        };
        let text = format!("can't send: {problem}");
        Err(self.error(TestErrorKind::Unsendable, text, &member.namespace, at))
    }

    pub(super) fn next_id(&self) -> u64 {
        let id = self.ids.get();
        self.ids.set(id + 1);
        id
    }

    /// Makes an error of something that was awaited and is not there.
    pub(super) fn missed(
        &self,
        what: &str,
        miss: Miss,
        namespace: &str,
        at: &'static Location<'static>,
    ) -> TestError {
        let (kind, text) = match miss {
            Miss::Late(patience) => {
                let patience = humantime::format_duration(patience);
                (TestErrorKind::Late, format!("waited {patience} for {what}"))
            }
            Miss::Ended => (
                TestErrorKind::Ended,
                format!("waited for {what}, which can't come: disconnected"),
            ),
        };
        self.error(kind, text, namespace, at)
    }

    /// Makes an error that lists what has been heard and not taken.
    pub(super) fn error(
        &self,
        kind: TestErrorKind,
        mut text: String,
        namespace: &str,
        at: &'static Location<'static>,
    ) -> TestError {
        let heard = self.line.far.heard.borrow();
        text.push_str(&list(&heard, namespace));
        if let Some(reason) = self.close_reason() {
            text.push_str(&format!("\n  the connection is closed: {reason}"));
        }
        TestError::new(kind, text, at)
    }

    async fn take_next(
        &self,
        what: &str,
        at: &'static Location<'static>,
    ) -> Result<RawPacket, TestError> {
        let is_closed = || self.close_reason().is_some();
        let next = self.line.wait(VecDeque::pop_front, is_closed).await;
        next.map(|packet| packet.raw)
            .map_err(|miss| self.missed(what, miss, "/", at))
    }
}

impl fmt::Debug for TestConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heard = self.line.far.heard.borrow();
        let heard: Vec<_> = heard.iter().map(|packet| &packet.raw.text).collect();
        f.debug_struct("TestConnection")
            .field("heard", &heard)
            .field("close_reason", &self.close_reason())
            .finish_non_exhaustive()
    }
}

/// Lists packets, those of other namespaces with the name in front.
fn list(heard: &VecDeque<Packet>, namespace: &str) -> String {
    let mut text = match heard.len() {
        0 => "\n  nothing else was heard".to_owned(),
        _ => "\n  heard, and not taken:".to_owned(),
    };
    for packet in heard.iter().take(MAX_LISTED) {
        let of = match packet.namespace == namespace {
            true => String::new(),
            false => format!("{}: ", packet.namespace),
        };
        text.push_str(&format!("\n    {of}{packet}"));
    }
    if heard.len() > MAX_LISTED {
        text.push_str(&format!("\n    and {} more", heard.len() - MAX_LISTED));
    }
    text
}

/// How many packets an error lists.
const MAX_LISTED: usize = 20;
