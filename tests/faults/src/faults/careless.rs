use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use sockeye_guard::{
    case::MIB,
    kit::{Checked, Failure, ensure, eventually},
    server::Server,
};
use tokio::{runtime::Runtime, task::JoinSet, time::timeout};

use crate::{
    crowd::{Client, Flock, Incoming},
    fault::{Fault, Length, Scale},
    finding::Finding,
    program::sibling,
};

/// The application's handlers panic, and others never end.
pub(super) const FAULT: Fault = Fault {
    id: "FM-18",
    title: "handlers panic or hang",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let (panics, hanging) = (scale.of(1000), scale.of(100));
    let runtime = Runtime::new()?;
    let server = Server::start_program(&sibling("careless")?, &[])?;
    let others = Flock::connect(server.address, 100, |_| json!({}))?;
    let is_over = AtomicBool::new(false);
    let (asked, answered, outcome) = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut asked, mut answered) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                asked += others.size();
                answered += others.ask(&json!(["echo"]), CAP).count;
            }
            (asked, answered)
        });
        let outcome = break_handlers(&runtime, &server, panics, hanging);
        is_over.store(true, Ordering::Relaxed);
        let (asked, answered) = asking.join().unwrap_or_default();
        (asked, answered, outcome)
    });
    let outcome = outcome?;

    let mut finding = Finding::of(format!(
        "{panics} handlers panic, half of them after a wait; {hanging} never end, with {} events of \
         1 kB behind each; 100 other clients ask all the time",
        BEHIND
    ));
    let lost = others.lost().len();
    finding.lost = match (lost, asked - answered) {
        (0, 0) => format!("nothing of {asked} questions of others; the connections that broke it"),
        (lost, silent) => format!("{lost} of the others, {silent} answers of {asked}"),
    };
    finding.figure("connections ended", outcome.ended);
    let grown = outcome.grown as f64 / MIB as f64;
    finding.figure("memory for what waits", format!("{grown:.0} MiB"));
    finding.promise(
        lost == 0 && asked == answered,
        "other clients notice nothing",
    );
    finding.promise(outcome.ended == panics, "a panic ends its connection");
    let allowed = hanging as u64 * BOUND + 16 * MIB;
    finding.promise(
        outcome.grown < allowed,
        "what waits behind a handler is bounded",
    );
    finding.promise(outcome.freed, "who hangs up is forgotten");
    finding.promise(server.ended().is_none(), "the process lives on");
    Ok(finding)
}

struct Outcome {
    /// Connections that ended after a panic.
    ended: usize,
    /// By how many bytes the process grew for those whose handlers hang.
    grown: u64,
    /// Whether their descriptors were given back when they had gone.
    freed: bool,
}

fn break_handlers(
    runtime: &Runtime,
    server: &Server,
    panics: usize,
    hanging: usize,
) -> Checked<Outcome> {
    let ended = runtime.block_on(async {
        let mut ended = 0;
        for start in (0..panics).step_by(AT_ONCE) {
            let mut clients = JoinSet::new();
            for number in start..panics.min(start + AT_ONCE) {
                let event = ["panic", "late panic"][number % 2];
                clients.spawn(end_of(server.address, event));
            }
            while let Some(client) = clients.join_next().await {
                client.map_err(|_| Failure::new("a client panicked"))??;
                ended += 1;
            }
        }
        Checked::Ok(ended)
    })?;

    let before = server.process().read()?;
    let clients = runtime.block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..hanging {
            clients.spawn(flood_behind_hang(server.address));
        }
        clients.join_all().await
    });
    let clients = clients.into_iter().collect::<Checked<Vec<_>>>()?;
    let grown = server
        .process()
        .read()?
        .resident
        .saturating_sub(before.resident);
    drop(clients);
    let freed = eventually(CAP, || {
        let open = server.process().read()?.descriptors;
        ensure(open <= before.descriptors, format!("{open} descriptors"))
    });
    Ok(Outcome {
        ended,
        grown,
        freed: freed.is_ok(),
    })
}

/// Has a handler panic, and waits for what comes of it.
async fn end_of(address: SocketAddr, event: &str) -> Checked {
    let mut client = Client::connect(address, &json!({})).await?;
    client.emit(&json!([event]), None).await?;
    let ended = timeout(CAP, async {
        loop {
            match client.next().await {
                Ok(Incoming::End(_)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    });
    let ended = ended.await;
    ended.map_err(|_| Failure::new("a connection goes on after its handler's panic"))
}

/// Has a handler hang, and sends events behind it for as long as the server takes them.
async fn flood_behind_hang(address: SocketAddr) -> Checked<Client> {
    let mut client = Client::connect(address, &json!({})).await?;
    client.emit(&json!(["hang"]), None).await?;
    let event = json!(["echo", Value::from("x".repeat(1000))]);
    for _ in 0..BEHIND {
        let sent = timeout(Duration::from_secs(1), client.emit(&event, None)).await;
        // The server takes no more, or so slowly that there was a ping to answer.
        if !matches!(sent, Ok(Ok(()))) {
            break;
        }
    }
    Ok(client)
}

const AT_ONCE: usize = 50;

/// Four times as many as may wait.
const BEHIND: usize = 1000;

/// What may wait behind a handler, and a read that is under way.
const BOUND: u64 = 2 * MIB;

const CAP: Duration = Duration::from_secs(40);
