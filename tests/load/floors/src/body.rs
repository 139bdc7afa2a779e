//! One response body that also reads the payload: no actor.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_web::{Error, HttpRequest, HttpResponse, web::Payload};
use actix_web_actors::ws;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use crate::{
    crowd::{self, Member},
    incoming, packet,
};

pub(crate) async fn accept(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Error> {
    let queue = Rc::new(Queue::default());
    queue.push(packet::text_frame(packet::open().as_bytes()));
    let id = crowd::add(Member::Body(queue.clone()));
    Ok(ws::handshake(&request)?.streaming(Body {
        id,
        queue,
        payload,
        rest: BytesMut::new(),
    }))
}

#[derive(Default)]
pub(crate) struct Queue {
    frames: RefCell<VecDeque<Bytes>>,
    waker: Cell<Option<Waker>>,
}

impl Queue {
    pub(crate) fn push(&self, frame: Bytes) {
        self.frames.borrow_mut().push_back(frame);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

struct Body {
    id: u64,
    queue: Rc<Queue>,
    payload: Payload,
    rest: BytesMut,
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let frame = this.queue.frames.borrow_mut().pop_front();
        if let Some(frame) = frame {
            return Poll::Ready(Some(Ok(frame)));
        }
        let mut out = BytesMut::new();
        while let Poll::Ready(chunk) = Pin::new(&mut this.payload).poll_next(cx) {
            let Some(Ok(chunk)) = chunk else {
                return Poll::Ready(None);
            };
            if incoming::feed(&mut this.rest, chunk, &mut out) {
                return Poll::Ready(None);
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(out.freeze())));
            }
        }
        // What it has published itself is in the queue by now.
        let frame = this.queue.frames.borrow_mut().pop_front();
        if let Some(frame) = frame {
            return Poll::Ready(Some(Ok(frame)));
        }
        this.queue.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        crowd::remove(self.id);
    }
}
