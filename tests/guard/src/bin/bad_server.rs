#![forbid(unsafe_code)]
//! A server that does one thing wrong when a client sends `trigger`: `bad_server leak`.
//!
//! The guard's own test shows that each of them is noticed.

use std::{
    env, fs, io,
    net::TcpListener,
    process,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use actix_web::{App, HttpServer};
use sockeye::{Ack, EmitError, HandlerError, Namespace, RawArgs, SocketIo, State};
use sockeye_guard::{kit::pause, process::Process};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    actix_web::rt::System::new().block_on(serve())
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let fault = Fault {
        name: env::args().nth(1).unwrap_or_default(),
        ..Fault::default()
    };
    let namespace = Namespace::new("/")
        .on("message-with-ack", answer)
        .on("trigger", trigger);
    let io = SocketIo::builder()
        .state(fault)
        .namespace(namespace)
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on http://{}", listener.local_addr()?);
    HttpServer::new(move || App::new().service(io.service()))
        .workers(2)
        .h1_allow_half_closed(false)
        .listen(listener)?
        .run()
        .await?;
    Ok(())
}

#[derive(Default)]
struct Fault {
    name: String,
    is_triggered: AtomicBool,
    answers: AtomicUsize,
}

async fn answer(args: RawArgs, ack: Ack, fault: State<Fault>) -> Result<(), EmitError> {
    let number = fault.answers.fetch_add(1, Ordering::Relaxed);
    let is_triggered = fault.is_triggered.load(Ordering::Relaxed);
    match &*fault.name {
        "lost" if is_triggered && number.is_multiple_of(7) => Ok(()),
        "wrong" if is_triggered && number.is_multiple_of(7) => ack.send(&"something else"),
        _ => ack.send_raw(&args),
    }
}

async fn trigger(fault: State<Fault>, ack: Ack) -> Result<(), HandlerError> {
    fault.is_triggered.store(true, Ordering::Relaxed);
    match &*fault.name {
        "leak" => drop(Box::leak(vec![1_u8; 32 << 20].into_boxed_slice())),
        "descriptors" => {
            for _ in 0..10 {
                std::mem::forget(fs::File::open("/proc/self/status"));
            }
        }
        "thread" => drop(thread::spawn(|| pause(Duration::from_secs(3600)))),
        "stall" => pause(Duration::from_secs(4)),
        "busy" => burn(Duration::from_secs(1))?,
        "crash" => process::abort(),
        "panic" => panic!("as asked for"),
        _ => {}
    }
    Ok(ack.send(&"done")?)
}

/// Works for so long, however many others there are on the processors.
fn burn(time: Duration) -> io::Result<()> {
    let this = Process::new(process::id());
    let start = this.read()?.cpu;
    while this.read()?.cpu < start + time {}
    Ok(())
}
