use actix_web::{
    cookie::{Cookie, SameSite},
    http::header::{HeaderValue, InvalidHeaderValue},
};
use sockeye_protocol::Sid;

/// The cookie that carries the session's id, for load balancers that keep a client with its server
/// by one. It is sent with a polling handshake only, and never read.
///
/// The default is the reference server's: `io`, for the path `/`, HTTP only, `SameSite=Lax`. Any
/// other is made of a [`Cookie`], whose value doesn't matter:
///
/// ```
/// use actix_web::cookie::{Cookie, SameSite};
/// use sockeye::{HttpConfig, SessionCookie};
///
/// let cookie = Cookie::build("stick", "").path("/").secure(true).same_site(SameSite::None);
/// let http = HttpConfig::default().with_cookie(cookie.finish());
/// let same_as_the_reference = HttpConfig::default().with_cookie(SessionCookie::default());
/// ```
#[derive(Clone, Debug)]
pub struct SessionCookie(Cookie<'static>);

impl Default for SessionCookie {
    fn default() -> Self {
        let cookie = Cookie::build("io", "")
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax);
        Self(cookie.finish())
    }
}

impl From<Cookie<'static>> for SessionCookie {
    fn from(cookie: Cookie<'static>) -> Self {
        Self(cookie)
    }
}

impl SessionCookie {
    /// Returns whether the cookie can be sent: browsers would take something else, or nothing.
    pub(crate) fn is_valid(&self) -> bool {
        let token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        let attribute = |value: &str| {
            value
                .bytes()
                .all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
        };
        !self.0.name().is_empty()
            && self.0.name().bytes().all(token)
            && [self.0.path(), self.0.domain()]
                .into_iter()
                .flatten()
                .all(attribute)
    }

    /// Returns the header for a session.
    pub(crate) fn header(&self, sid: Sid) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut cookie = self.0.clone();
        cookie.set_value(sid.to_string());
        HeaderValue::from_str(&cookie.to_string())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::cookie::time::Duration;

    use super::*;

    fn header(cookie: SessionCookie) -> String {
        let header = cookie.header(Sid::from_random([0; 15])).unwrap();
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_default_is_that_of_the_reference() {
        assert_eq!(
            header(SessionCookie::default()),
            "io=AAAAAAAAAAAAAAAAAAAA; HttpOnly; SameSite=Lax; Path=/"
        );
    }

    #[test]
    fn every_attribute_is_sent() {
        let cookie = Cookie::build("a", "ignored")
            .domain("example.com")
            .max_age(Duration::hours(1))
            .secure(true)
            .same_site(SameSite::None);

        assert_eq!(
            header(cookie.finish().into()),
            "a=AAAAAAAAAAAAAAAAAAAA; SameSite=None; Secure; Domain=example.com; Max-Age=3600"
        );
    }

    #[test]
    fn what_a_header_would_end_at_is_refused() {
        for cookie in [
            Cookie::new("", ""),
            Cookie::new("a b", ""),
            Cookie::new("a;b", ""),
            Cookie::build("a", "").path("/\r\nx: y").finish(),
            Cookie::build("a", "").domain("a.test; Path=/").finish(),
        ] {
            assert!(!SessionCookie::from(cookie).is_valid());
        }
        assert!(SessionCookie::default().is_valid());
    }
}
