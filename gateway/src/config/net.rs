//! Networks of IP addresses.

use std::net::IpAddr;

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Net {
    bits: u128,
    len: u32,
    is_v4: bool,
}

impl Net {
    /// Reads `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (ip, len) = match text.trim().split_once('/') {
            Some((ip, len)) => (ip, Some(len.parse::<u32>().ok()?)),
            None => (text.trim(), None),
        };
        let (bits, is_v4) = bits_of(ip.parse().ok()?);
        let width = if is_v4 { 32 } else { 128 };
        let len = len.unwrap_or(width);
        (len <= width).then_some(Self { bits, len, is_v4 })
    }

    /// Whether an address lies in it.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        let (bits, is_v4) = bits_of(ip);
        let width = if is_v4 { 32 } else { 128 };
        let shift = width - self.len.min(width);
        let head = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
        is_v4 == self.is_v4 && head(bits) == head(self.bits)
    }
}

fn bits_of(ip: IpAddr) -> (u128, bool) {
    match unmapped(ip) {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), true),
        IpAddr::V6(ip) => (ip.to_bits(), false),
    }
}

/// The address itself where an IPv4 address is written as IPv6.
pub(crate) fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Whether only this machine has the address.
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    unmapped(ip).is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_only() {
        for (net, ip, holds) in [
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8::", true),
            ("::1", "::2", false),
        ] {
            let held = Net::parse(net).unwrap().contains(ip.parse().unwrap());
            assert_eq!(held, holds, "{ip} in {net}");
        }
        for wrong in ["", "proxy", "10.0.0.0/33", "10.0.0.0/x", "::/129"] {
            assert_eq!(Net::parse(wrong), None, "{wrong}");
        }
    }
}
