//! What Prometheus reads: `GET /metrics`.

use std::fmt;

use actix_web::{HttpResponse, Resource, web};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, text::encode},
    metrics::MetricType,
    registry::Registry,
};
use serde_json::json;

use super::{emit_api::method_not_allowed, log::dropped_lines};
use crate::{
    FrontStats, HubMemory, Limit, SocketIo, Stats,
    engine::{EngineCounters, EngineStats},
};

/// What the pages for operators need to know.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub(super) io: SocketIo,
    pub(super) front: FrontStats,
}

impl Metrics {
    /// Adds the routes to an App.
    pub(super) fn configure(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::new(self))
            .service(page("/metrics").route(web::get().to(metrics)))
            .service(page("/health").route(web::get().to(health)))
            .service(page("/ready").route(web::get().to(ready)));
    }

    async fn sample(&self) -> Sample {
        let (engine, hub) = (self.io.engine(), self.io.hub());
        let queued_bytes = engine.queued_bytes().await;
        let mut families = Vec::new();
        gauges(&mut families, &engine.stats(), &hub.stats(), &hub.memory());
        counters(&mut families, &engine.counters());
        let kept = hub.recovery_stats();
        let hub = hub.counters();
        let admission = engine.admission_stats();
        let front = self.front.read();
        families.extend([
            gauge("connections", "TCP connections that are open").with(front.connections),
            counter("connections_accepted", "TCP connections that were accepted")
                .with(front.accepted),
            counter(
                "connections_stalled",
                "Connections cut as their clients took nothing",
            )
            .with(front.stalled),
            gauge("queued_bytes", "Bytes that wait to be sent to clients").with(queued_bytes),
            gauge(
                "admitted_sessions",
                "Sessions that hold a place, where places are limited",
            )
            .with(admission.sessions),
            gauge(
                "unauthenticated_sessions",
                "Those of them that are unauthenticated",
            )
            .with(admission.unauthenticated),
            gauge(
                "addresses",
                "Addresses that have sessions, where they are limited",
            )
            .with(admission.addresses),
            gauge(
                "recovery_sessions",
                "Broken sessions that clients may come back to",
            )
            .with(kept.sessions),
            gauge("recovery_session_bytes", "Bytes of these sessions").with(kept.session_bytes),
            gauge(
                "recovery_event_bytes",
                "Bytes of events that are kept for them",
            )
            .with(kept.event_bytes),
            counter("connects", "Connection requests to namespaces")
                .labelled("result", "connected", hub.connected)
                .labelled("result", "refused", hub.refused),
            counter("authentications", "Tokens that were verified")
                .labelled("result", "authenticated", hub.authenticated)
                .labelled("result", "unauthorized", hub.unauthorized)
                .labelled("result", "forbidden", hub.forbidden)
                .labelled("result", "failed", hub.verifier_failures),
            counter(
                "protocol_errors",
                "Clients whose packets broke the protocol",
            )
            .with(hub.protocol_errors),
            counter(
                "log_lines_dropped",
                "Lines of the log that couldn't be written, or not in time",
            )
            .with(dropped_lines()),
        ]);
        let mut limits = counter("limit_reached", "How often a limit was reached");
        for limit in Limit::ALL {
            let reached = match limit {
                Limit::WriteTimeout => front.stalled,
                Limit::Connections => front.turned_away,
                Limit::ConnectionsPerAddress => front.turned_away_by_address,
                _ => self.io.limit_reached(limit),
            };
            limits = limits.labelled("limit", limit.as_str(), reached);
        }
        families.push(limits);
        Sample(families)
    }
}

fn gauges(all: &mut Vec<Family>, engine: &EngineStats, hub: &Stats, memory: &HubMemory) {
    let polling = engine.sessions.saturating_sub(engine.on_websocket);
    all.extend([
        gauge("sessions", "Sessions that are open")
            .labelled("transport", "polling", polling)
            .labelled("transport", "websocket", engine.on_websocket),
        gauge("sessions_held", "Sessions in memory, ended ones included").with(engine.held),
        gauge("polls", "Polls that wait for something to be sent").with(engine.waiting_polls),
        gauge("websockets", "WebSockets that are open").with(engine.websockets),
        gauge("timers", "Entries of deadlines").with(engine.timers + memory.timers),
        gauge("clients", "Connections as Socket.IO sees them").with(hub.clients),
        gauge("sockets", "Sockets, connected or being admitted").with(hub.sockets),
        gauge("sockets_held", "Sockets in memory, ended ones included").with(memory.sockets),
        gauge("rooms", "Rooms with members").with(hub.rooms),
        gauge("pending_acks", "Acks that the server waits for").with(hub.pending_acks),
        gauge("dynamic_namespaces", "Children of dynamic namespaces").with(hub.children),
        gauge(
            "tasks",
            "Handlers, middlewares and verifiers that wait for something",
        )
        .with(memory.tasks),
        gauge("waiting_packets", "Packets that wait for another thread")
            .with(memory.waiting_packets),
    ]);
}

fn counters(all: &mut Vec<Family>, engine: &EngineCounters) {
    let mut closed = counter("sessions_closed", "Sessions that have ended");
    for (reason, count) in engine.closed() {
        closed = closed.labelled("reason", reason, count);
    }
    all.extend([
        counter("sessions_opened", "Sessions that were opened")
            .labelled("transport", "polling", engine.opened_by_polling)
            .labelled("transport", "websocket", engine.opened_by_websocket),
        closed,
        counter("upgrades", "Sessions that went from polling to WebSocket").with(engine.upgraded),
        counter("messages_received", "Messages of clients").with(engine.messages_received),
        counter("received_bytes", "Bytes of these messages").with(engine.bytes_received),
        counter("messages_sent", "Messages that were queued for clients")
            .with(engine.messages_sent),
        counter("sent_bytes", "Bytes that were sent to clients").with(engine.bytes_sent),
    ]);
}

/// A metric, with its values by label.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    values: Vec<(Option<(&'static str, &'static str)>, u64)>,
}

fn gauge(name: &'static str, help: &'static str) -> Family {
    let (kind, values) = (MetricType::Gauge, Vec::new());
    Family {
        name,
        help,
        kind,
        values,
    }
}

fn counter(name: &'static str, help: &'static str) -> Family {
    let (kind, values) = (MetricType::Counter, Vec::new());
    Family {
        name,
        help,
        kind,
        values,
    }
}

impl Family {
    fn with(mut self, value: impl TryInto<u64>) -> Self {
        self.values
            .push((None, value.try_into().unwrap_or(u64::MAX)));
        self
    }

    fn labelled(
        mut self,
        label: &'static str,
        text: &'static str,
        value: impl TryInto<u64>,
    ) -> Self {
        let value = value.try_into().unwrap_or(u64::MAX);
        self.values.push((Some((label, text)), value));
        self
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (label, value) in &self.values {
            match label {
                Some(label) => {
                    let labels = [*label];
                    self.encode_value(*value, &mut metric.encode_family(&labels)?)?;
                }
                None => self.encode_value(*value, &mut metric)?,
            }
        }
        Ok(())
    }

    fn encode_value(&self, value: u64, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            MetricType::Counter => metric.encode_counter::<[(&str, &str); 0], _, u64>(&value, None),
            // One that is out of range is so far out of range that it may be off.
            _ => metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)),
        }
    }
}

/// All metrics at one time.
#[derive(Debug)]
struct Sample(Vec<Family>);

impl Collector for Sample {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|family| family.encode(&mut encoder))
    }
}

fn page(path: &str) -> Resource {
    web::resource(path).default_service(web::to(method_not_allowed))
}

async fn metrics(metrics: web::Data<Metrics>) -> HttpResponse {
    let mut registry = Registry::with_prefix("sockeye");
    registry.register_collector(Box::new(metrics.sample().await));
    let mut page = String::new();
    match encode(&mut page, &registry) {
        Ok(()) => HttpResponse::Ok().content_type(OPEN_METRICS).body(page),
        Err(error) => {
            tracing::error!(%error, "metrics can't be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Whether new sessions are taken: for load balancers.
async fn ready(metrics: web::Data<Metrics>) -> HttpResponse {
    if metrics.io.engine().is_closing() {
        HttpResponse::ServiceUnavailable().json(json!({"status": "shutting down"}))
    } else {
        HttpResponse::Ok().json(json!({"status": "ready"}))
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests {
    use actix_web::{App, body::to_bytes, dev::Service as _, http::StatusCode, test};

    use super::*;
    use crate::Namespace;

    async fn get(io: &SocketIo, path: &str) -> (StatusCode, String) {
        let metrics = Metrics {
            io: io.clone(),
            front: FrontStats::default(),
        };
        let app = App::new().configure(|app| metrics.configure(app));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri(path).to_request();
        let response = app.call(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn server() -> SocketIo {
        let builder = SocketIo::builder().namespace(Namespace::new("/"));
        builder.build().unwrap()
    }

    #[actix_web::test]
    async fn every_metric_has_a_type_and_every_limit_a_line() {
        let io = server();
        io.engine().limits().count(Limit::Payload);

        let (status, page) = get(&io, "/metrics").await;

        assert_eq!(status, StatusCode::OK);
        assert!(page.ends_with("# EOF\n"), "{page}");
        for line in [
            "# TYPE sockeye_sessions gauge",
            "sockeye_sessions{transport=\"polling\"} 0",
            "sockeye_queued_bytes 0",
            "sockeye_tasks 0",
            "sockeye_connections 0",
            "sockeye_recovery_sessions 0",
            "sockeye_recovery_session_bytes 0",
            "sockeye_recovery_event_bytes 0",
            "# TYPE sockeye_messages_received counter",
            "sockeye_messages_received_total 0",
            "sockeye_sessions_closed_total{reason=\"slow consumer\"} 0",
            "sockeye_limit_reached_total{limit=\"payload\"} 1",
            "sockeye_limit_reached_total{limit=\"event_rate\"} 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        for limit in Limit::ALL {
            assert!(page.contains(&format!("limit=\"{limit}\"")), "{limit}");
        }
    }

    #[actix_web::test]
    async fn a_server_that_shuts_down_is_healthy_but_not_ready() {
        let io = server();
        let before = get(&io, "/ready").await;
        io.close(std::time::Duration::ZERO).await;

        let after = get(&io, "/ready").await;

        assert_eq!(before.0, StatusCode::OK);
        assert_eq!(after.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(get(&io, "/health").await.0, StatusCode::OK);
    }
}
