use serde::Deserialize;

use super::problems::Problems;
use crate::{ForwardedHeader, InvalidProxy, TrustedProxies};

/// The table `[proxies]`: whose word is taken about who the clients are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxySettings {
    /// The addresses and networks of the proxies; none by default.
    pub trusted: Vec<String>,
    /// The header in which they say who their client is; `X-Forwarded-For` by default.
    pub header: HeaderName,
    /// Whether their connections begin with the PROXY protocol; false by default.
    pub protocol: bool,
}

/// A header with a client's address, as the setting `proxies.header` names it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeaderName {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`, of RFC 7239.
    Forwarded,
}

impl ProxySettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        if let Err(error) = self.proxies() {
            problems.add("proxies.trusted", error.to_string());
        }
        problems.require(
            !self.protocol || !self.trusted.is_empty(),
            "proxies.protocol",
            "needs the proxies in `trusted`",
        );
    }

    pub(in crate::standalone) fn proxies(&self) -> Result<TrustedProxies, InvalidProxy> {
        let header = match self.header {
            HeaderName::XForwardedFor => ForwardedHeader::XForwardedFor,
            HeaderName::Forwarded => ForwardedHeader::Forwarded,
        };
        Ok(TrustedProxies::parse(&self.trusted)?.header(header))
    }
}
