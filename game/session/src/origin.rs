//! What counts as one address where addresses are limited.

use std::net::{IpAddr, Ipv6Addr};

/// What an address counts as; nothing for this machine itself, which is not limited. IPv6 addresses of one network (64 bits)
/// are one address: a single machine has them all.
pub fn limited(from: IpAddr) -> Option<IpAddr> {
    let from = from.to_canonical();
    let key = match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    };
    (!from.is_loopback()).then_some(key)
}
