use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::{Rc, Weak},
    time::Duration,
};

use sockeye_protocol::Message;
use tokio::sync::Notify;

use super::{
    Ending, clock,
    packet::{Content, Packet},
};
use crate::{Client, DisconnectReason, Outlet, OutletError, Prepared};

/// A connection without a network between: both ends of it.
pub(super) struct Line {
    client: Client,
    pub(super) far: Rc<FarEnd>,
    patience: Option<Duration>,
}

/// The end that the router sends to.
pub(super) struct FarEnd {
    /// What has come and was not taken yet.
    pub(super) heard: RefCell<VecDeque<Packet>>,
    members: RefCell<Vec<Rc<Member>>>,
    closed: Cell<Option<DisconnectReason>>,
    paused: Cell<bool>,
    /// What was sent while the router didn't want to read.
    held: RefCell<VecDeque<Message>>,
    room: Cell<usize>,
    /// What to call once there is room again.
    drained: RefCell<Vec<Box<dyn FnOnce()>>>,
    news: Notify,
    line: RefCell<Weak<Line>>,
}

/// The client's side of a namespace that it has asked to enter.
pub(super) struct Member {
    pub(super) namespace: String,
    pub(super) ending: Cell<Option<Ending>>,
}

/// Why something that was awaited is not there.
pub(super) enum Miss {
    Late(Duration),
    Ended,
}

impl Line {
    pub(super) fn new(
        room: usize,
        patience: Option<Duration>,
        connect: impl FnOnce(FarOutlet) -> Client,
    ) -> Rc<Self> {
        let far = Rc::new(FarEnd {
            heard: RefCell::default(),
            members: RefCell::default(),
            closed: Cell::new(None),
            paused: Cell::new(false),
            held: RefCell::default(),
            room: Cell::new(room),
            drained: RefCell::default(),
            news: Notify::new(),
            line: RefCell::default(),
        });
        let line = Rc::new(Self {
            client: connect(FarOutlet(far.clone())),
            far: far.clone(),
            patience,
        });
        far.line.replace(Rc::downgrade(&line));
        line
    }

    /// Gives a message to the router, or keeps it while the router doesn't want to read.
    pub(super) fn send(&self, message: Message) {
        if self.far.paused.get() || !self.far.held.borrow().is_empty() {
            self.far.held.borrow_mut().push_back(message);
        } else {
            self.client.receive(message);
        }
    }

    /// Gives a message to the router in any case.
    pub(super) fn send_at_once(&self, message: Message) {
        self.client.receive(message);
    }

    /// Sends the messages of a packet.
    pub(super) fn send_packet(&self, packet: &Prepared) {
        if let Some(text) = packet.text_packet() {
            // The leading `4` is Engine.IO's, which is not spoken here.
            let text = String::from_utf8_lossy(text.get(1..).unwrap_or_default());
            self.send(Message::from(text.into_owned()));
        }
        for data in packet.binary_messages() {
            self.send(Message::from(data.clone()));
        }
    }

    /// Ends the connection from the client's side.
    pub(super) fn cut(&self, reason: DisconnectReason) {
        self.far.end(reason);
        self.client.disconnected(reason);
    }

    /// Waits until `pick` finds something, or `is_over` says that it never will.
    pub(super) async fn wait<T>(
        &self,
        mut pick: impl FnMut(&mut VecDeque<Packet>) -> Option<T>,
        is_over: impl Fn() -> bool,
    ) -> Result<T, Miss> {
        let waiting = async {
            loop {
                let news = self.far.news.notified();
                let found = pick(&mut self.far.heard.borrow_mut());
                if let Some(found) = found {
                    self.far.room_may_have_grown();
                    return Ok(found);
                }
                if is_over() {
                    return Err(Miss::Ended);
                }
                news.await;
            }
        };
        let patience = self.patience();
        let waited = tokio::time::timeout(patience, waiting).await;
        waited.unwrap_or(Err(Miss::Late(patience)))
    }

    fn patience(&self) -> Duration {
        self.patience.unwrap_or_else(|| {
            if clock::is_stopped() {
                STOPPED_PATIENCE
            } else {
                RUNNING_PATIENCE
            }
        })
    }

    fn send_held(&self) {
        while !self.far.paused.get() {
            let message = self.far.held.borrow_mut().pop_front();
            let Some(message) = message else {
                break;
            };
            self.client.receive(message);
        }
    }
}

/// What waits for room holds on to what sends, and so to the far end.
impl Drop for Line {
    fn drop(&mut self) {
        self.far.end(DisconnectReason::TransportClose);
    }
}

impl FarEnd {
    pub(super) fn closed(&self) -> Option<DisconnectReason> {
        self.closed.get()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.get()
    }

    pub(super) fn set_room(&self, room: usize) {
        self.room.set(room);
        self.room_may_have_grown();
    }

    /// Takes everything that has come.
    pub(super) fn take_all(&self) -> VecDeque<Packet> {
        let heard = self.heard.take();
        self.room_may_have_grown();
        heard
    }

    fn has_room(&self) -> bool {
        self.heard.borrow().len() < self.room.get()
    }

    /// As with a real transport, half of the queue is enough.
    fn is_congested(&self) -> bool {
        self.heard.borrow().len() > self.room.get() / 2
    }

    /// Wakes those who wait for room, who send, or come again if it wasn't enough.
    fn room_may_have_grown(&self) {
        if self.has_room() {
            for wake in self.drained.take() {
                wake();
            }
        }
    }

    pub(super) fn enter(&self, namespace: &str) -> Rc<Member> {
        let member = Rc::new(Member {
            namespace: namespace.to_owned(),
            ending: Cell::new(self.closed().map(Ending::Closed)),
        });
        self.members.borrow_mut().push(member.clone());
        member
    }

    pub(super) fn leave(&self, namespace: &str, ending: Ending) {
        self.end_members(|member| member.namespace == namespace, ending);
    }

    fn end(&self, reason: DisconnectReason) {
        if self.closed.get().is_none() {
            self.closed.set(Some(reason));
            self.held.take();
            self.drained.take();
            self.end_members(|_| true, Ending::Closed(reason));
        }
    }

    fn end_members(&self, concerns: impl Fn(&Member) -> bool, ending: Ending) {
        self.members.borrow_mut().retain(|member| {
            let ends = concerns(member);
            if ends {
                member.ending.set(Some(ending));
            }
            !ends
        });
        self.news.notify_waiters();
    }
}

pub(super) struct FarOutlet(Rc<FarEnd>);

impl Outlet for FarOutlet {
    fn send(&self, packet: &Prepared) -> Result<(), OutletError> {
        let far = &self.0;
        if far.closed().is_some() {
            return Err(OutletError::Closed);
        }
        if !far.has_room() {
            return Err(OutletError::Full);
        }
        let packet = Packet::decode(packet);
        if matches!(packet.content, Content::Disconnect) {
            far.leave(&packet.namespace, Ending::ByServer);
        }
        far.heard.borrow_mut().push_back(packet);
        far.news.notify_waiters();
        Ok(())
    }

    fn send_volatile(&self, packet: &Prepared) -> bool {
        self.send(packet).is_ok()
    }

    fn is_congested(&self) -> bool {
        self.0.is_congested()
    }

    fn fits(&self, packets: usize, _: usize) -> bool {
        let queued = self.0.heard.borrow().len();
        queued.saturating_add(packets) <= self.0.room.get()
    }

    fn when_drained(&self, wake: Box<dyn FnOnce()>) {
        // Dropped at once where the connection is closed.
        if self.0.closed().is_none() {
            self.0.drained.borrow_mut().push(wake);
        }
    }

    fn close(&self, reason: DisconnectReason) {
        self.0.end(reason);
    }

    fn pause(&self) {
        self.0.paused.set(true);
    }

    fn resume(&self) {
        self.0.paused.set(false);
        if !self.0.held.borrow().is_empty() {
            // Not from in here: the router is in the middle of something.
            let line = self.0.line.borrow().clone();
            actix_rt::spawn(async move {
                if let Some(line) = line.upgrade() {
                    line.send_held();
                }
            });
        }
    }
}

/// How long a stopped clock may go on for something awaited.
const STOPPED_PATIENCE: Duration = Duration::from_secs(3600);
/// How long something is awaited where time is real.
const RUNNING_PATIENCE: Duration = Duration::from_secs(10);
