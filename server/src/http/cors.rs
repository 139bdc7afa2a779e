use std::{fmt, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
        },
    },
};

use super::OriginPattern;

/// Which pages of other origins may read answers: the reference server's `cors` option.
///
/// Without it no such header is sent. It never refuses a request: that is what allowed origins are
/// for. An origin is echoed only if it is on the list.
#[derive(Clone, Debug)]
pub struct Cors {
    origins: AllowedOrigins,
    credentials: bool,
    methods: String,
    allowed_headers: Option<String>,
    exposed_headers: Option<String>,
    max_age: Option<Duration>,
    success_status: StatusCode,
}

/// The origins of a [`Cors`] configuration.
#[derive(Clone, Debug)]
pub enum AllowedOrigins {
    /// Every origin, as `*`.
    Any,
    /// Always this value, whatever the request's origin.
    Fixed(String),
    /// The request's origin, whatever it is. Meant for development.
    Reflect,
    /// The request's origin, if it matches one of these.
    List(Vec<OriginPattern>),
    /// The request's origin, if this says so.
    Matching(OriginPredicate),
}

impl AllowedOrigins {
    /// Allows the origins for which `predicate` returns true. It is called for each request that
    /// has an origin, so it should be quick.
    pub fn matching(predicate: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::Matching(OriginPredicate(Arc::new(predicate)))
    }
}

/// What decides in [`AllowedOrigins::Matching`].
#[derive(Clone)]
pub struct OriginPredicate(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for OriginPredicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OriginPredicate")
    }
}

impl Cors {
    /// Allows these origins.
    #[must_use]
    pub fn new(origins: AllowedOrigins) -> Self {
        Self {
            origins,
            credentials: false,
            methods: "GET,HEAD,PUT,PATCH,POST,DELETE".to_owned(),
            allowed_headers: None,
            exposed_headers: None,
            max_age: None,
            success_status: StatusCode::NO_CONTENT,
        }
    }

    /// Sets whether pages may send cookies. Refused at build time together with any origin.
    #[must_use]
    pub fn credentials(mut self, credentials: bool) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets the methods that a preflight allows.
    #[must_use]
    pub fn methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods = methods.into_iter().collect::<Vec<_>>().join(",");
        self
    }

    /// Sets the request headers that a preflight allows; those that it asks for, by default.
    #[must_use]
    pub fn allowed_headers<'a>(mut self, headers: impl IntoIterator<Item = &'a str>) -> Self {
        self.allowed_headers = Some(headers.into_iter().collect::<Vec<_>>().join(","));
        self
    }

    /// Sets the response headers that pages may read.
    #[must_use]
    pub fn exposed_headers<'a>(mut self, headers: impl IntoIterator<Item = &'a str>) -> Self {
        self.exposed_headers = Some(headers.into_iter().collect::<Vec<_>>().join(","));
        self
    }

    /// Sets for how long a browser may remember a preflight's answer.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sets the status of a preflight's answer; 204 by default. Some old browsers choke on that and
    /// want 200.
    #[must_use]
    pub fn success_status(mut self, status: StatusCode) -> Self {
        self.success_status = status;
        self
    }

    /// Returns what is wrong with the configuration, if anything is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let any = match &self.origins {
            AllowedOrigins::Any | AllowedOrigins::Reflect => true,
            AllowedOrigins::List(patterns) => patterns.iter().any(OriginPattern::is_any),
            AllowedOrigins::Fixed(_) | AllowedOrigins::Matching(_) => false,
        };
        (any && self.credentials).then_some("any origin can't be allowed together with credentials")
    }

    /// Answers a preflight: any OPTIONS request, before anything else is looked at.
    pub(super) fn preflight(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if request.method() != Method::OPTIONS {
            return None;
        }
        let mut response = HttpResponse::new(self.success_status);
        let headers = response.headers_mut();
        self.add_origin(request.headers(), headers);
        add(headers, ACCESS_CONTROL_ALLOW_METHODS, &self.methods);
        let asked = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS);
        match &self.allowed_headers {
            Some(allowed) => add(headers, ACCESS_CONTROL_ALLOW_HEADERS, allowed),
            None => {
                headers.append(
                    VARY,
                    HeaderValue::from_static("Access-Control-Request-Headers"),
                );
                if let Some(asked) = asked {
                    headers.append(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                }
            }
        }
        if let Some(max_age) = self.max_age {
            add(
                headers,
                ACCESS_CONTROL_MAX_AGE,
                &max_age.as_secs().to_string(),
            );
        }
        self.add_exposed(headers);
        Some(response)
    }

    /// Adds the headers of an ordinary answer.
    pub(crate) fn decorate(&self, request: &HeaderMap, response: &mut HeaderMap) {
        self.add_origin(request, response);
        self.add_exposed(response);
    }

    fn add_origin(&self, request: &HeaderMap, response: &mut HeaderMap) {
        let origin = request.get(ORIGIN);
        let reflected = |allowed: bool| origin.filter(|_| allowed).cloned();
        let (value, varies) = match &self.origins {
            AllowedOrigins::Any => (Some(HeaderValue::from_static("*")), false),
            AllowedOrigins::Fixed(origin) => (HeaderValue::from_str(origin).ok(), true),
            AllowedOrigins::Reflect => (reflected(true), true),
            AllowedOrigins::List(patterns) if patterns.iter().any(OriginPattern::is_any) => {
                (Some(HeaderValue::from_static("*")), false)
            }
            AllowedOrigins::Matching(predicate) => {
                let text = origin.and_then(|origin| origin.to_str().ok());
                (
                    reflected(text.is_some_and(|text| (predicate.0)(text))),
                    true,
                )
            }
            AllowedOrigins::List(patterns) => {
                let text = origin.and_then(|origin| origin.to_str().ok());
                let matches = |text| patterns.iter().any(|pattern| pattern.matches(text));
                (reflected(text.is_some_and(matches)), true)
            }
        };
        if let Some(value) = value {
            response.append(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        }
        if varies {
            response.append(VARY, HeaderValue::from_static("Origin"));
        }
        if self.credentials {
            add(response, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
    }

    fn add_exposed(&self, response: &mut HeaderMap) {
        if let Some(exposed) = &self.exposed_headers {
            add(response, ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

fn add(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A value that can't be sent was checked when the server was built, or is a number.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}
