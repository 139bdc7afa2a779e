//! What works, but hardly as it is meant.

use std::net::IpAddr;

use super::{Secret, Settings};
use crate::standalone::glob::Glob;

impl Settings {
    /// Returns what an operator should know of these settings, each a sentence without any secret.
    pub(super) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let internal = self.internal_listen;
        if !is_within(internal.ip()) {
            doubts.push(format!(
                "internal_listen: {internal} may be reached from other networks; the emit API and the \
                 metrics are for backends only"
            ));
        }
        let is_open = !internal.ip().is_loopback();
        if is_open && self.api.key.as_ref().is_some_and(is_short) {
            doubts.push(format!(
                "api.key: has fewer than {SHORT} characters, which may be guessed over the network"
            ));
        }
        if self
            .auth
            .jwt
            .as_ref()
            .is_some_and(|jwt| is_trivial(&jwt.secret))
        {
            doubts.push(
                "auth.jwt.secret: is blank or one character again and again, which may be guessed"
                    .to_owned(),
            );
        }
        let claimed = self.auth.rooms.iter().map(|room| Glob::of_template(room));
        let claimed: Vec<_> = claimed.collect();
        for pattern in &self.client.join {
            if claimed.iter().any(|claimed| claimed.matches(pattern)) {
                doubts.push(format!(
                    "client.join: {pattern:?} opens nothing but to those whose claims do so already, as \
                     such rooms are made by `auth.rooms`"
                ));
            }
        }
        doubts
    }
}

/// Returns whether an address is this machine's alone, or of a network that isn't the internet.
fn is_within(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

fn is_short(key: &Secret) -> bool {
    key.expose().len() < SHORT
}

fn is_trivial(secret: &Secret) -> bool {
    let secret = secret.expose();
    let mut bytes = secret.bytes();
    let first = bytes.next();
    secret.trim().is_empty() || bytes.all(|byte| Some(byte) == first)
}

/// The fewest characters of a key that others may try.
const SHORT: usize = 16;
