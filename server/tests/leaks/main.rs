//! Nothing leaks: tens of thousands of clients come and go in every way there is, and then nothing
//! is left of them.

mod chance;
mod crowd;
mod served;
mod session;
mod wire;

use std::{io, time::Duration};

use sockeye::DisconnectReason;
use tokio::time::{Instant, timeout};

use self::{
    chance::{Chance, seed},
    crowd::Crowd,
    served::{CAP, Host, SECOND, SHORT, Served, turn},
    wire::Wire,
};

#[actix_web::test]
async fn nothing_is_left_of_sessions_however_they_end() {
    come_and_go(Host::Front, sessions()).await;
}

#[actix_web::test]
async fn nothing_is_left_in_an_app_of_actix_web_either() {
    come_and_go(Host::App, sessions() / 5).await;
}

async fn come_and_go(host: Host, sessions: usize) {
    let _alone = ALONE.lock().await;
    let served = Served::start(host, SECOND);
    let mut chance = Chance::new(seed());
    // What is made once: threads' tables, buffers of the allocator and the like.
    Crowd::of(&served, &mut chance, WARM_UP).await.report();
    served.settled().await;
    let descriptors = descriptors();

    let mut memory = Vec::new();
    for _ in 0..4 {
        let started = Instant::now();
        let crowd = Crowd::of(&served, &mut chance, sessions / 4).await;
        served.settled().await;
        println!("{:?}, {:?}", started.elapsed(), served.heard);
        crowd.report();
        crowd.assert_most_went_as_planned();
        memory.push(resident_memory());
    }

    descriptors_return_to(descriptors).await;
    served.heard.assert_every_socket_has_ended();
    let ends = served.heard.ends();
    for reason in [
        DisconnectReason::TransportClose,
        DisconnectReason::TransportError,
        DisconnectReason::PingTimeout,
        DisconnectReason::ParseError,
        DisconnectReason::ForcedClose,
        DisconnectReason::SlowConsumer,
        DisconnectReason::ClientNamespaceDisconnect,
        DisconnectReason::ServerNamespaceDisconnect,
    ] {
        assert!(ends.contains_key(&reason), "no {reason}: {ends:?}");
    }
    println!("resident after each quarter: {memory:?} pages");
    // What the allocator keeps goes up and down with the largest crowd so far.
    let (before, after) = (memory[0].max(memory[1]), memory[2].min(memory[3]));
    let grown = after as f64 / before as f64;
    assert!(grown <= 1.1, "resident memory grew by {grown}");
    served.stop().await;
}

#[actix_web::test]
async fn nothing_is_left_after_a_shutdown_in_the_middle_of_traffic() {
    let _alone = ALONE.lock().await;
    // Polls that wait are not answered by a heartbeat, but by the shutdown.
    let served = Served::start(Host::Front, CAP);
    let mut chance = Chance::new(seed());
    Crowd::of(&served, &mut chance, WARM_UP).await;
    let before = served.io.engine().stats().sessions;
    let descriptors = descriptors();
    let mut polls = Vec::new();
    for _ in 0..WAITING {
        polls.push(waiting_poll(&served).await.unwrap());
    }
    while served.io.engine().stats().waiting_polls < WAITING {
        turn().await;
    }
    let mut crowd = Crowd::coming(&served, &mut chance, SHUTDOWN_SESSIONS);
    while crowd.ended() < SHUTDOWN_SESSIONS / 2 {
        turn().await;
    }
    println!("{before} sessions before, {:?}", served.io.engine().stats());

    let started = Instant::now();
    served.io.close(DEADLINE).await;
    let took = started.elapsed();

    assert!(took < DEADLINE + SHORT, "closed in {took:?}");
    assert_eq!(served.io.engine().session_count(), 0);
    for mut poll in polls {
        let answer = timeout(CAP, poll.answer()).await.expect("an answer");
        assert_eq!(answer.unwrap().status, 200);
    }
    crowd.gone().await;
    crowd.report();
    served.settled().await;
    descriptors_return_to(descriptors).await;
    served.heard.assert_every_socket_has_ended();
    let ends = served.heard.ends();
    let shut_down = ends.get(&DisconnectReason::ServerShuttingDown);
    assert!(shut_down.is_some_and(|ended| *ended >= WAITING), "{ends:?}");
    served.stop().await;
}

#[actix_web::test]
async fn sessions_that_have_ended_keep_no_deadlines_where_others_go_on() {
    let _alone = ALONE.lock().await;
    let served = Served::start(Host::Front, CAP);
    let mut staying = Vec::new();
    for _ in 0..STAYING {
        let mut wire = Wire::open(served.address).await.unwrap();
        assert!(wire.upgrade("EIO=4&transport=websocket").await.unwrap());
        wire.say("40").await.unwrap();
        staying.push(wire);
    }
    for _ in 0..PASSING {
        let mut wire = Wire::open(served.address).await.unwrap();
        assert!(wire.upgrade("EIO=4&transport=websocket").await.unwrap());
        wire.reset().unwrap();
    }
    while served.io.engine().session_count() > STAYING {
        turn().await;
    }

    let timers = served.io.engine().stats().timers;

    assert!(timers < PASSING / 2, "{timers} for {STAYING} sessions");
    drop(staying);
    served.settled().await;
    served.stop().await;
}

/// Returns a connection over which a connected session polls.
async fn waiting_poll(served: &Served) -> io::Result<Wire> {
    let mut wire = Wire::open(served.address).await?;
    wire.get("EIO=4&transport=polling").await?;
    let body = wire.answer().await?.body;
    let sid = body.split('"').nth(3).unwrap_or_default();
    let query = format!("EIO=4&transport=polling&sid={sid}");
    wire.post(&query, 2, "40").await?;
    wire.answer().await?;
    wire.get(&query).await?;
    wire.answer().await?;
    wire.get(&query).await?;
    Ok(wire)
}

/// Waits until the process has no more descriptors open than it had.
async fn descriptors_return_to(before: usize) {
    let give_up = Instant::now() + CAP;
    while descriptors() > before {
        let open = descriptors();
        assert!(Instant::now() < give_up, "{open} descriptors, not {before}");
        turn().await;
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Returns the resident memory of the process, in pages.
fn resident_memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Returns how many sessions there are, beside those of the warm-up; `SESSIONS` asks for others.
fn sessions() -> usize {
    let asked = std::env::var("SESSIONS").ok();
    asked.map_or(50_000, |asked| asked.parse().expect("a number"))
}

/// The tests count what the whole process has.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const WARM_UP: usize = 1000;

/// How many sessions there are around a shutdown.
const SHUTDOWN_SESSIONS: usize = 5000;

/// How many polls wait when the server shuts down.
const WAITING: usize = 200;

/// How many sessions stay, some on each thread, while others come and go.
const STAYING: usize = 8;

const PASSING: usize = 5000;

/// By when it has to be shut down.
const DEADLINE: Duration = Duration::from_secs(3);
