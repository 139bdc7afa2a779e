//! Functions as handlers: arguments are extracted from the call, the output is settled.

use std::future::Future;

use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use crate::{
    Ack, Event, HandlerError, Refusal,
    error::BoxedError,
    extract::{Call, ExtractError, FromCall, Need},
};

/// A function that handles connections, events or disconnections.
///
/// Implemented for `async fn`s (and functions that return a future) with up to eight arguments
/// that are extractors: [`SocketRef`](crate::SocketRef), [`Args<T>`](crate::Args),
/// [`RawArgs`](crate::RawArgs), [`AuthPayload<T>`](crate::AuthPayload), [`Ack`], [`State<T>`](crate::State),
/// [`EventName`](crate::EventName), [`Event`], [`Identity`](crate::Identity) and
/// [`DisconnectReason`](crate::DisconnectReason). The function must be `Send + Sync`; its future
/// need not be, as it runs on the socket's own thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Sockeye handler",
    label = "not a handler",
    note = "a handler returns a future: is it an `async fn`?",
    note = "its arguments are at most eight extractors, taken by value: `SocketRef`, `Args<T>`, `RawArgs`, `AuthPayload<T>`, `Ack`, `State<T>`, `EventName`, `Identity`, `Option<Identity>`, `DisconnectReason`, `NamespaceRef`, `Hub`",
    note = "`T` of `Args<T>` and `AuthPayload<T>` is `serde::Deserialize` and borrows nothing; `T` of `State<T>` is `Send + Sync`",
    note = "a closure must be `Send + Sync + 'static`, and so must what it captures"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// What the future resolves to.
    type Output;
    /// The future that the function returns.
    type Future: Future<Output = Self::Output> + 'static;

    /// Returns what the arguments need their hub to have.
    fn needs() -> Vec<Need>;

    /// Extracts the arguments and calls the function.
    ///
    /// # Errors
    ///
    /// When an argument can't be extracted; the function is not called then.
    fn call(&self, call: &mut Call) -> Result<Self::Future, ExtractError>;
}

macro_rules! handler {
    ($($arg:ident),*) => {
        impl<F, Fut, $($arg,)*> Handler<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut + Send + Sync + 'static,
            Fut: Future + 'static,
            $($arg: FromCall,)*
        {
            type Output = Fut::Output;
            type Future = Fut;

            fn needs() -> Vec<Need> {
                let needs: [Option<Need>; _] = [$($arg::needs()),*];
                needs.into_iter().flatten().collect()
            }

            #[allow(unused_variables)]
            fn call(&self, call: &mut Call) -> Result<Fut, ExtractError> {
                Ok(self($($arg::from_call(call)?),*))
            }
        }
    };
}
handler!();
handler!(A);
handler!(A, B);
handler!(A, B, C);
handler!(A, B, C, D);
handler!(A, B, C, D, E);
handler!(A, B, C, D, E, G);
handler!(A, B, C, D, E, G, H);
handler!(A, B, C, D, E, G, H, I);

/// What a handler may return.
///
/// `()` says nothing to the client; [`Reply`] is the ack, if the client asked for one; an `Err`
/// goes to the ack as an error reply and to the hooks of
/// [`Namespace::on_error`](crate::Namespace::on_error).
///
/// An error reply is one argument, `{"error": message}`. A [`Refusal`] shows its message and its
/// `data`; any other error is the server's business, and the message is `Internal server error`.
/// A handler that has taken the [`Ack`] answers by itself.
#[diagnostic::on_unimplemented(
    message = "a handler can't return `{Self}`",
    note = "return `()`, `Reply(value)` to answer the client's ack, or a `Result` of these"
)]
pub trait Outcome {
    /// Settles the outcome; `ack` is the ack that the client asked for and the handler didn't take.
    ///
    /// # Errors
    ///
    /// The handler's own error.
    fn settle(self, ack: Option<Ack>) -> Result<(), HandlerError>;
}

impl Outcome for () {
    fn settle(self, _: Option<Ack>) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// The error may be any error, a text, a boxed error or a [`HandlerError`].
impl<O: Outcome, E: Into<BoxedError>> Outcome for Result<O, E> {
    fn settle(self, ack: Option<Ack>) -> Result<(), HandlerError> {
        match self {
            Ok(outcome) => outcome.settle(ack),
            Err(error) => {
                let error = HandlerError::of(error);
                if let Some(ack) = ack {
                    ack.fail(&error);
                }
                Err(error)
            }
        }
    }
}

/// A handler's answer to the client's ack: a tuple is the list of arguments, anything else one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reply<T>(pub T);

impl<T: Serialize> Outcome for Reply<T> {
    fn settle(self, ack: Option<Ack>) -> Result<(), HandlerError> {
        match ack {
            Some(ack) => Ok(ack.send(&self.0)?),
            None => Ok(()),
        }
    }
}

/// What a middleware may return: `()`, or a `Result` whose error refuses the socket.
///
/// A [`Refusal`], or what turns into one, such as a text, is told to the client. A
/// [`HandlerError`], which `?` makes of any error, may hold a `Refusal`, too; otherwise the client is
/// told `Internal server error`, and the hooks of
/// [`Namespace::on_error`](crate::Namespace::on_error) the rest.
#[diagnostic::on_unimplemented(
    message = "a middleware can't return `{Self}`",
    note = "return `()` or `Result<(), E>` where `E` is a `HandlerError`, or a `Refusal` or turns into one"
)]
pub trait Verdict {
    /// Returns whether the socket may enter.
    ///
    /// # Errors
    ///
    /// Why not.
    fn verdict(self) -> Result<(), HandlerError>;
}

impl Verdict for () {
    fn verdict(self) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<E: Into<Refusal>> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), HandlerError> {
        self.map_err(|error| error.into().into())
    }
}

impl Verdict for Result<(), HandlerError> {
    fn verdict(self) -> Result<(), HandlerError> {
        self
    }
}

/// What a middleware of events may return: `()` to let the event pass as it is, an [`Event`] to let
/// that one pass in its place, or a `Result` of these whose error stops the event.
#[diagnostic::on_unimplemented(
    message = "a middleware of events can't return `{Self}`",
    note = "return `()`, an `Event`, or a `Result` of these"
)]
pub trait EventVerdict {
    /// Returns what takes the event's place, if anything does.
    ///
    /// # Errors
    ///
    /// Why the event goes no further.
    fn verdict(self) -> Result<Option<Event>, HandlerError>;
}

impl EventVerdict for () {
    fn verdict(self) -> Result<Option<Event>, HandlerError> {
        Ok(None)
    }
}

impl EventVerdict for Event {
    fn verdict(self) -> Result<Option<Event>, HandlerError> {
        Ok(Some(self))
    }
}

impl<V: EventVerdict, E: Into<BoxedError>> EventVerdict for Result<V, E> {
    fn verdict(self) -> Result<Option<Event>, HandlerError> {
        self.map_err(HandlerError::of)?.verdict()
    }
}

/// A handler's future with its outcome settled.
pub(crate) type Task = LocalBoxFuture<'static, Result<(), HandlerError>>;

pub(crate) type EventFn = Box<dyn Fn(&mut Call) -> Result<Task, ExtractError> + Send + Sync>;

pub(crate) type MiddlewareFn = Box<
    dyn Fn(&mut Call) -> Result<LocalBoxFuture<'static, Result<(), HandlerError>>, ExtractError>
        + Send
        + Sync,
>;

pub(crate) fn erase_event<H, Args>(handler: H) -> EventFn
where
    H: Handler<Args>,
    H::Output: Outcome,
{
    Box::new(move |call| {
        let future = handler.call(call)?;
        let ack = call.take_ack();
        Ok(Box::pin(async move { future.await.settle(ack) }))
    })
}

pub(crate) type FilterFn =
    Box<dyn Fn(&mut Call) -> Result<LocalBoxFuture<'static, Filtered>, ExtractError> + Send + Sync>;

/// What a middleware of events says.
pub(crate) type Filtered = Result<Option<Event>, HandlerError>;

pub(crate) fn erase_filter<H, Args>(middleware: H) -> FilterFn
where
    H: Handler<Args>,
    H::Output: EventVerdict,
{
    Box::new(move |call| {
        let future = middleware.call(call)?;
        Ok(Box::pin(async move { future.await.verdict() }))
    })
}

pub(crate) fn erase_middleware<H, Args>(handler: H) -> MiddlewareFn
where
    H: Handler<Args>,
    H::Output: Verdict,
{
    Box::new(move |call| {
        let future = handler.call(call)?;
        Ok(Box::pin(async move { future.await.verdict() }))
    })
}
