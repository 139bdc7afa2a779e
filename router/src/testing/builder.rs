use std::{
    panic::Location,
    time::{Duration, SystemTime},
};

use actix_rt::Arbiter;
use serde::Serialize;

use super::{TestClient, TestConnection, TestError, line::Line};
use crate::{Client, Handshake, Hub};

/// Describes a [`TestClient`]: who it says it is, and how it behaves.
#[derive(Clone, Debug)]
#[must_use = "there is no client before `connect`"]
pub struct TestClientBuilder {
    hub: Hub,
    namespace: String,
    /// JSON, or why there is none.
    auth: Option<Result<String, String>>,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    /// All else that the client says when it opens the connection.
    handshake: Handshake,
    queue: usize,
    patience: Option<Duration>,
}

impl TestClientBuilder {
    pub(super) fn new(hub: &Hub) -> Self {
        Self {
            hub: hub.clone(),
            namespace: "/".to_owned(),
            auth: None,
            headers: Vec::new(),
            query: Vec::new(),
            handshake: Handshake::new(SystemTime::now()).with_url("/socket.io/"),
            queue: usize::MAX,
            patience: None,
        }
    }

    /// Sets the namespace to connect to; `/` by default.
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = name.into();
        self
    }

    /// Sets what the client passes as `auth`, which must serialise as an object.
    pub fn auth<T: Serialize + ?Sized>(mut self, auth: &T) -> Self {
        self.auth = Some(serde_json::to_string(auth).map_err(|error| error.to_string()));
        self
    }

    /// Adds a header to the request that opened the connection.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter to the query of that request.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets the client's address; it has none by default.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.handshake = self.handshake.with_address(address);
        self
    }

    /// Sets whether the connection counts as encrypted; it doesn't by default.
    pub fn secure(mut self, secure: bool) -> Self {
        self.handshake = self.handshake.with_secure(secure);
        self
    }

    /// Adds a value that an application in front would have put into the handshake.
    pub fn extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.handshake = self.handshake.with_extension(value);
        self
    }

    /// Sets how many packets may wait for the test to take them; any number by default.
    ///
    /// The answer to the connection request is one. See [`TestConnection::set_queue`].
    pub fn queue(mut self, packets: usize) -> Self {
        self.queue = packets;
        self
    }

    /// Sets how long the client waits for something to come: an hour by default where the clock
    /// is stopped, otherwise 10 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Opens the connection, asks to enter the namespace and waits for the answer.
    ///
    /// # Errors
    ///
    /// When the namespace refuses ([`TestError::refusal`]), the connection is closed, there is no
    /// answer, or the `auth` is no object.
    ///
    /// # Panics
    ///
    /// Outside of an actix arbiter, which `#[actix::test]` provides.
    #[track_caller]
    pub fn connect(self) -> impl Future<Output = Result<TestClient, TestError>> {
        let at = Location::caller();
        async move {
            let connection = self.open();
            connection
                .enter(&self.namespace, self.auth.as_ref(), at)
                .await
        }
    }

    /// Opens the connection and asks for nothing, to speak the protocol by hand.
    ///
    /// # Panics
    ///
    /// Outside of an actix arbiter, which `#[actix::test]` provides.
    #[must_use]
    #[track_caller]
    pub fn open(&self) -> TestConnection {
        assert!(
            Arbiter::try_current().is_some(),
            "a test client needs an actix arbiter: use `#[actix::test]`, not `#[tokio::test]`"
        );
        let headers = self.headers.iter().map(|(name, value)| (name, value));
        let handshake = self.handshake.clone();
        let handshake = handshake
            .with_headers(headers)
            .with_query(self.query.iter().cloned());
        let line = Line::new(self.queue, self.patience, |outlet| {
            Client::new(&self.hub, outlet, handshake)
        });
        TestConnection::new(self.hub.clone(), line)
    }
}
