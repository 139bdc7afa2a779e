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
    query: Vec<(String, String)>,
    url: String,
    address: Option<String>,
    secure: bool,
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
            query: Vec::new(),
            url: String::new(),
            address: None,
            secure: false,
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
        self
    }

    /// Sets the query parameters.
    #[must_use]
    pub fn with_query(mut self, query: impl IntoIterator<Item = (String, String)>) -> Self {
        self.query = query.into_iter().collect();
        self
    }

    /// Sets the request target.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the peer's address, without its port.
    #[must_use]
    pub fn with_address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
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
        let matching = |(key, _): &&(String, String)| key == name;
        self.query
            .iter()
            .rev()
            .find(matching)
            .map(|(_, value)| value.as_str())
    }

    /// Returns every query parameter, `EIO` and `transport` included.
    #[must_use]
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
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
        self.headers.get("origin").is_some()
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
pub struct Headers {
    text: Box<str>,
    /// Ends of name and value in `text`, alternating.
    ends: Box<[u32]>,
}

impl Headers {
    fn new<N: AsRef<str>, V: AsRef<str>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut text = String::new();
        let mut ends = Vec::new();
        for (name, value) in headers {
            text.push_str(&name.as_ref().to_ascii_lowercase());
            ends.push(text.len() as u32);
            text.push_str(value.as_ref());
            ends.push(text.len() as u32);
        }
        Self {
            text: text.into(),
            ends: ends.into(),
        }
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
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |pair| {
            let (name_end, value_end) = (pair[0] as usize, pair[1] as usize);
            let header = (&self.text[start..name_end], &self.text[name_end..value_end]);
            start = value_end;
            header
        })
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
