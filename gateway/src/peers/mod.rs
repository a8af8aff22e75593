//! What is remembered of network addresses: open connections and failed logins.

mod census;
mod guesses;

use std::net::IpAddr;

use crate::config::unmapped;

pub(crate) use self::census::{Census, Guest, TurnedAway};
pub(crate) use self::guesses::Guesses;

/// Who counts as one peer: an IPv4 address, or an IPv6 network of 64 bits, since that is what one
/// household gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerKey(u128);

impl PeerKey {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match unmapped(ip) {
            // Between 2⁶⁴ and 2⁹⁶, where no key of a network lies.
            IpAddr::V4(ip) => Self(u128::from(ip.to_bits()) | 1 << 64),
            IpAddr::V6(ip) => Self(ip.to_bits() >> 64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_household_is_one_peer() {
        let key = |ip: &str| PeerKey::of(ip.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
