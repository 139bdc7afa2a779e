//! What a Socket.IO server on actix can't go below: servers that speak just enough for the load
//! generator, each on another part of actix, without any protocol work.
//!
//! `floors MODE` listens on `PORT` (any free one by default) with one worker:
//!
//! | mode | stands on | of ours, stands on it |
//! |---|---|---|
//! | `wctx` | actix-web-actors' `WebsocketContext`: an actor per connection | |
//! | `hctx` | actix-web-actors' `HttpContext`, frames as raw `Bytes` | the host `app` |
//! | `body` | one response body that also reads the request's payload, no actor | |
//! | `own` | a task of its own after actix-http's `upgrade` service | |
//! | `own-co` | the same, and the broadcasts of a turn are written at its end | the host `front` |
//!
//! A broadcast is encoded once, and goes straight to the connections of the thread.

#![forbid(unsafe_code)]

mod body;
mod crowd;
mod hctx;
mod incoming;
mod own;
mod packet;
mod wctx;

use std::{env, io, net::TcpListener};

use actix_http::HttpService;
use actix_rt::System;
use actix_server::Server;
use actix_service::{fn_service, map_config};
use actix_web::{App, HttpServer, Route, dev::AppConfig, web};

fn main() -> io::Result<()> {
    let mode = env::args().nth(1).unwrap_or_default();
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse::<u16>());
    let port = port.map_err(io::Error::other)?;
    System::new().block_on(async move {
        match mode.as_str() {
            "wctx" => mounted(port, || web::get().to(wctx::accept)).await,
            "hctx" => mounted(port, || web::get().to(hctx::accept)).await,
            "body" => mounted(port, || web::get().to(body::accept)).await,
            "own" => upgraded(port, false).await,
            "own-co" => upgraded(port, true).await,
            other => Err(io::Error::other(format!("no mode {other:?}"))),
        }
    })
}

async fn mounted(port: u16, route: fn() -> Route) -> io::Result<()> {
    let server = HttpServer::new(move || App::new().route(PATH, route()))
        .workers(1)
        .backlog(BACKLOG)
        .max_connections(CONNECTIONS)
        .tcp_nodelay(true)
        .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await
}

async fn upgraded(port: u16, coalesce: bool) -> io::Result<()> {
    let listener = listener(port)?;
    println!("listening on http://{}", listener.local_addr()?);
    Server::build()
        .workers(1)
        .max_concurrent_connections(CONNECTIONS)
        .listen("floor", listener, move || {
            HttpService::build()
                .upgrade(fn_service(move |(request, framed)| {
                    own::accept(request, framed, coalesce)
                }))
                .finish(map_config(App::new(), |()| AppConfig::default()))
                .tcp()
        })?
        .run()
        .await
}

fn listener(port: u16) -> io::Result<TcpListener> {
    let socket = actix_rt::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(BACKLOG)?.into_std()
}

const PATH: &str = "/socket.io/";
const BACKLOG: u32 = 4096;
const CONNECTIONS: usize = 100_000;
