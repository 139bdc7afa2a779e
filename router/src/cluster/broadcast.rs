//! Broadcasts on their way to other nodes.

use std::{sync::Arc, time::Duration};

use sockeye_protocol::socket::RawArgs;

use super::{BroadcastOptions, Content, Port};
use crate::{BroadcastOperator, EmitError};

impl BroadcastOperator {
    /// Returns how other nodes are reached, if they are to be.
    pub(crate) fn port(&self) -> Option<&Arc<Port>> {
        if self.is_local() {
            return None;
        }
        self.namespace().port()
    }

    /// Sends an event to other nodes.
    pub(crate) fn publish(&self, event: &str, args: &RawArgs) -> Result<(), EmitError> {
        let Some(port) = self.port() else {
            return Ok(());
        };
        port.publish(Content::Broadcast {
            event: event.to_owned(),
            args: args.clone(),
            options: self.options(),
            request: None,
        })?;
        Ok(())
    }

    /// Tells other nodes to do something to their sockets.
    pub(crate) fn tell(&self, content: impl FnOnce(BroadcastOptions) -> Content) {
        if let Some(port) = self.port() {
            port.log(port.publish(content(self.options())));
        }
    }

    pub(super) fn options(&self) -> BroadcastOptions {
        BroadcastOptions {
            volatile: self.is_volatile(),
            compress: self.is_compressed(),
            timeout: self.chosen_timeout(),
            ..BroadcastOptions::selecting(self.effective_selector())
        }
    }

    /// Returns the options of a broadcast with ack.
    pub(crate) fn options_with_timeout(&self, timeout: Duration) -> BroadcastOptions {
        BroadcastOptions {
            volatile: false,
            timeout: Some(timeout),
            ..self.options()
        }
    }
}
