use std::time::Duration;

use futures_util::future::join;

use super::{
    AdapterError, Content, RemoteSocket, SocketRecord,
    requests::{Answers, Reply},
};
use crate::{BroadcastOperator, NamespaceRef, SocketRef};

/// Why not all sockets were found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Some nodes have not answered in time.
    #[error("{missing} nodes have not answered in time")]
    Timeout {
        /// What the others, this node included, have.
        found: Vec<RemoteSocket>,
        /// How many nodes have not answered.
        missing: usize,
    },
    /// The other nodes could not be asked.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
}

impl NamespaceRef {
    /// Returns every socket of this node and of all others, as
    /// [`BroadcastOperator::fetch_sockets`].
    ///
    /// # Errors
    ///
    /// When other nodes can't be asked or don't answer in time.
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, FetchError> {
        self.broadcast().fetch_sockets().await
    }
}

impl BroadcastOperator {
    /// Returns the selected sockets of this node and of all others, in no particular order.
    ///
    /// What it tells of a socket of another node is how that was when it answered. Other nodes are
    /// waited for [`BroadcastOperator::timeout`], or 5 s.
    ///
    /// # Errors
    ///
    /// When other nodes can't be asked or don't answer in time.
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, FetchError> {
        let namespace = self.namespace();
        let Some(port) = self.port() else {
            return Ok(self.local_remotes().await);
        };
        let timeout = self.chosen_timeout().unwrap_or(FETCH_TIMEOUT);
        let asking = port.ask(timeout, |request| Content::FetchSockets {
            options: self.options(),
            request,
        });
        let (mut found, answers) = join(self.local_remotes(), asking).await;
        let Answers { replies, missing } = answers?;
        for (_, reply) in replies {
            if let Reply::Sockets(sockets) = reply {
                let remote = |record| RemoteSocket::elsewhere(namespace.clone(), record);
                found.extend(sockets.into_iter().map(remote));
            }
        }
        if missing > 0 {
            return Err(FetchError::Timeout { found, missing });
        }
        Ok(found)
    }

    /// Describes the selected sockets of this node for another.
    pub(super) async fn local_records(&self) -> Vec<SocketRecord> {
        let sockets = self.local_sockets().await;
        sockets.iter().map(SocketRecord::of).collect()
    }

    async fn local_remotes(&self) -> Vec<RemoteSocket> {
        let sockets = self.local_sockets().await;
        sockets.into_iter().map(RemoteSocket::here).collect()
    }

    async fn local_sockets(&self) -> Vec<SocketRef> {
        let ids = self.socket_ids().await;
        let namespace = self.namespace();
        ids.iter().filter_map(|id| namespace.socket(id)).collect()
    }
}

pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
