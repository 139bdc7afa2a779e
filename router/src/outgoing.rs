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
    /// The event, where the namespace has listeners for it or keeps it for recovery.
    pub(crate) event: Option<Arc<OutgoingEvent>>,
    /// Whether it goes by the namespace's log.
    pub(crate) is_recoverable: bool,
}

impl Outgoing {
    /// Encodes an event, straight into its packet where nobody else wants to see the arguments.
    pub(crate) fn event<T: Serialize + ?Sized>(
        namespace: &NamespaceInner,
        ack: Option<u64>,
        event: &str,
        args: &T,
    ) -> Result<Self, EmitError> {
        if !namespace.spec.outgoing.is_empty() || namespace.recovery.is_some() {
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
        let is_recoverable = namespace.recovery.is_some() && ack.is_none();
        let is_seen = !namespace.spec.outgoing.is_empty() || is_recoverable;
        Ok(Self {
            packet: encode::event_raw(&namespace.name, ack, event, args),
            event: is_seen.then(|| {
                Arc::new(OutgoingEvent {
                    name: event.to_owned(),
                    args: args.clone(),
                })
            }),
            is_recoverable,
        })
    }

    /// Returns the same event as the namespace's log has it: with an offset behind the arguments.
    pub(crate) fn at(
        &self,
        namespace: &NamespaceInner,
        event: &OutgoingEvent,
        offset: Option<&str>,
    ) -> Result<Self, EmitError> {
        let is_listened = !namespace.spec.outgoing.is_empty();
        let Some(offset) = offset else {
            return Ok(Self {
                event: self.event.clone().filter(|_| is_listened),
                is_recoverable: false,
                packet: self.packet.clone(),
            });
        };
        let packet = encode::event_at(&namespace.name, &event.name, &event.args, offset);
        let event = is_listened.then(|| {
            let args = event.args.with(offset)?;
            let name = event.name.clone();
            Ok::<_, EmitError>(Arc::new(OutgoingEvent { name, args }))
        });
        let outgoing = Self {
            packet,
            event: event.transpose()?,
            is_recoverable: false,
        };
        Ok(outgoing.with_compression(self.packet.is_compressible()))
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
            is_recoverable: false,
        }
    }
}

fn check_name(event: &str) -> Result<(), EmitError> {
    if is_reserved(event) {
        return Err(EmitError::ReservedName(event.to_owned()));
    }
    Ok(())
}
