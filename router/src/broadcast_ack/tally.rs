use std::collections::HashMap;

use crate::cluster::{Awaited, NodeId};

/// What other nodes still owe to a broadcast with ack: pure counting.
///
/// Each node says once how many sockets it has asked, and sends one answer for each. An answer may
/// come before the number.
#[derive(Debug)]
pub(crate) struct Tally {
    awaited: Awaited,
    nodes: HashMap<NodeId, Debt>,
}

#[derive(Debug, Default)]
struct Debt {
    asked: usize,
    settled: usize,
}

impl Tally {
    pub(crate) fn new(awaited: Awaited) -> Self {
        Self {
            awaited,
            nodes: HashMap::new(),
        }
    }

    /// Notes how many sockets a node has asked.
    pub(crate) fn asked(&mut self, node: &NodeId, count: usize) {
        if self.awaited.answered(node) {
            let debt = self.nodes.entry(node.clone()).or_default();
            debt.asked = debt.asked.saturating_add(count);
        }
    }

    /// Notes that one socket of the node is settled; returns whether it was due.
    pub(crate) fn settled(&mut self, node: &NodeId) -> bool {
        let announced = !self.awaited.awaits(node);
        let debt = self.nodes.entry(node.clone()).or_default();
        let bound = if announced { debt.asked } else { MAX_EARLY };
        if debt.settled >= bound {
            return false;
        }
        debt.settled += 1;
        true
    }

    /// Forgets a node that has left; returns how many of its sockets had not answered.
    pub(crate) fn left(&mut self, node: &NodeId) -> usize {
        self.awaited.left(node);
        let debt = self.nodes.remove(node).unwrap_or_default();
        debt.asked.saturating_sub(debt.settled)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.silent() == 0 && self.unheard() == 0
    }

    /// Returns how many sockets have not answered.
    pub(crate) fn unheard(&self) -> usize {
        let debts = self.nodes.values();
        debts.fold(0, |sum, debt| {
            sum.saturating_add(debt.asked.saturating_sub(debt.settled))
        })
    }

    /// Returns how many nodes have not said how many sockets they have.
    pub(crate) fn silent(&self) -> usize {
        self.awaited.missing()
    }
}

/// How many answers of a node are taken before its number.
const MAX_EARLY: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_may_come_before_the_number() {
        let (a, b) = (NodeId::from("a"), NodeId::from("b"));
        let mut tally = Tally::new(Awaited::nodes([a.clone(), b.clone()]));

        assert!(tally.settled(&a));
        tally.asked(&a, 2);
        tally.asked(&b, 0);

        assert_eq!((tally.silent(), tally.unheard()), (0, 1));
        assert!(tally.settled(&a));
        assert!(tally.is_settled());
        assert!(!tally.settled(&a), "one more than asked");
    }

    #[test]
    fn a_node_that_leaves_owes_nothing() {
        let (a, b) = (NodeId::from("a"), NodeId::from("b"));
        let mut tally = Tally::new(Awaited::nodes([a.clone(), b.clone()]));
        tally.asked(&a, 3);
        tally.settled(&a);

        assert_eq!(tally.left(&a), 2);
        assert!(!tally.is_settled());
        assert_eq!(tally.left(&b), 0);
        assert!(tally.is_settled());
    }

    #[test]
    fn nodes_that_are_only_counted_are_added_up() {
        let unknown = NodeId::from("");
        let mut tally = Tally::new(Awaited::count(2));

        tally.asked(&unknown, 1);
        assert!(tally.settled(&unknown));
        assert!(!tally.is_settled());
        tally.asked(&unknown, 1);
        assert_eq!(tally.unheard(), 1);
        assert!(tally.settled(&unknown));

        assert!(tally.is_settled());
    }
}
