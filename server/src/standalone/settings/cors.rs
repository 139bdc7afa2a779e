use serde::Deserialize;

use super::{origins::is_origin, problems::Problems};

/// The table `[cors]`: the pages of other origins which may read the answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsSettings {
    /// The origins, each scheme, host and port as a browser sends them, or `*` alone for all.
    pub origins: Vec<String>,
    /// Whether browsers may send cookies along; false by default and never with `*`.
    pub credentials: bool,
}

impl CorsSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        let key = "cors.origins";
        let any = self.origins.iter().any(|origin| origin == "*");
        problems.require(
            !self.origins.is_empty(),
            key,
            "must name at least one origin",
        );
        problems.require(!any || self.origins.len() == 1, key, "`*` must stand alone");
        problems.require(
            !(any && self.credentials),
            "cors.credentials",
            "must not be true together with the origin `*`: any page could act as its visitor",
        );
        for origin in self.origins.iter().filter(|origin| *origin != "*") {
            let ok = is_origin(origin) && !origin.contains('*');
            problems.require(
                ok,
                key,
                format!("{origin:?} is not an origin such as \"https://app.example.com\""),
            );
        }
    }
}
