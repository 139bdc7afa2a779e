use std::fmt::Write as _;

use bytes::Bytes;

use super::{EngineConfig, ErrorCode, Query, Transport};
use crate::Sid;

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// A new session.
    Handshake(Transport),
    /// A session that should exist.
    Session {
        /// Its identifier; well formed, but not necessarily in use.
        sid: Sid,
        /// The transport that the request uses.
        transport: Transport,
    },
}

/// Decides what a request asks for.
///
/// This is the first of three steps, in the order in which clients expect refusals. For
/// [`Target::Session`] the caller next looks the session up ([`ErrorCode::UnknownSid`] if
/// there is none) and calls [`verify_transport`]. For [`Target::Handshake`] the caller next
/// asks the application ([`ErrorCode::Forbidden`]) and calls [`verify_revision`].
///
/// # Errors
///
/// The code to refuse the request with.
pub fn verify(
    query: &Query,
    is_get: bool,
    is_websocket_upgrade: bool,
    config: &EngineConfig,
) -> Result<Target, ErrorCode> {
    let transport = query
        .transport()
        .filter(|transport| config.transports().contains(*transport))
        .ok_or(ErrorCode::TransportUnknown)?;
    if let Some(sid) = query.sid() {
        let sid = sid.parse().map_err(|_| ErrorCode::UnknownSid)?;
        return Ok(Target::Session { sid, transport });
    }
    if !is_get {
        return Err(ErrorCode::BadHandshakeMethod);
    }
    if is_websocket_upgrade != (transport == Transport::WebSocket) {
        return Err(ErrorCode::BadRequest);
    }
    Ok(Target::Handshake(transport))
}

/// Checks that a request to an existing session uses a transport that it may use.
///
/// `current` is the session's own. Whether it takes the WebSocket of an upgrade request is
/// for [`super::Session::handle_input`] to say.
///
/// # Errors
///
/// [`ErrorCode::BadRequest`] if not.
pub fn verify_transport(
    requested: Transport,
    current: Transport,
    is_websocket_upgrade: bool,
) -> Result<(), ErrorCode> {
    let fits = match requested {
        Transport::WebSocket => is_websocket_upgrade,
        Transport::Polling => !is_websocket_upgrade && current == Transport::Polling,
    };
    if fits {
        Ok(())
    } else {
        Err(ErrorCode::BadRequest)
    }
}

/// Checks that a handshake asks for revision 4 of the protocol.
///
/// Later requests of a session do not repeat it reliably, so only handshakes are checked.
///
/// # Errors
///
/// [`ErrorCode::UnsupportedProtocolVersion`] if not.
pub fn verify_revision(query: &Query) -> Result<(), ErrorCode> {
    if query.eio() == Some("4") {
        Ok(())
    } else {
        Err(ErrorCode::UnsupportedProtocolVersion)
    }
}

/// Writes the open packet (Engine.IO protocol, "Handshake"), its keys in the order of the
/// reference server.
pub(super) fn open_packet(sid: Sid, transport: Transport, config: &EngineConfig) -> Bytes {
    let upgrades = if config.announces_upgrade(transport) {
        r#"["websocket"]"#
    } else {
        "[]"
    };
    let mut text = String::with_capacity(OPEN_PACKET_LEN);
    // Writing to a `String` can't fail.
    let _ = write!(
        text,
        r#"0{{"sid":"{sid}","upgrades":{upgrades},"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
        config.ping_interval().as_millis(),
        config.ping_timeout().as_millis(),
        config.max_payload(),
    );
    text.into()
}

const OPEN_PACKET_LEN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(raw: &str, is_get: bool, is_upgrade: bool) -> Result<Target, ErrorCode> {
        verify(
            &Query::parse(raw),
            is_get,
            is_upgrade,
            &EngineConfig::default(),
        )
    }

    #[test]
    fn refusals_come_in_the_order_of_the_reference() {
        let cases = [
            ("", true, false, ErrorCode::TransportUnknown),
            ("EIO=4", true, false, ErrorCode::TransportUnknown),
            (
                "transport=__proto__",
                true,
                false,
                ErrorCode::TransportUnknown,
            ),
            (
                "transport=webtransport&EIO=4",
                true,
                true,
                ErrorCode::TransportUnknown,
            ),
            (
                "transport=abc&sid=abc",
                false,
                false,
                ErrorCode::TransportUnknown,
            ),
            (
                "transport=polling&sid=abc",
                true,
                false,
                ErrorCode::UnknownSid,
            ),
            (
                "transport=polling&sid=__proto__",
                false,
                false,
                ErrorCode::UnknownSid,
            ),
            (
                "transport=polling&EIO=3",
                false,
                false,
                ErrorCode::BadHandshakeMethod,
            ),
            (
                "transport=polling&EIO=4&sid=",
                false,
                false,
                ErrorCode::BadHandshakeMethod,
            ),
            (
                "transport=websocket&EIO=4",
                false,
                false,
                ErrorCode::BadHandshakeMethod,
            ),
            (
                "transport=websocket&EIO=3",
                true,
                false,
                ErrorCode::BadRequest,
            ),
            ("transport=polling&EIO=4", true, true, ErrorCode::BadRequest),
        ];

        for (raw, is_get, is_upgrade, code) in cases {
            assert_eq!(decide(raw, is_get, is_upgrade), Err(code), "{raw}");
        }
    }

    #[test]
    fn a_well_formed_request_has_a_target() {
        let sid = Sid::from_random([7; 15]);

        let handshake = decide("EIO=4&transport=websocket", true, true);
        let poll = decide(&format!("transport=polling&sid={sid}"), false, false);

        assert_eq!(handshake, Ok(Target::Handshake(Transport::WebSocket)));
        let transport = Transport::Polling;
        assert_eq!(poll, Ok(Target::Session { sid, transport }));
    }

    #[test]
    fn disabled_transport_is_unknown() {
        let config = EngineConfig::default().with_transports(Transport::WebSocket);

        let target = verify(
            &Query::parse("transport=polling&EIO=4"),
            true,
            false,
            &config,
        );

        assert_eq!(target, Err(ErrorCode::TransportUnknown));
    }

    #[test]
    fn only_an_upgrade_request_changes_the_transport() {
        use Transport::{Polling, WebSocket};

        assert_eq!(verify_transport(Polling, Polling, false), Ok(()));
        assert_eq!(verify_transport(WebSocket, Polling, true), Ok(()));
        assert_eq!(verify_transport(WebSocket, WebSocket, true), Ok(()));
        for (requested, current, is_upgrade) in [
            (Polling, WebSocket, false),
            (WebSocket, Polling, false),
            (WebSocket, WebSocket, false),
            (Polling, Polling, true),
        ] {
            let checked = verify_transport(requested, current, is_upgrade);
            assert_eq!(checked, Err(ErrorCode::BadRequest));
        }
    }

    #[test]
    fn only_revision_four_is_supported() {
        assert_eq!(verify_revision(&Query::parse("EIO=4")), Ok(()));
        for raw in [
            "",
            "EIO=",
            "EIO=3",
            "EIO=5",
            "EIO=abc",
            "EIO=04",
            "EIO=4&EIO=3",
        ] {
            let checked = verify_revision(&Query::parse(raw));
            assert_eq!(checked, Err(ErrorCode::UnsupportedProtocolVersion), "{raw}");
        }
    }

    #[test]
    fn open_packet_has_the_bytes_of_the_reference() {
        let sid: Sid = "O5FgraYwBcDEdBLIAAAA".parse().unwrap();
        let config = EngineConfig::default();

        assert_eq!(
            open_packet(sid, Transport::Polling, &config),
            r#"0{"sid":"O5FgraYwBcDEdBLIAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
        assert_eq!(
            open_packet(sid, Transport::WebSocket, &config),
            r#"0{"sid":"O5FgraYwBcDEdBLIAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
    }

    #[test]
    fn upgrades_are_announced_only_if_there_are_any() {
        let sid = Sid::from_random([0; 15]);
        let cases = [
            EngineConfig::default().with_allow_upgrades(false),
            EngineConfig::default().with_transports(Transport::Polling),
        ];

        for config in cases {
            let packet = open_packet(sid, Transport::Polling, &config);
            let text = std::str::from_utf8(&packet).unwrap();
            assert!(text.contains(r#""upgrades":[],"#), "{text}");
        }
    }
}
