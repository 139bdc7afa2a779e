use serde::Serialize;
use serde_json::Number;
use sockeye_protocol::{Sid, socket::RawArgs};

use super::AuthError;
use crate::{ArgsList, Handshake, SocketRef, json_members, json_text};

/// The event names and shapes that a client authenticates with after it has connected.
///
/// The three presets are the flows that existing frontends use; their event names can be changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dialect {
    request: String,
    accepted: String,
    refused: String,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    /// Token in the event; answers are objects with a status.
    Status,
    /// Token in the handshake; the answer is the socket's id and the time.
    IdAndTime,
    /// Id and key in the event; the answer is a truth value.
    Truth,
}

impl Dialect {
    /// `authentication` with the access token → `authenticated` or `unauthorized`, both with
    /// `{status, message}`.
    ///
    /// The token is the first argument, or its field `token`, `accessToken` or `access_token`.
    /// This is the default, and the only preset in which a token in the handshake authenticates
    /// the socket as it connects.
    #[must_use]
    pub fn authentication() -> Self {
        Self::new(
            "authentication",
            "authenticated",
            "unauthorized",
            Shape::Status,
        )
    }

    /// `authenticate` without payload, the token being in the handshake (`auth.token` or a bearer
    /// header) → `authenticated` `{id, time}` or `unauthenticated`.
    #[must_use]
    pub fn authenticate() -> Self {
        Self::new(
            "authenticate",
            "authenticated",
            "unauthenticated",
            Shape::IdAndTime,
        )
    }

    /// `initialConnection` `{id, secretkey}` → `auth` `true` or `false`.
    #[must_use]
    pub fn initial_connection() -> Self {
        Self::new("initialConnection", "auth", "auth", Shape::Truth)
    }

    /// Changes the event names: the client's request and the server's two answers.
    #[must_use]
    pub fn with_events(
        mut self,
        request: impl Into<String>,
        accepted: impl Into<String>,
        refused: impl Into<String>,
    ) -> Self {
        self.request = request.into();
        self.accepted = accepted.into();
        self.refused = refused.into();
        self
    }

    /// Returns the event that the client authenticates with.
    #[must_use]
    pub fn request_event(&self) -> &str {
        &self.request
    }

    /// Returns whether a token in the handshake is verified as the socket connects.
    #[must_use]
    pub fn verifies_handshake(&self) -> bool {
        self.shape == Shape::Status
    }

    /// Returns whether an attempt takes its token from what the client passed as it connected.
    pub(crate) fn reads_handshake_later(&self) -> bool {
        self.shape == Shape::IdAndTime
    }

    /// Finds the token of an attempt, and the id it is for where the dialect has one.
    pub(crate) fn token(
        &self,
        socket: &SocketRef,
        args: &RawArgs,
    ) -> Option<(String, Option<String>)> {
        match self.shape {
            Shape::Status => Some((token_argument(args)?, None)),
            Shape::IdAndTime => Some((
                handshake_token(&socket.auth_payload(), socket.handshake())?,
                None,
            )),
            Shape::Truth => {
                let [token, id] = json_members(args.iter().next()?, ["secretkey", "id"])?;
                let (token, id) = (json_text(token?)?, id?);
                let number = || Some(serde_json::from_str::<Number>(id).ok()?.to_string());
                Some((token, Some(json_text(id).or_else(number)?)))
            }
        }
    }

    /// Returns the event and argument that tell the client it is authenticated.
    pub(crate) fn acceptance(&self, socket: Sid) -> (&str, Answer) {
        let answer = match self.shape {
            Shape::Status => Answer::Status {
                status: 200,
                message: "Authentication success".to_owned(),
            },
            Shape::IdAndTime => {
                let now = humantime::format_rfc3339_millis(std::time::SystemTime::now());
                Answer::IdAndTime {
                    id: socket.to_string(),
                    time: now.to_string(),
                }
            }
            Shape::Truth => Answer::Truth(true),
        };
        (&self.accepted, answer)
    }

    /// Returns the event and argument that tell the client it is not.
    pub(crate) fn refusal(&self, socket: Sid, error: AuthError) -> (&str, Answer) {
        let answer = match self.shape {
            Shape::Status => Answer::refusal(socket, error),
            Shape::IdAndTime => Answer::Nothing,
            Shape::Truth => Answer::Truth(false),
        };
        (&self.refused, answer)
    }

    fn new(request: &str, accepted: &str, refused: &str, shape: Shape) -> Self {
        Self {
            request: request.to_owned(),
            accepted: accepted.to_owned(),
            refused: refused.to_owned(),
            shape,
        }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::authentication()
    }
}

/// What a client is told, its fields in the order in which frontends see them in the log.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Status { status: u16, message: String },
    IdAndTime { id: String, time: String },
    Truth(bool),
    Nothing,
}

impl Answer {
    pub(crate) fn refusal(socket: Sid, error: AuthError) -> Self {
        Self::Status {
            status: error.status(),
            message: error.message(socket),
        }
    }

    /// Returns the answer as an argument list: nothing is no argument.
    pub(crate) fn into_args(self) -> ArgsList<Self> {
        ArgsList(if self == Self::Nothing {
            Vec::new()
        } else {
            vec![self]
        })
    }
}

/// Returns the token of a handshake: `auth.token`, or else a bearer header.
pub(crate) fn handshake_token(auth_payload: &str, handshake: &Handshake) -> Option<String> {
    let members = json_members(auth_payload, ["token"]);
    let Some(token) = members.and_then(|[token]| token.filter(|token| *token != "null")) else {
        return handshake.bearer_token().map(str::to_owned);
    };
    // A token that is no text is a bad token, not a missing one.
    let token = json_text(token).unwrap_or_default();
    // Frontends often pass a whole header value.
    Some(match token.strip_prefix("Bearer ") {
        Some(token) => token.to_owned(),
        None => token,
    })
}

fn token_argument(args: &RawArgs) -> Option<String> {
    let argument = args.iter().next()?;
    let named = || {
        let fields = json_members(argument, TOKEN_FIELDS)?;
        fields.into_iter().flatten().find_map(json_text)
    };
    json_text(argument).or_else(named)
}

const TOKEN_FIELDS: [&str; 3] = ["token", "accessToken", "access_token"];

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn argument(json: &str) -> RawArgs {
        RawArgs::from_json(format!("[{json}]"), Vec::new()).unwrap()
    }

    fn of_handshake(payload: &str) -> Option<String> {
        let handshake = Handshake::new(SystemTime::UNIX_EPOCH);
        let handshake = handshake.with_headers([("Authorization", "Bearer header")]);
        handshake_token(payload, &handshake)
    }

    #[test]
    fn a_handshake_has_its_token_in_the_payload_or_in_the_header() {
        for (payload, token) in [
            (r#"{"token":"a"}"#, "a"),
            (r#"{"token":"Bearer a"}"#, "a"),
            (r#"{"token":"a","token":"b"}"#, "b"),
            (r#"{"x":1e999,"token":"a"}"#, "a"),
            (r#"{"token":1}"#, ""),
            (r#"{"token":["a"]}"#, ""),
            (r#"{"token":"\ud800"}"#, ""),
            (r#"{"token":null}"#, "header"),
            ("{}", "header"),
            ("", "header"),
            ("[]", "header"),
        ] {
            assert_eq!(of_handshake(payload).as_deref(), Some(token), "{payload}");
        }
    }

    #[test]
    fn an_argument_is_a_token_or_has_one_in_some_field() {
        for (json, token) in [
            (r#""a""#, Some("a")),
            (r#"{"token":"a"}"#, Some("a")),
            (r#"{"access_token":"b","accessToken":"a"}"#, Some("a")),
            (r#"{"token":7,"access_token":"b"}"#, Some("b")),
            (r#"{"token":7}"#, None),
            ("7", None),
            ("null", None),
            (r#"["a"]"#, None),
        ] {
            assert_eq!(token_argument(&argument(json)).as_deref(), token, "{json}");
        }
        assert_eq!(token_argument(&RawArgs::default()), None);
    }

    #[test]
    fn a_megabyte_beside_the_token_takes_no_memory() {
        let bomb = format!(r#"[{}0]"#, r#"{"":0},"#.repeat(140_000));
        let payload = format!(r#"{{"a":{bomb},"token":{bomb}}}"#);
        let args = [argument(&payload), argument(&bomb)];

        let used = allocation_counter::measure(|| {
            assert_eq!(of_handshake(&payload).as_deref(), Some(""));
            assert!(args.iter().all(|args| token_argument(args).is_none()));
        });

        assert!(used.bytes_max < 4096, "{used:?}");
    }
}
