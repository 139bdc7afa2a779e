//! All connections, which is the room `bench`: with one worker, they are the thread's own.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use actix::{Addr, Message};
use bytes::Bytes;
use bytestring::ByteString;
use tokio::{sync::Notify, task};

use crate::{body, hctx, own, packet, wctx};

/// A broadcast, as text and as an encoded frame.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Broadcast {
    pub(crate) text: ByteString,
    pub(crate) frame: Bytes,
}

/// A way to reach one connection.
pub(crate) enum Member {
    WebsocketContext(Addr<wctx::Connection>),
    HttpContext(Addr<hctx::Connection>),
    Body(Rc<body::Queue>),
    Own(Rc<own::Connection>),
    /// Written at the end of the turn.
    Coalesced(Rc<own::Connection>),
}

#[derive(Default)]
struct Crowd {
    members: Vec<(u64, Member)>,
    next_id: u64,
    dirty: Vec<Rc<own::Connection>>,
}

thread_local! {
    static CROWD: RefCell<Crowd> = RefCell::default();
    static HAS_TASKS: Cell<bool> = const { Cell::new(false) };
    static TURN_ENDS: Rc<Notify> = Rc::default();
}

/// Adds a connection and returns its id.
pub(crate) fn add(member: Member) -> u64 {
    if !HAS_TASKS.replace(true) {
        actix_rt::spawn(ping());
        actix_rt::spawn(flush());
    }
    CROWD.with_borrow_mut(|crowd| {
        crowd.next_id += 1;
        crowd.members.push((crowd.next_id, member));
        crowd.next_id
    })
}

pub(crate) fn remove(id: u64) {
    CROWD.with_borrow_mut(|crowd| {
        // Ids only grow, so that the list is sorted.
        let found = crowd.members.binary_search_by_key(&id, |member| member.0);
        if let Ok(index) = found {
            crowd.members.remove(index);
        }
    });
}

pub(crate) fn broadcast(message: &[u8]) {
    deliver(&Broadcast {
        text: ByteString::try_from(message).unwrap_or_default(),
        frame: packet::text_frame(message),
    });
}

async fn ping() {
    let mut intervals = actix_rt::time::interval(Duration::from_secs(25));
    intervals.tick().await;
    loop {
        intervals.tick().await;
        broadcast(b"2");
    }
}

/// Writes, at the end of a turn in which there were broadcasts, to all that they went to.
async fn flush() {
    let turn_ends = TURN_ENDS.with(Rc::clone);
    loop {
        turn_ends.notified().await;
        task::yield_now().await;
        let dirty = CROWD.with_borrow_mut(|crowd| std::mem::take(&mut crowd.dirty));
        for connection in dirty {
            connection.flush();
        }
    }
}

fn deliver(broadcast: &Broadcast) {
    CROWD.with_borrow_mut(|crowd| {
        let Crowd { members, dirty, .. } = crowd;
        for (_, member) in members.iter() {
            match member {
                Member::WebsocketContext(address) => address.do_send(broadcast.clone()),
                Member::HttpContext(address) => address.do_send(broadcast.clone()),
                Member::Body(queue) => queue.push(broadcast.frame.clone()),
                Member::Own(connection) => connection.send(&broadcast.frame),
                Member::Coalesced(connection) => {
                    if connection.queue(&broadcast.frame) {
                        dirty.push(connection.clone());
                    }
                }
            }
        }
        if !dirty.is_empty() {
            TURN_ENDS.with(|turn_ends| turn_ends.notify_one());
        }
    });
}
