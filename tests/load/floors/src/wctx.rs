//! actix-web-actors' `WebsocketContext`.

use actix::{Actor, ActorContext as _, AsyncContext as _, Handler, StreamHandler};
use actix_web::{Error, HttpRequest, HttpResponse, web::Payload};
use actix_web_actors::ws::{Message, ProtocolError, WebsocketContext, WsResponseBuilder};

use crate::{
    crowd::{self, Broadcast, Member},
    packet::{self, Packet},
};

pub(crate) async fn accept(request: HttpRequest, body: Payload) -> Result<HttpResponse, Error> {
    let connection = Connection { id: 0 };
    let response = WsResponseBuilder::new(connection, &request, body);
    response.frame_size(MAX_FRAME).start()
}

pub(crate) struct Connection {
    id: u64,
}

impl Actor for Connection {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.text(packet::open());
        self.id = crowd::add(Member::WebsocketContext(context.address()));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        crowd::remove(self.id);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Connection {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Self::Context) {
        match message {
            Ok(Message::Text(text)) => match Packet::parse(text.as_bytes()) {
                Packet::Connect => context.text(packet::connect()),
                Packet::Echo => context.text(text),
                Packet::Ack { id, args } => {
                    let ack = String::from_utf8(packet::ack(id, args));
                    context.text(ack.unwrap_or_default());
                }
                Packet::Broadcast => crowd::broadcast(text.as_bytes()),
                Packet::Other => {}
            },
            Ok(Message::Binary(bytes)) => context.binary(bytes),
            Ok(Message::Close(_)) | Err(_) => context.stop(),
            Ok(_) => {}
        }
    }
}

impl Handler<Broadcast> for Connection {
    type Result = ();

    fn handle(&mut self, broadcast: Broadcast, context: &mut Self::Context) {
        context.text(broadcast.text);
    }
}

const MAX_FRAME: usize = 4 << 20;
