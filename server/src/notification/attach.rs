use actix_web::{HttpRequest, HttpResponse, Responder};

use super::Notification;

/// Attaches notifications to what a handler returns.
pub trait Notify: Responder + Sized {
    /// Attaches a notification, which is emitted if this is a success: 2xx or 3xx.
    ///
    /// It takes an [`EmitOnSuccess`](super::EmitOnSuccess) around the handler; without one, nothing
    /// is emitted, and logged so. Several are emitted in the order in which they were attached.
    fn notify(self, notification: Notification) -> Notified<Self> {
        Notified {
            responder: self,
            notification,
        }
    }
}

impl<R: Responder> Notify for R {}

/// A response with a notification attached to it.
#[derive(Clone, Debug)]
pub struct Notified<R> {
    responder: R,
    notification: Notification,
}

impl<R: Responder> Responder for Notified<R> {
    type Body = R::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<R::Body> {
        let mut response = self.responder.respond_to(request);
        let mut extensions = response.extensions_mut();
        match extensions.get_mut::<Attached>() {
            Some(attached) => attached.0.push(self.notification),
            None => {
                extensions.insert(Attached(vec![self.notification]));
            }
        }
        drop(extensions);
        response
    }
}

/// What is attached to a response, until it is emitted or given up.
pub(super) struct Attached(Vec<Notification>);

impl Attached {
    /// Takes what is attached to a response.
    pub(super) fn take<B>(response: &mut HttpResponse<B>) -> Vec<Notification> {
        let attached = response.extensions_mut().remove::<Self>();
        attached.map_or_else(Vec::new, |mut attached| std::mem::take(&mut attached.0))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            tracing::error!(
                count = self.0.len(),
                "notifications not emitted: there is no `EmitOnSuccess` around their handler"
            );
        }
    }
}
