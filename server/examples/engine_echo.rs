//! Engine.IO alone, without Socket.IO: every message comes back as it was sent.
//!
//! ```sh
//! cargo run --example engine_echo
//! ```

use actix_web::{App, HttpServer};
use sockeye::{
    Handshake, HttpConfig, Message, Prepared,
    engine::{Application, CloseReason, Connection, Engine, EngineConfig, Receiver},
};

struct Echo;

impl Application for Echo {
    fn connect(&self, connection: &Connection, _: Handshake) -> Box<dyn Receiver> {
        Box::new(EchoReceiver(connection.clone()))
    }
}

struct EchoReceiver(Connection);

impl Receiver for EchoReceiver {
    fn message(&self, message: Message) {
        let echo = match &message {
            Message::Text(text) => Prepared::text(text),
            Message::Binary(data) => Prepared::binary(data.clone()),
        };
        if self.0.send(&echo).is_err() {
            // The client doesn't read what it asks for.
            self.0.abort(CloseReason::SlowConsumer);
        }
    }

    fn closed(&self, _: CloseReason) {}
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let engine = Engine::new(EngineConfig::default(), Echo)?;
    let server = HttpServer::new(move || {
        App::new().service(engine.service("/engine.io", HttpConfig::default()))
    })
    .h1_allow_half_closed(false)
    .tcp_nodelay(true)
    .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}
