//! actix-web-actors' `HttpContext`, with frames as raw bytes.

use actix::{Actor, ActorContext as _, AsyncContext as _, Handler, StreamHandler};
use actix_web::{Error, HttpRequest, HttpResponse, error::PayloadError, web::Payload};
use actix_web_actors::{HttpContext, ws};
use bytes::{Bytes, BytesMut};

use crate::{
    crowd::{self, Broadcast, Member},
    incoming, packet,
};

pub(crate) async fn accept(request: HttpRequest, body: Payload) -> Result<HttpResponse, Error> {
    let stream = HttpContext::with_factory(move |context| {
        HttpContext::add_stream(context, body);
        Connection {
            id: 0,
            rest: BytesMut::new(),
        }
    });
    Ok(ws::handshake(&request)?.streaming(stream))
}

pub(crate) struct Connection {
    id: u64,
    rest: BytesMut,
}

impl Actor for Connection {
    type Context = HttpContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.write(packet::text_frame(packet::open().as_bytes()));
        self.id = crowd::add(Member::HttpContext(context.address()));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        crowd::remove(self.id);
    }
}

impl StreamHandler<Result<Bytes, PayloadError>> for Connection {
    fn handle(&mut self, chunk: Result<Bytes, PayloadError>, context: &mut Self::Context) {
        let Ok(chunk) = chunk else {
            return context.stop();
        };
        let mut out = BytesMut::new();
        if incoming::feed(&mut self.rest, chunk, &mut out) {
            return context.stop();
        }
        if !out.is_empty() {
            context.write(out.freeze());
        }
    }
}

impl Handler<Broadcast> for Connection {
    type Result = ();

    fn handle(&mut self, broadcast: Broadcast, context: &mut Self::Context) {
        context.write(broadcast.frame);
    }
}
