//! Durations as people write them: `25s`, `1m 30s`, `500ms`.

use std::{fmt, time::Duration};

use serde::de::{Deserializer, Error, Visitor};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(WANTED)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text)
                .map_err(|_| E::custom(format_args!("expected {WANTED}")))
        }
    }

    deserializer.deserialize_str(Text)
}

const WANTED: &str = "a duration with its unit in quotes, such as \"25s\" or \"500ms\"";
