//! WebSocket frames that are not allowed, and extensions that nobody offers.

use crate::{
    case::{Case, MIB},
    kit::{Frame, Transport, Upgrade},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-28",
            "no compression is negotiated, so nothing can be inflated",
            |server| {
                let offers = [
                    "permessage-deflate",
                    "permessage-deflate; client_max_window_bits",
                    "permessage-deflate; server_no_context_takeover; client_max_window_bits=15",
                ];
                for offer in offers {
                    let upgrade = Upgrade::new().header("Sec-WebSocket-Extensions", offer);
                    let (response, _) = upgrade.attempt(server.address)?;
                    response.is(101)?.has_no("sec-websocket-extensions")?;
                    let mut websocket = upgrade.open(server.address)?;
                    websocket.send(&Frame::of(0xc1, vec![0; 10_000]))?;
                    websocket.closes_with(1002)?;
                }
                Ok(())
            },
        )
        .costs(50, 2 * MIB),
        Case::new("ATK-29", "reserved bits close with 1002", |server| {
            for first in [0xc1, 0xa1, 0x91, 0xf2] {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                let websocket = peer.websocket()?;
                websocket.send(&Frame::of(first, "4"))?;
                websocket.closes_with(1002)?;
            }
            Ok(())
        }),
    ]
}
