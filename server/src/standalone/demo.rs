//! The demo page of development mode.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web,
};
use bytes::Bytes;
use serde_json::json;

use super::DevMode;

/// What the page's files are made from.
#[derive(Clone, Debug)]
pub(super) struct Demo {
    facts: String,
}

impl Demo {
    pub(super) fn new(dev: &DevMode, internal_url: &str, deadline: Duration) -> Self {
        if CLIENT.is_empty() {
            tracing::warn!("built without socket.io-client, which the demo page needs: `make run`");
        }
        let facts = json!({
            "token": dev.token(),
            "apiKey": dev.api_key(),
            "internal": internal_url,
            "deadlineMs": deadline.as_millis() as u64,
        });
        Self {
            facts: facts.to_string(),
        }
    }

    /// Adds the page's routes to an App.
    pub(super) fn configure(self, app: &mut web::ServiceConfig) {
        let client = (!CLIENT.is_empty()).then(|| Bytes::from_static(CLIENT));
        app.route(
            "/",
            text(
                "text/html; charset=utf-8",
                include_str!("../../demo/index.html"),
            ),
        )
        .route(
            "/style.css",
            text(
                "text/css; charset=utf-8",
                include_str!("../../demo/style.css"),
            ),
        )
        .route(
            "/app.js",
            text(JAVASCRIPT, include_str!("../../demo/app.js")),
        )
        .route("/client/socket.io.min.js", bytes(JAVASCRIPT, client))
        .route(
            "/dev.json",
            bytes("application/json", Some(self.facts.into())),
        );
    }
}

fn text(content_type: &'static str, text: &'static str) -> actix_web::Route {
    bytes(content_type, Some(Bytes::from_static(text.as_bytes())))
}

fn bytes(content_type: &'static str, body: Option<Bytes>) -> actix_web::Route {
    web::get().to(move || {
        let body = body.clone();
        async move {
            let Some(body) = body else {
                return HttpResponse::NotFound().finish();
            };
            HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, content_type))
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(body)
        }
    })
}

/// The real client from npm; empty where it was not installed at build time.
static CLIENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/socket.io.min.js"));

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
