use std::sync::Arc;

use serde::Serialize;
use sockeye_protocol::{
    Prepared,
    socket::{RawArgs, encode},
};

use crate::{EmitError, error::is_reserved, namespace::NamespaceInner};

/// An event that is being emitted to a socket, as listeners of outgoing events see it.
#[derive(Debug)]
pub struct OutgoingEvent {
    name: String,
    args: RawArgs,
}

impl OutgoingEvent {
    /// Returns the event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the event's arguments.
    #[must_use]
    pub fn args(&self) -> &RawArgs {
        &self.args
    }
}

/// A packet on its way to sockets, encoded once for all of them.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) packet: Prepared,
    /// The event, where the namespace has listeners for it.
    pub(crate) event: Option<Arc<OutgoingEvent>>,
}

impl Outgoing {
    /// Encodes an event, straight into its packet where nobody else wants to see the arguments.
    pub(crate) fn event<T: Serialize + ?Sized>(
        namespace: &NamespaceInner,
        ack: Option<u64>,
        event: &str,
        args: &T,
    ) -> Result<Self, EmitError> {
        if !namespace.spec.outgoing.is_empty() {
            return Self::event_raw(namespace, ack, event, &RawArgs::encode(args)?);
        }
        check_name(event)?;
        let packet = encode::event(&namespace.name, ack, event, args)?;
        Ok(packet.into())
    }

    /// Encodes an event whose arguments are encoded already.
    pub(crate) fn event_raw(
        namespace: &NamespaceInner,
        ack: Option<u64>,
        event: &str,
        args: &RawArgs,
    ) -> Result<Self, EmitError> {
        check_name(event)?;
        let listened = !namespace.spec.outgoing.is_empty();
        Ok(Self {
            packet: encode::event_raw(&namespace.name, ack, event, args),
            event: listened.then(|| {
                Arc::new(OutgoingEvent {
                    name: event.to_owned(),
                    args: args.clone(),
                })
            }),
        })
    }

    /// Sets whether the packet is worth compressing.
    pub(crate) fn with_compression(mut self, compress: bool) -> Self {
        if !compress {
            self.packet = self.packet.without_compression();
        }
        self
    }
}

/// A packet that is no event, such as an ack: no listener hears of it.
impl From<Prepared> for Outgoing {
    fn from(packet: Prepared) -> Self {
        Self {
            packet,
            event: None,
        }
    }
}

fn check_name(event: &str) -> Result<(), EmitError> {
    if is_reserved(event) {
        return Err(EmitError::ReservedName(event.to_owned()));
    }
    Ok(())
}
