use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use sockeye_protocol::socket::{ArgsError, RawArgs};

use super::{AckReply, AckReport, Collector, Gather, Missing};
use crate::{AckError, BroadcastOperator, EmitError, outgoing::Outgoing};

impl BroadcastOperator {
    /// Emits an event to every selected socket, now, and when awaited waits for their answers, each
    /// read into `T` as [`Args`](crate::Args) are.
    ///
    /// It is waited for [`BroadcastOperator::timeout`], or
    /// [`RouterConfig::with_ack_timeout`](crate::RouterConfig::with_ack_timeout). The packet is encoded
    /// once and never volatile. A socket whose queue is full is disconnected as a slow consumer; a
    /// socket that disconnects is not waited for.
    pub fn emit_with_ack<A, T>(&self, event: &str, args: &A) -> BroadcastAck<T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned + Send + 'static,
    {
        let encoded = self.encode_with_ack(event, args);
        BroadcastAck(encoded.map(|encoded| AckStream::start(self, encoded, |args| args.decode())))
    }

    /// Emits an event with arguments as they were received and, when awaited, waits for the
    /// answers as they are.
    pub fn emit_with_ack_raw(&self, event: &str, args: &RawArgs) -> BroadcastAck<RawArgs> {
        let encoded = self.encode_raw_with_ack(event, args);
        BroadcastAck(encoded.map(|encoded| AckStream::start(self, encoded, Ok)))
    }

    fn encode_with_ack<A: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &A,
    ) -> Result<Encoded, EmitError> {
        if self.port().is_some() {
            return self.encode_raw_with_ack(event, &RawArgs::encode(args)?);
        }
        let namespace = self.namespace().inner();
        let id = namespace.next_ack_id();
        let outgoing = Outgoing::event(namespace, Some(id), event, args)?;
        Ok(Encoded {
            id,
            outgoing: outgoing.with_compression(self.is_compressed()),
            event: None,
        })
    }

    fn encode_raw_with_ack(&self, event: &str, args: &RawArgs) -> Result<Encoded, EmitError> {
        let namespace = self.namespace().inner();
        let id = namespace.next_ack_id();
        let outgoing = Outgoing::event_raw(namespace, Some(id), event, args)?;
        Ok(Encoded {
            id,
            outgoing: outgoing.with_compression(self.is_compressed()),
            event: self.port().map(|_| (event.to_owned(), args.clone())),
        })
    }
}

struct Encoded {
    id: u64,
    outgoing: Outgoing,
    /// The event for other nodes, where there are some.
    event: Option<(String, RawArgs)>,
}

/// A broadcast that was sent and waits for the clients' answers.
///
/// It has been sent already, in the order of the caller's calls; where other nodes have to be counted
/// first, when this is first awaited. Awaited, it gives an [`AckReport`], or the reason why nothing
/// was sent. Dropping it gives the answers up.
#[must_use = "the answers are given up when this is dropped"]
pub struct BroadcastAck<T>(Result<AckStream<T>, EmitError>);

impl<T: Send + 'static> BroadcastAck<T> {
    /// Sets how long answers are waited for here, from when they are first waited for.
    ///
    /// Other nodes are told of the [operator's](BroadcastOperator::timeout).
    pub fn timeout(self, timeout: Duration) -> Self {
        Self(self.0.map(|stream| stream.with_timeout(timeout)))
    }

    /// Gives the answers one by one, in the order of arrival, and last those that are missing.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded or the name is reserved.
    pub fn stream(self) -> Result<AckStream<T>, EmitError> {
        self.0
    }

    async fn report(self) -> Result<AckReport<T>, EmitError> {
        let mut stream = self.stream()?;
        let mut report = AckReport::new();
        while let Some(answer) = stream.next().await {
            match answer {
                Ok(reply) => report.replies.push(reply),
                Err(missing) => report.missing.push(missing),
            }
        }
        (report.unheard, report.silent) = stream.rest();
        Ok(report)
    }
}

impl<T: Send + 'static> IntoFuture for BroadcastAck<T> {
    type Output = Result<AckReport<T>, EmitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.report())
    }
}

impl<T> fmt::Debug for BroadcastAck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BroadcastAck").field(&self.0).finish()
    }
}

/// Asks other nodes first, then the sockets here.
async fn send(operator: BroadcastOperator, encoded: Encoded, timeout: Duration) -> Collector {
    let asked = match (operator.port(), encoded.event) {
        (Some(port), Some((event, args))) => {
            let gather = Arc::new(Gather::default());
            let options = operator.options_with_timeout(timeout);
            let asked = port.ask_for_acks(&gather, event, args, options).await;
            Some((gather, asked))
        }
        _ => None,
    };
    Collector::send(&operator, encoded.id, &encoded.outgoing, timeout, asked)
}

/// The answers to a broadcast, in the order of arrival; see [`BroadcastAck::stream`].
///
/// It ends when all have answered or the time is over. Dropping it forgets those that are pending.
#[must_use = "the answers are given up when this is dropped"]
pub struct AckStream<T> {
    phase: Phase,
    /// Set after the broadcast was begun.
    timeout: Option<Duration>,
    read: fn(RawArgs) -> Result<T, ArgsError>,
}

enum Phase {
    Sending(BoxFuture<'static, Collector>),
    Waiting(Collector),
}

impl<T> AckStream<T> {
    fn start(
        operator: &BroadcastOperator,
        encoded: Encoded,
        read: fn(RawArgs) -> Result<T, ArgsError>,
    ) -> Self {
        let mut sending = Box::pin(send(operator.clone(), encoded, operator.ack_timeout()));
        // It only has to wait where other nodes are counted.
        let mut context = Context::from_waker(Waker::noop());
        let phase = match sending.as_mut().poll(&mut context) {
            Poll::Ready(collector) => Phase::Waiting(collector),
            Poll::Pending => Phase::Sending(sending),
        };
        Self {
            phase,
            timeout: None,
            read,
        }
    }

    fn with_timeout(mut self, timeout: Duration) -> Self {
        match &mut self.phase {
            Phase::Waiting(collector) => collector.set_timeout(timeout),
            Phase::Sending(_) => self.timeout = Some(timeout),
        }
        self
    }

    /// Returns how many sockets of other nodes that are known by number only, and how many nodes or
    /// threads, have not answered so far: see [`AckReport`].
    #[must_use]
    pub fn rest(&self) -> (usize, usize) {
        match &self.phase {
            Phase::Sending(_) => (0, 0),
            Phase::Waiting(collector) => collector.rest(),
        }
    }

    fn read(&self, socket: Option<sockeye_protocol::Sid>, args: RawArgs) -> Answered<T> {
        match (self.read)(args) {
            Ok(value) => Ok(AckReply { socket, value }),
            Err(error) => Err(Missing {
                socket,
                error: AckError::Decode(error),
            }),
        }
    }
}

type Answered<T> = Result<AckReply<T>, Missing>;

impl<T> Stream for AckStream<T> {
    type Item = Answered<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let collector = match &mut self.phase {
                Phase::Waiting(collector) => collector,
                Phase::Sending(sending) => {
                    let mut collector = ready!(sending.as_mut().poll(cx));
                    if let Some(timeout) = self.timeout {
                        collector.set_timeout(timeout);
                    }
                    self.phase = Phase::Waiting(collector);
                    continue;
                }
            };
            let next = ready!(collector.poll_next(cx));
            return Poll::Ready(next.map(|gathered| {
                let (socket, args) = gathered?;
                self.read(socket, args)
            }));
        }
    }
}

impl<T> fmt::Debug for AckStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckStream")
            .field("rest", &self.rest())
            .finish_non_exhaustive()
    }
}
