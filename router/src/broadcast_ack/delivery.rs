//! How a broadcast with ack reaches the sockets of each thread, and how it is taken back.

use std::{rc::Rc, sync::Arc};

use sockeye_protocol::Sid;

use super::gather::{Gather, Places, Share};
use crate::{
    BroadcastOperator, DisconnectReason, Hub, Selector, ack::AckSender, courier::Local,
    inbox::Work, namespace::NamespaceInner, operator::Reach, outgoing::Outgoing, socket::Operation,
};

impl BroadcastOperator {
    /// Sends a packet with the ack id `id` to the selected sockets of this process.
    pub(super) fn deliver_with_ack(&self, id: u64, outgoing: &Outgoing, gather: &Arc<Gather>) {
        let selector = Arc::new(self.effective_selector());
        for target in self.targets(&selector) {
            let delivery = |share| DeliverWithAck {
                namespace: self.namespace().inner().clone(),
                selector: selector.clone(),
                outgoing: outgoing.clone(),
                id,
                share,
            };
            match target {
                Reach::Here(local) => local.deliver_with_ack(delivery(gather.expect())),
                Reach::There(courier) => {
                    if courier.take_place().is_err() {
                        tracing::warn!("a thread has fallen behind, its sockets get no broadcast");
                        gather.refused();
                        continue;
                    }
                    courier.post(delivery(gather.expect()));
                }
            }
        }
    }
}

/// Delivers a broadcast with ack to the sockets of a thread.
///
/// Sent by broadcasts of other threads. The receivers are reported to the share.
struct DeliverWithAck {
    namespace: Arc<NamespaceInner>,
    selector: Arc<Selector>,
    outgoing: Outgoing,
    id: u64,
    share: Share,
}

impl Work for DeliverWithAck {
    fn run(self: Box<Self>, local: &Rc<Local>) {
        local.handle.give_place_back();
        local.deliver_with_ack(*self);
    }
}

impl Local {
    fn deliver_with_ack(&self, delivery: DeliverWithAck) {
        let cells = self.select(&delivery.namespace, &delivery.selector);
        let receivers = cells.iter().map(|cell| (cell.key(), cell.id()));
        let gather = delivery.share.report(self.handle.id, receivers);
        let mut slow = Vec::new();
        for cell in cells {
            let queued = match &gather {
                Some(gather) => {
                    let answer = AckSender::Many(gather.answer(cell.id()));
                    cell.send_with_ack(delivery.id, &delivery.outgoing, answer)
                }
                // The event is sent all the same, as if the answers had been too late.
                None => cell.send(&delivery.outgoing).is_ok() || cell.shared().is_closed(),
            };
            if !queued {
                slow.push(cell);
            }
        }
        for cell in slow {
            cell.client().close(DisconnectReason::SlowConsumer);
        }
    }

    fn forget_acks(&self, id: u64, sockets: &[(usize, Sid)]) {
        for (key, socket) in sockets {
            if let Some(cell) = self.socket(*key, *socket) {
                cell.perform(Operation::ForgetAck { id });
            }
        }
    }
}

/// Takes the pending acks of a broadcast off its receivers, with one message for each thread.
pub(super) fn forget(hub: &Hub, id: u64, places: Places) {
    let here = Local::find(hub.0.id);
    for (courier, sockets) in places {
        match &here {
            Some(local) if local.handle.id == courier => local.forget_acks(id, &sockets),
            _ => {
                // A thread that has ended has no pending acks.
                if let Some(courier) = hub.0.couriers.get(courier) {
                    courier.post(ForgetAcks { id, sockets });
                }
            }
        }
    }
}

/// Takes the pending acks of a broadcast off sockets of a thread.
struct ForgetAcks {
    id: u64,
    sockets: Vec<(usize, Sid)>,
}

impl Work for ForgetAcks {
    fn run(self: Box<Self>, local: &Rc<Local>) {
        local.forget_acks(self.id, &self.sockets);
    }
}
