use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use actix_service::fn_service;
use actix_web::{
    Error,
    dev::{AppService, HttpServiceFactory, ResourceDef, ServiceRequest, ServiceResponse},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use sockeye_protocol::websocket::FrameHeader;
use sockeye_router::{Handshake, Message};

use super::{
    Application, CloseReason, ConfigError, Connection, Engine, EngineConfig, Link, Receiver,
};
use crate::http::echo_websocket;

/// A WebSocket service that sends every message back, without Engine.IO on top.
///
/// For suites that judge WebSocket servers: handshake, frames, limits and closing are those of
/// the sessions, over either host.
#[derive(Clone, Debug)]
pub struct FrameEcho {
    engine: Engine,
}

impl FrameEcho {
    /// Creates a service that takes messages of at most `max_payload` bytes.
    ///
    /// # Errors
    ///
    /// When the limit can't be.
    pub fn new(max_payload: usize) -> Result<Self, ConfigError> {
        let config = EngineConfig::default().with_max_payload(max_payload);
        let engine = Engine::new(config, NoSessions)?;
        Ok(Self { engine })
    }
}

impl HttpServiceFactory for FrameEcho {
    fn register(self, app: &mut AppService) {
        let factory = fn_service(move |request: ServiceRequest| {
            let engine = self.engine.clone();
            async move {
                let (request, payload) = request.into_parts();
                let link = Link::Echo(EchoLink::default());
                let response = echo_websocket(&engine, &request, payload, link);
                Ok::<_, Error>(ServiceResponse::new(request, response))
            }
        });
        app.register_service(ResourceDef::root_prefix(""), None, factory, None);
    }
}

/// What the engine is made for; it is never asked to open a session.
struct NoSessions;

impl Application for NoSessions {
    fn connect(&self, connection: &Connection, _: Handshake) -> Box<dyn Receiver> {
        connection.abort(CloseReason::ForcedClose);
        Box::new(Self)
    }
}

impl Receiver for NoSessions {
    fn message(&self, _: Message) {}

    fn closed(&self, _: CloseReason) {}
}

/// Takes the place of a session: messages wait to be written, and meanwhile no more are taken.
#[derive(Debug, Default)]
pub(crate) struct EchoLink {
    frames: VecDeque<Bytes>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl EchoLink {
    pub(super) fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(frame) = self.frames.pop_front() else {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        };
        wake(&mut self.reader);
        Poll::Ready(Some(frame))
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.frames.is_empty() {
            return Poll::Ready(());
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn input(&mut self, message: &Message) {
        let (header, payload) = match message {
            Message::Text(text) => (FrameHeader::text(text.len()), &text.as_bytes()[..]),
            Message::Binary(data) => (FrameHeader::binary(data.len()), &data[..]),
        };
        let header = header.as_bytes();
        let mut frame = BytesMut::with_capacity(header.len() + payload.len());
        frame.put_slice(header);
        frame.put_slice(payload);
        self.frames.push_back(frame.freeze());
        wake(&mut self.writer);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
