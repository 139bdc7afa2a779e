use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};
use sockeye_protocol::Sid;

use crate::{Handshake, RoomName, SocketRef};

/// A socket as other nodes are told of it.
///
/// Its JSON form is that of the reference server's `RemoteSocket`: `id`, `handshake`, `rooms` (its
/// own included) and `data`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SocketRecord {
    /// Its id.
    pub id: Sid,
    /// The handshake of its connection.
    pub handshake: Arc<Handshake>,
    /// What the client passed as `auth`: the text of a JSON object.
    pub auth_payload: Arc<str>,
    /// The rooms that it is in, its own not counted.
    pub rooms: Vec<RoomName>,
    /// Its attributes.
    pub attributes: Map<String, Value>,
}

impl SocketRecord {
    pub(super) fn of(socket: &SocketRef) -> Self {
        Self {
            id: socket.id(),
            handshake: socket.shared_handshake().clone(),
            auth_payload: socket.auth_payload(),
            rooms: socket.rooms(),
            attributes: socket.attributes(),
        }
    }

    fn to_json(&self) -> Value {
        let handshake = &self.handshake;
        let mut headers = Map::new();
        for (name, value) in handshake.headers().iter() {
            match headers.get_mut(name) {
                Some(Value::String(before)) => {
                    before.push_str(if name == "cookie" { "; " } else { ", " });
                    before.push_str(value);
                }
                _ => drop(headers.insert(name.to_owned(), value.into())),
            }
        }
        let query: Map<_, _> = handshake
            .query_pairs()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let auth: Value = serde_json::from_str(&self.auth_payload).unwrap_or_default();
        let own = std::iter::once(self.id.as_str());
        let rooms: Vec<_> = own.chain(self.rooms.iter().map(|room| &**room)).collect();
        json!({
            "id": self.id.as_str(),
            "handshake": {
                "headers": headers,
                "time": date_text(handshake.issued_ms()),
                "address": handshake.address().unwrap_or_default(),
                "xdomain": handshake.is_cross_domain(),
                "secure": handshake.is_secure(),
                "issued": handshake.issued_ms(),
                "url": handshake.url(),
                "query": query,
                "auth": auth,
            },
            "rooms": rooms,
            "data": self.attributes,
        })
    }
}

impl Serialize for SocketRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SocketRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Value::Object(mut record) = Value::deserialize(deserializer)? else {
            return Err(D::Error::custom("a socket is an object"));
        };
        let id = record.get("id").and_then(Value::as_str);
        let id: Option<Sid> = id.and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| D::Error::custom("a socket has an id"))?;
        let Value::Object(mut handshake) = take(&mut record, "handshake") else {
            return Err(D::Error::custom("a socket has a handshake"));
        };
        let auth = match take(&mut handshake, "auth") {
            Value::Object(auth) => Value::Object(auth).to_string(),
            _ => "{}".to_owned(),
        };
        let rooms = match take(&mut record, "rooms") {
            Value::Array(rooms) => rooms.into_iter().map(text).collect(),
            _ => Vec::new(),
        };
        let rooms = rooms.into_iter().filter(|room| *room != *id.as_str());
        let attributes = match take(&mut record, "data") {
            Value::Object(attributes) => attributes,
            _ => Map::new(),
        };
        Ok(Self {
            id,
            handshake: Arc::new(read_handshake(handshake)),
            auth_payload: auth.into(),
            rooms: rooms.map(RoomName::from).collect(),
            attributes,
        })
    }
}

fn read_handshake(mut from: Map<String, Value>) -> Handshake {
    let issued = from.get("issued").and_then(Value::as_u64);
    let issued = UNIX_EPOCH.checked_add(Duration::from_millis(issued.unwrap_or_default()));
    let handshake = Handshake::new(issued.unwrap_or(UNIX_EPOCH))
        .with_headers(pairs(take(&mut from, "headers")))
        .with_query(pairs(take(&mut from, "query")))
        .with_url(text(take(&mut from, "url")))
        .with_secure(take(&mut from, "secure") == Value::Bool(true));
    match take(&mut from, "address") {
        Value::String(address) => handshake.with_address(address),
        _ => handshake,
    }
}

fn take(from: &mut Map<String, Value>, name: &str) -> Value {
    from.remove(name).unwrap_or_default()
}

/// Reads names and values; a value may be a list, as some headers' is.
fn pairs(from: Value) -> Vec<(String, String)> {
    let Value::Object(from) = from else {
        return Vec::new();
    };
    let one = |(name, value): (String, Value)| match value {
        Value::Array(values) => values
            .into_iter()
            .map(|value| (name.clone(), text(value)))
            .collect(),
        value => vec![(name, text(value))],
    };
    from.into_iter().flat_map(one).collect()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Writes a time as JavaScript's `Date` does, in UTC.
fn date_text(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // The calendar repeats every 400 years, and starts them in March so that leap days come last.
    let since_march_0 = days + 719_468;
    let era = since_march_0 / 146_097;
    let day_of_era = since_march_0 % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let year = era * 400 + year_of_era + u64::from(month_from_march >= 10);
    format!(
        "{} {} {day:02} {year:04} {:02}:{:02}:{:02} GMT+0000 (Coordinated Universal Time)",
        WEEKDAYS[(days % 7) as usize],
        MONTHS[month_from_march as usize],
        time / 3_600,
        time / 60 % 60,
        time % 60,
    )
}

/// The first day of 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const MONTHS: [&str; 12] = [
    "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// As the reference server sends it.
    const RECORD: &str = r#"{"id":"5LWGq3P8rT0bYp_xAAAB","handshake":{"headers":{"host":"a.test","set-cookie":["x","y"],"origin":"http://b.test"},"time":"Sat Nov 21 2026 08:03:41 GMT+0000 (Coordinated Universal Time)","address":"127.0.0.1","xdomain":true,"secure":false,"issued":1795248221009,"url":"/socket.io/?EIO=4&transport=websocket","query":{"EIO":"4","transport":"websocket"},"auth":{"token":"t"}},"rooms":["5LWGq3P8rT0bYp_xAAAB","r1",42],"data":{"user":"u-b"}}"#;

    #[test]
    fn a_record_of_the_reference_server_is_read_and_written_back() {
        let record: SocketRecord = serde_json::from_str(RECORD).unwrap();
        let written = serde_json::to_value(&record).unwrap();

        assert_eq!(record.rooms, ["r1".into(), "42".into()]);
        assert_eq!(record.handshake.address(), Some("127.0.0.1"));
        assert_eq!(record.handshake.query("EIO"), Some("4"));
        assert_eq!(&*record.auth_payload, r#"{"token":"t"}"#);
        let mut expected: Value = serde_json::from_str(RECORD).unwrap();
        expected["handshake"]["headers"]["set-cookie"] = "x, y".into();
        expected["rooms"][2] = "42".into();
        assert_eq!(written, expected);
    }

    #[test]
    fn what_may_be_missing_may_be_missing() {
        let record = r#"{"id":"5LWGq3P8rT0bYp_xAAAB","handshake":{},"data":null}"#;

        let record: SocketRecord = serde_json::from_str(record).unwrap();

        assert!(record.rooms.is_empty() && record.attributes.is_empty());
        assert_eq!(&*record.auth_payload, "{}");
    }

    #[test]
    fn dates_are_those_of_javascript() {
        let leap_day = 951_782_400_000;

        assert!(date_text(0).starts_with("Thu Jan 01 1970 00:00:00 GMT+0000"));
        assert!(date_text(leap_day).starts_with("Tue Feb 29 2000 00:00:00"));
        assert!(date_text(1_795_248_221_009).starts_with("Sat Nov 21 2026 08:03:41"));
    }
}
