use std::collections::HashSet;

use super::NodeId;

/// Which other nodes have yet to answer a request: pure counting.
///
/// By name where the transport knows who is there: a node that leaves is then no longer waited
/// for. By number otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Awaited {
    Nodes {
        left: HashSet<NodeId>,
        answered: HashSet<NodeId>,
    },
    Count {
        left: usize,
        answered: HashSet<NodeId>,
    },
}

impl Awaited {
    pub(crate) fn nodes(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Self::Nodes {
            left: nodes.into_iter().collect(),
            answered: HashSet::new(),
        }
    }

    pub(crate) fn count(left: usize) -> Self {
        Self::Count {
            left,
            answered: HashSet::new(),
        }
    }

    /// Notes an answer; returns whether it counts, which a second one of a node doesn't.
    ///
    /// One of a node that has come meanwhile counts, although nobody waits for it.
    pub(crate) fn answered(&mut self, node: &NodeId) -> bool {
        match self {
            Self::Nodes { left, answered } => {
                left.remove(node);
                answered.insert(node.clone())
            }
            Self::Count { left, answered } => {
                if *left == 0 || (!node.is_unknown() && !answered.insert(node.clone())) {
                    return false;
                }
                *left -= 1;
                true
            }
        }
    }

    /// Returns whether an answer of this node would count.
    pub(crate) fn awaits(&self, node: &NodeId) -> bool {
        match self {
            Self::Nodes { answered, .. } => !answered.contains(node),
            Self::Count { left, answered } => *left > 0 && !answered.contains(node),
        }
    }

    pub(crate) fn left(&mut self, node: &NodeId) {
        if let Self::Nodes { left, .. } = self {
            left.remove(node);
        }
    }

    /// Returns how many are still waited for.
    pub(crate) fn missing(&self) -> usize {
        match self {
            Self::Nodes { left, .. } => left.len(),
            Self::Count { left, .. } => *left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_counts_once() {
        let (a, b) = (NodeId::from("a"), NodeId::from("b"));

        for mut awaited in [Awaited::nodes([a.clone(), b.clone()]), Awaited::count(2)] {
            assert!(awaited.answered(&a));
            assert!(!awaited.answered(&a));
            assert_eq!(awaited.missing(), 1);
            assert!(awaited.answered(&b));
            assert_eq!(awaited.missing(), 0);
        }
    }

    #[test]
    fn only_a_node_known_by_name_can_be_missed_when_it_leaves() {
        let a = NodeId::from("a");
        let mut named = Awaited::nodes([a.clone()]);
        let mut counted = Awaited::count(1);

        named.left(&a);
        counted.left(&a);

        assert_eq!((named.missing(), counted.missing()), (0, 1));
    }
}
