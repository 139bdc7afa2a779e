use std::net::SocketAddr;

use serde::{Deserialize, Deserializer};

use super::address;

/// The table `[metrics]`: another place where Prometheus may ask.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// An address that has `/metrics`, `/health` and `/ready`, and nothing else; none by default, as the
    /// internal listener has them too.
    #[serde(deserialize_with = "optional")]
    pub listen: Option<SocketAddr>,
}

fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address::deserialize(deserializer).map(Some)
}
