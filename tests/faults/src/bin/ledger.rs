#![forbid(unsafe_code)]
//! A server that embeds Sockeye: `ledger FILE` writes each `note` into the file, and answers it then.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{Error, Write as _},
    net::TcpListener,
    time::Duration,
};

use actix_web::App;
use sockeye::{Ack, Args, FrontServer, HandlerError, Namespace, SocketIo, State};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = env::args().nth(1).ok_or("which file?")?;
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let io = SocketIo::builder()
        .namespace(Namespace::new("/").on("note", note))
        .state(file)
        .build()?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let mounted = io.clone();
    let server = FrontServer::new(move || App::new().configure(mounted.mount()))
        .shutdown_signal(io.close_on_signal(DEADLINE))
        .listen(listener)?
        .run();
    println!("ledger listening on http://{address}");
    server.await?;
    Ok(())
}

async fn note(
    Args((client, number)): Args<(usize, u64)>,
    file: State<File>,
    ack: Ack,
) -> Result<(), HandlerError> {
    // As if a database were asked: at any moment some handlers run.
    tokio::time::sleep(Duration::from_millis(number % 20)).await;
    let line = format!("{client} {number}\n");
    // One write for a line, at the end of the file: lines of several threads don't mix.
    let written = (&*file).write(line.as_bytes())?;
    if written < line.len() {
        return Err(Error::other("half a line").into());
    }
    Ok(ack.send(&number)?)
}

/// How long the shutdown may take.
const DEADLINE: Duration = Duration::from_secs(10);
