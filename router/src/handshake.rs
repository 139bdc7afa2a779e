use std::{
    any::{Any, TypeId},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What a client said when its connection was opened.
///
/// One value is shared by all sockets of the connection and never changes, not on an upgrade
/// either. It owns all it holds: it keeps no request or read buffer alive.
#[derive(Clone)]
pub struct Handshake {
    headers: Headers,
    query: Pairs,
    url: Box<str>,
    address: Option<Box<str>>,
    secure: bool,
    cross_domain: bool,
    issued: SystemTime,
    extensions: Vec<Extension>,
}

type Extension = (TypeId, Arc<dyn Any + Send + Sync>);

impl Handshake {
    /// Creates a handshake that was issued at `issued` and holds nothing else.
    #[must_use]
    pub fn new(issued: SystemTime) -> Self {
        Self {
            headers: Headers::default(),
            query: Pairs::default(),
            url: Box::default(),
            address: None,
            secure: false,
            cross_domain: false,
            issued,
            extensions: Vec::new(),
        }
    }

    /// Sets the headers: names are matched without regard to case.
    #[must_use]
    pub fn with_headers<N, V>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.headers = Headers::new(headers);
        self.cross_domain = self.headers.get("origin").is_some();
        self
    }

    /// Keeps only the headers of these names, which are matched without regard to case.
    #[must_use]
    pub fn with_only_headers<N: AsRef<str>>(mut self, names: &[N]) -> Self {
        let kept = |name: &str| {
            let is_name = |kept: &N| kept.as_ref().eq_ignore_ascii_case(name);
            names.iter().any(is_name)
        };
        self.headers = Headers::new(self.headers.iter().filter(|(name, _)| kept(name)));
        self
    }

    /// Sets the query parameters.
    #[must_use]
    pub fn with_query<N, V>(mut self, query: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut packed = PackedPairs::default();
        for (name, value) in query {
            packed.push(name.as_ref(), value.as_ref());
        }
        self.query = packed.finish();
        self
    }

    /// Sets the request target.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into().into();
        self
    }

    /// Sets the peer's address, without its port.
    #[must_use]
    pub fn with_address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into().into());
        self
    }

    /// Sets whether the connection is encrypted.
    #[must_use]
    pub fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Adds a value of the application, which replaces an earlier one of its type.
    ///
    /// All sockets of the connection see it, in [`extension`](Self::extension) and as
    /// [`HandshakeExtension`](crate::HandshakeExtension).
    #[must_use]
    pub fn with_extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        let id = TypeId::of::<T>();
        self.extensions.retain(|(other, _)| *other != id);
        self.extensions.push((id, Arc::new(value)));
        self
    }

    /// Returns the headers of the first HTTP request.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns a query parameter; of several with one name, the last.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let matching = self.query.iter().filter(|(key, _)| *key == name);
        matching.last().map(|(_, value)| value)
    }

    /// Returns every query parameter, `EIO` and `transport` included.
    pub fn query_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter()
    }

    /// Returns the request target as the client wrote it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the peer's address, if the transport has one.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Returns whether the connection is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns whether the request had an `Origin` header.
    #[must_use]
    pub fn is_cross_domain(&self) -> bool {
        self.cross_domain
    }

    /// Returns the application's value of this type, if there is one.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let id = TypeId::of::<T>();
        let found = self.extensions.iter().find(|(other, _)| *other == id);
        found.and_then(|(_, value)| value.downcast_ref())
    }

    /// Returns when the connection was opened, on the wall clock.
    #[must_use]
    pub fn issued(&self) -> SystemTime {
        self.issued
    }

    /// Returns when the connection was opened, in milliseconds since 1970.
    #[must_use]
    pub fn issued_ms(&self) -> u64 {
        let since = self.issued.duration_since(UNIX_EPOCH);
        since.unwrap_or(Duration::ZERO).as_millis() as u64
    }

    /// Returns the token of an `Authorization: Bearer` header.
    #[must_use]
    pub fn bearer_token(&self) -> Option<&str> {
        let value = self.headers.get("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }
}

/// Header values may be secrets (cookies, tokens), so only their names are shown.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Handshake")
            .field("headers", &names)
            .field("address", &self.address)
            .field("secure", &self.secure)
            .finish_non_exhaustive()
    }
}

/// Request headers, copied into one buffer.
#[derive(Clone, Default)]
pub struct Headers(Pairs);

impl Headers {
    fn new<N: AsRef<str>, V: AsRef<str>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut packed = PackedPairs::default();
        for (name, value) in headers {
            packed.push(&name.as_ref().to_ascii_lowercase(), value.as_ref());
        }
        Self(packed.finish())
    }

    /// Returns the first value of the header, whose name is matched without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns names, in lower case, and values in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter()
    }
}

/// Names and values, one behind the other.
///
/// Every connection keeps some, and each string of its own would cost an allocation.
#[derive(Clone, Default)]
struct Pairs {
    text: Box<str>,
    /// Ends of name and value in `text`, alternating.
    ends: Box<[u32]>,
}

impl Pairs {
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |pair| {
            let (name_end, value_end) = (pair[0] as usize, pair[1] as usize);
            let pair = (&self.text[start..name_end], &self.text[name_end..value_end]);
            start = value_end;
            pair
        })
    }
}

#[derive(Default)]
struct PackedPairs {
    text: String,
    ends: Vec<u32>,
}

impl PackedPairs {
    fn push(&mut self, name: &str, value: &str) {
        for part in [name, value] {
            self.text.push_str(part);
            self.ends.push(self.text.len() as u32);
        }
    }

    fn finish(self) -> Pairs {
        Pairs {
            text: self.text.into(),
            ends: self.ends.into(),
        }
    }
}

/// Header values may be secrets, so only names are shown.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case_and_order_is_kept() {
        let handshake = Handshake::new(UNIX_EPOCH).with_headers([
            ("Origin", "http://a.test"),
            ("X-Id", "1"),
            ("x-id", "2"),
        ]);

        assert_eq!(handshake.headers().get("ORIGIN"), Some("http://a.test"));
        assert_eq!(handshake.headers().get("x-id"), Some("1"));
        assert_eq!(handshake.headers().iter().count(), 3);
        assert!(handshake.is_cross_domain());
    }

    #[test]
    fn headers_that_are_not_kept_are_gone_and_the_rest_stays_true() {
        let headers = [
            ("Origin", "http://a.test"),
            ("Cookie", "a=1"),
            ("X-Id", "1"),
        ];

        let handshake = Handshake::new(UNIX_EPOCH)
            .with_headers(headers)
            .with_only_headers(&["COOKIE"]);

        let left: Vec<_> = handshake.headers().iter().collect();
        assert_eq!(left, [("cookie", "a=1")]);
        assert!(handshake.is_cross_domain());
    }

    #[test]
    fn the_last_query_parameter_of_a_name_wins() {
        let query = [("a", "1"), ("b", ""), ("a", "2")];

        let handshake = Handshake::new(UNIX_EPOCH).with_query(query);

        assert_eq!(handshake.query("a"), Some("2"));
        assert_eq!(handshake.query("b"), Some(""));
        assert_eq!(handshake.query("c"), None);
        assert!(handshake.query_pairs().eq(query));
    }

    #[test]
    fn extensions_are_one_of_each_type_and_shared_by_clones() {
        let handshake = Handshake::new(UNIX_EPOCH)
            .with_extension(1_u32)
            .with_extension("text")
            .with_extension(2_u32);
        let clone = handshake.clone();

        assert_eq!(clone.extension::<u32>(), Some(&2));
        assert_eq!(handshake.extension::<&str>(), Some(&"text"));
        assert_eq!(handshake.extension::<u64>(), None);
    }

    #[test]
    fn bearer_token_needs_its_scheme() {
        let token = |value: &str| {
            Handshake::new(UNIX_EPOCH)
                .with_headers([("authorization", value)])
                .bearer_token()
                .map(str::to_owned)
        };

        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(token("Basic abc"), None);
        assert_eq!(token("Bearer "), None);
    }

    #[test]
    fn secrets_do_not_show() {
        let handshake = Handshake::new(UNIX_EPOCH).with_headers([("cookie", "secret")]);

        assert!(!format!("{handshake:?}").contains("secret"));
    }
}
