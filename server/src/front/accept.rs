//! Requests that want to be upgraded: the App answers them, the front serves what it has accepted.

use std::{cell::RefCell, fmt, marker::PhantomData, rc::Rc};

use actix_codec::{Encoder as _, Framed, FramedParts};
use actix_http::{
    ConnectionType, Error, HttpMessage as _, Request, Response, StatusCode,
    body::{BodySize, BoxBody, MessageBody},
    h1::{Codec, Message},
};
use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory, always_ready};
use bytes::{Bytes, BytesMut};
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, Shared},
};

use sockeye_protocol::websocket::close_frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Seat, Seated, client::ClientStream, relay, stream};
use crate::engine::{Adopt, Engine, LINGER, Link, Request as DeskRequest};

/// A worker's App, which serves plain requests and those that want to be upgraded alike.
pub(super) struct SharedApp<S: ServiceFactory<Request>> {
    factory: Rc<S>,
    made: Rc<RefCell<Option<Making<S::Service>>>>,
}

type Making<A> = Shared<LocalBoxFuture<'static, Result<Rc<A>, ()>>>;

impl<S> SharedApp<S>
where
    S: ServiceFactory<Request, Config = ()> + 'static,
    S::Service: 'static,
    S::InitError: fmt::Debug,
{
    pub(super) fn new(factory: S) -> Self {
        Self {
            factory: Rc::new(factory),
            made: Rc::default(),
        }
    }

    /// Returns what serves the requests that want to be upgraded.
    pub(super) fn upgrades<B>(&self) -> Upgrades<S, B> {
        let app = Self {
            factory: self.factory.clone(),
            made: self.made.clone(),
        };
        Upgrades(app, PhantomData)
    }

    fn make(&self) -> Making<S::Service> {
        let mut made = self.made.borrow_mut();
        let making = made.get_or_insert_with(|| {
            let factory = self.factory.clone();
            let making = async move {
                let app = factory.new_service(()).await;
                app.map(Rc::new).map_err(|error| {
                    tracing::error!(?error, "the App can't be made");
                })
            };
            making.boxed_local().shared()
        });
        making.clone()
    }
}

impl<S> ServiceFactory<Request> for SharedApp<S>
where
    S: ServiceFactory<Request, Config = ()> + 'static,
    S::Service: 'static,
    S::InitError: fmt::Debug,
{
    type Response = S::Response;
    type Error = S::Error;
    type Config = ();
    type Service = Rc<S::Service>;
    type InitError = ();
    type Future = Making<S::Service>;

    fn new_service(&self, (): ()) -> Self::Future {
        self.make()
    }
}

/// Makes the service of requests that want to be upgraded.
pub(super) struct Upgrades<S: ServiceFactory<Request>, B>(SharedApp<S>, PhantomData<fn() -> B>);

impl<S, B> ServiceFactory<(Request, Framed<ClientStream, Codec>)> for Upgrades<S, B>
where
    S: ServiceFactory<Request, Config = ()> + 'static,
    S::Service: 'static,
    S::InitError: fmt::Debug,
    S::Error: Into<Response<BoxBody>>,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    type Response = ();
    type Error = Error;
    type Config = ();
    type Service = Upgrade<S::Service, B>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Service, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let making = self.0.make();
        Box::pin(async move { Ok(Upgrade(making.await?, PhantomData)) })
    }
}

/// Answers requests that want to be upgraded.
pub(super) struct Upgrade<A, B>(Rc<A>, PhantomData<fn() -> B>);

impl<A, B> Service<(Request, Framed<ClientStream, Codec>)> for Upgrade<A, B>
where
    A: Service<Request> + 'static,
    A::Error: Into<Response<BoxBody>>,
    A::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<(), Error>>;

    always_ready!();

    fn call(&self, (request, framed): (Request, Framed<ClientStream, Codec>)) -> Self::Future {
        let app = self.0.clone();
        Box::pin(async move {
            // What follows is a task of its own, and this one ends: it has the dispatcher's size.
            let upgraded = Upgraded::from(framed);
            let (seat, request, feed) = upgraded.announce(request);
            let response = match app.call(request).await {
                Ok(response) => response.into().map_body(|_, body| body.boxed()),
                Err(error) => error.into(),
            };
            upgraded.go_on(&seat, response, feed);
            Ok(())
        })
    }
}

/// A connection behind the head of a request that wants to be upgraded.
pub(super) struct Upgraded {
    pub(super) stream: ClientStream,
    pub(super) codec: Codec,
    /// What was read behind the head.
    pub(super) read: BytesMut,
    /// The head of the answer, once there is one.
    pub(super) write: BytesMut,
}

impl From<Framed<ClientStream, Codec>> for Upgraded {
    fn from(framed: Framed<ClientStream, Codec>) -> Self {
        let FramedParts {
            io,
            codec,
            read_buf,
            write_buf,
            ..
        } = framed.into_parts();
        Self {
            stream: io,
            codec,
            read: read_buf,
            write: write_buf,
        }
    }
}

impl Upgraded {
    /// Prepares a request for the App: with a seat, and with a payload that is fed if the App turns
    /// out to want the stream for itself.
    fn announce(&self, mut request: Request) -> (Seat, Request, relay::Feed) {
        let seat = Seat::default();
        request.extensions_mut().insert(seat.clone());
        let (payload, feed) = relay::payload();
        *request.payload() = payload;
        (seat, request, feed)
    }

    fn go_on(mut self, seat: &Seat, response: Response<BoxBody>, feed: relay::Feed) {
        let (mut head, body) = response.into_parts();
        let Some(seated) = seat.leave() else {
            if head.status() != StatusCode::SWITCHING_PROTOCOLS {
                head.head_mut().set_connection_type(ConnectionType::Close);
            }
            if self.encode(Message::Item((head, body.size()))) {
                actix_rt::spawn(relay::relay(self, body, feed));
            }
            return;
        };
        if !self.encode(Message::Item((head, BodySize::None))) {
            return;
        }
        let (read, head) = (self.read, self.write.freeze());
        match seated {
            Seated::Here(link, engine) => {
                actix_rt::spawn(stream::serve(self.stream, link, &engine, read, head));
            }
            Seated::Elsewhere {
                engine,
                desk,
                sid,
                text_only,
            } => {
                let adopt = send_home(self.stream, engine.clone(), read, head);
                if let Some(adopt) = adopt {
                    let request = DeskRequest::Adopt {
                        sid,
                        text_only,
                        adopt,
                    };
                    desk.request(&engine, request);
                }
            }
        }
    }

    fn encode(&mut self, message: Message<(Response<()>, BodySize)>) -> bool {
        let encoded = self.codec.encode(message, &mut self.write);
        if let Err(error) = &encoded {
            tracing::error!(%error, "the head of an upgrade can't be encoded");
        }
        encoded.is_ok()
    }
}

/// Prepares a stream to be served on the thread of its session.
///
/// A client that upgrades may be accepted by another worker than the one that its session was
/// opened on; its messages would change threads one by one otherwise.
fn send_home(stream: ClientStream, engine: Engine, read: BytesMut, head: Bytes) -> Option<Adopt> {
    let (stream, open) = stream.into_parts();
    let stream = stream.into_std().inspect_err(
        |error| tracing::warn!(%error, "stream can't change threads, connection dropped"),
    );
    let stream = stream.ok()?;
    Some(Adopt(Box::new(move |link| {
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => ClientStream::new(stream, open),
            Err(error) => {
                tracing::warn!(%error, "stream can't change threads, connection dropped");
                return;
            }
        };
        match link {
            Some(link) => {
                let link = Link::Local(link);
                actix_rt::spawn(stream::serve(stream, link, &engine, read, head));
            }
            None => {
                actix_rt::spawn(turn_away(stream, head));
            }
        }
    })))
}

/// Accepts a WebSocket that no session wants and closes it.
async fn turn_away(mut stream: ClientStream, head: Bytes) {
    let words = [head, close_frame(None)];
    for mut words in words {
        // The client may be gone.
        if stream.write_all_buf(&mut words).await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
    // Ending the stream over unread data would reset the connection, and might take the close
    // frame back.
    let draining = async { while stream.read(&mut [0; 256]).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(LINGER, draining).await;
}
