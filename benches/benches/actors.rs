#![forbid(unsafe_code)]
//! The time that the router takes, with clients in the same process: there is no transport, and
//! what the clients do to encode and decode is in it.

use actix_rt::{System, SystemRunner};
use divan::Bencher;
use sockeye_router::{
    Args, EmitError, Hub, Namespace, Reply, SocketRef,
    testing::{TestClient, TestError},
};

fn main() {
    divan::main();
}

/// A typed handler emits its argument back.
#[divan::bench]
fn echo(bencher: Bencher<'_, '_>) {
    with_members(1, |_, members| {
        bencher.bench_local(|| {
            members[0].emit("echo", &("hello", 17)).unwrap();
            members[0].take_raw()
        });
    });
}

/// A typed handler answers with its argument.
#[divan::bench]
fn ack(bencher: Bencher<'_, '_>) {
    with_members(1, |_, members| {
        bencher.bench_local(|| {
            drop(members[0].emit_with_ack::<_, (String, u32)>("ack", &("hello", 17)));
            members[0].take_raw()
        });
    });
}

/// A handler joins a room and leaves it.
#[divan::bench]
fn join_and_leave(bencher: Bencher<'_, '_>) {
    with_members(1, |_, members| {
        bencher.bench_local(|| members[0].emit("join-leave", &()).unwrap());
    });
}

/// An event reaches all members of a room.
#[divan::bench(args = [10, 1_000])]
fn broadcast(bencher: Bencher<'_, '_>, members: usize) {
    with_members(members, |hub, members| {
        let everyone = hub.root().to("everyone");
        bencher.bench_local(|| {
            everyone.emit("news", &("hello", 17)).unwrap();
            members.iter().for_each(|member| drop(member.take_raw()));
        });
    });
}

/// A client connects, and goes.
#[divan::bench]
fn connect(bencher: Bencher<'_, '_>) {
    let (system, hub) = (System::new(), hub());
    bencher.bench_local(|| drop(enter(&system, &hub).unwrap()));
}

/// Calls `bench` on an arbiter, with clients that are connected.
fn with_members(count: usize, bench: impl FnOnce(&Hub, &[TestClient])) {
    let (system, hub) = (System::new(), hub());
    let members = (0..count).map(|_| enter(&system, &hub));
    let members: Vec<_> = members.collect::<Result<_, _>>().unwrap();
    system.block_on(async { bench(&hub, &members) });
}

fn enter(system: &SystemRunner, hub: &Hub) -> Result<TestClient, TestError> {
    system.block_on(TestClient::connect(hub, "/"))
}

fn hub() -> Hub {
    let namespace = Namespace::new("/")
        .on_connect(come_in)
        .on("echo", echo_back)
        .on("ack", answer)
        .on("join-leave", join_leave);
    Hub::builder().namespace(namespace).build().unwrap()
}

async fn come_in(socket: SocketRef) {
    socket.join("everyone").await;
}

async fn echo_back(
    socket: SocketRef,
    Args((text, number)): Args<(String, u32)>,
) -> Result<(), EmitError> {
    socket.emit("echo", &(text, number))
}

async fn answer(Args(args): Args<(String, u32)>) -> Reply<(String, u32)> {
    Reply(args)
}

async fn join_leave(socket: SocketRef) {
    socket.join("other").await;
    socket.leave("other").await;
}
