//! The server of `bench_server`, on socketioxide and axum. `PORT` is any free one by default; with
//! `BINARY=1`, `echo` takes bytes.

#![forbid(unsafe_code)]

use std::{env, error::Error};

use axum::{Router, serve::ListenerExt as _};
use bytes::Bytes;
use serde_json::Value;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpSocket;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    // As generous as the other servers, so that none is cut off at full load.
    let builder = SocketIo::builder()
        .max_payload(4_000_000)
        .max_buffer_size(4096);
    let (layer, io) = builder.build_layer();
    io.ns("/", enter);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Slower is all that it would be.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}

/// What can't be sent is sent to somebody who has left.
async fn enter(socket: SocketRef) {
    socket.join("bench");
    if env::var("BINARY").as_deref() == Ok("1") {
        socket.on(
            "echo",
            async |socket: SocketRef, Data::<Bytes>(argument)| {
                let _ = socket.emit("echo", &argument);
            },
        );
    } else {
        socket.on(
            "echo",
            async |socket: SocketRef, Data::<Value>(argument)| {
                let _ = socket.emit("echo", &argument);
            },
        );
    }
    socket.on("ack", async |Data::<Value>(argument), ack: AckSender| {
        let _ = ack.send(&argument);
    });
    socket.on(
        "bcast",
        async |socket: SocketRef, Data::<Value>(argument)| {
            let _ = socket.within("bench").emit("bcast", &argument).await;
        },
    );
    socket.on(
        "join",
        async |socket: SocketRef, Data::<Vec<String>>(rooms), ack: AckSender| {
            socket.join(rooms);
            let _ = ack.send("joined");
        },
    );
    socket.on(
        "bcast-to",
        async |socket: SocketRef, Data::<(String, Value)>((room, argument))| {
            let _ = socket.within(room).emit("bcast", &argument).await;
        },
    );
}
