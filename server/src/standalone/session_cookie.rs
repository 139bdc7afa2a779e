use actix_web::cookie::{Cookie, SameSite, time::Duration};

use super::settings::{CookieSettings, SameSiteName};
use crate::SessionCookie;

impl From<&CookieSettings> for SessionCookie {
    fn from(settings: &CookieSettings) -> Self {
        let same_site = match settings.same_site {
            SameSiteName::Strict => SameSite::Strict,
            SameSiteName::Lax => SameSite::Lax,
            SameSiteName::None => SameSite::None,
        };
        let mut cookie = Cookie::build(settings.name.clone(), "")
            .path(settings.path.clone())
            .http_only(settings.http_only)
            .secure(settings.secure)
            .same_site(same_site);
        if let Some(domain) = &settings.domain {
            cookie = cookie.domain(domain.clone());
        }
        // Longer than any browser keeps one is no longer than that.
        let seconds = i64::try_from(settings.max_age.as_secs()).unwrap_or(i64::MAX);
        if seconds > 0 {
            cookie = cookie.max_age(Duration::seconds(seconds));
        }
        cookie.finish().into()
    }
}

#[cfg(test)]
mod tests {
    use sockeye_protocol::Sid;

    use super::*;

    fn header(cookie: &SessionCookie) -> String {
        let header = cookie.header(Sid::from_random([0; 15])).unwrap();
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn settings_and_library_have_the_same_default() {
        let cookie = SessionCookie::from(&CookieSettings::default());

        assert_eq!(header(&cookie), header(&SessionCookie::default()));
    }

    #[test]
    fn every_setting_becomes_an_attribute() {
        let settings = CookieSettings {
            name: "stick".to_owned(),
            path: "/live".to_owned(),
            domain: Some("example.com".to_owned()),
            max_age: std::time::Duration::from_secs(60),
            http_only: false,
            secure: true,
            same_site: SameSiteName::None,
        };

        assert_eq!(
            header(&SessionCookie::from(&settings)),
            "stick=AAAAAAAAAAAAAAAAAAAA; SameSite=None; Secure; Path=/live; Domain=example.com; Max-Age=60"
        );
    }
}
