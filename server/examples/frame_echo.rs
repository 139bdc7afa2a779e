//! The WebSocket layer alone: every message comes back, over the host that `HOSTED_BY` names.
//!
//! ```sh
//! HOSTED_BY=app cargo run --features testing --example frame_echo
//! ```

use actix_web::{App, HttpServer};
use sockeye::{FrontServer, engine::FrameEcho};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let address = ("127.0.0.1", port);
    let echo = FrameEcho::new(MAX_PAYLOAD)?;
    let app = move || App::new().service(echo.clone());
    if std::env::var("HOSTED_BY").is_ok_and(|host| host == "app") {
        let server = HttpServer::new(app)
            .h1_allow_half_closed(false)
            .tcp_nodelay(true)
            .bind(address)?;
        println!("listening on http://{}", server.addrs()[0]);
        server.run().await?;
    } else {
        let server = FrontServer::new(app).bind(address)?;
        println!("listening on http://{}", server.addrs()[0]);
        server.run().await?;
    }
    Ok(())
}

/// As large as the largest message of a conformance suite.
const MAX_PAYLOAD: usize = 16 << 20;
