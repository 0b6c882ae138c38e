//! Under which addresses players reach this host.
//!
//! A connect token lists addresses, and netcode lets in who has one that the host knew when it started. The list begins
//! with the address that the player has just reached us by, for that one is known to work. Behind a relay it holds the
//! relay's address alone: how a player came by HTTP then says nothing of how its packets come.

use crate::{Relay, limits::TOKEN_ADDRESSES_MAX};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses of a host.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Where the game's sockets are bound.
    game: IpAddr,
    /// Where the time echo's socket is bound.
    time: SocketAddr,
    advertised: Vec<IpAddr>,
    local: Vec<IpAddr>,
    relay: Option<Relay>,
}

/// The two ends of the HTTP connection by which a player came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// Our end.
    pub(crate) local: IpAddr,
    /// The player's.
    pub(crate) peer: IpAddr,
}

impl Addresses {
    /// The addresses of bound sockets, of this machine's interfaces, of those that were advertised, and of a relay.
    pub(crate) fn new(game: IpAddr, time: SocketAddr, advertised: Vec<IpAddr>, relay: Option<Relay>) -> Self {
        let mut local = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        match if_addrs::get_if_addrs() {
            Ok(interfaces) => local.extend(interfaces.iter().map(if_addrs::Interface::ip)),
            Err(error) => tracing::warn!(target: "host", %error, "the network interfaces cannot be listed"),
        }
        Self { game, time, advertised, local, relay }
    }

    /// Every address that this host is known to have.
    pub(crate) fn all(&self) -> Vec<IpAddr> {
        let mut all = Vec::new();
        for ip in self.advertised.iter().chain(&self.local) {
            if !all.contains(ip) {
                all.push(*ip);
            }
        }
        all
    }

    /// All that netcode is to let in at the game's socket on `port`.
    pub(crate) fn public(&self, port: u16) -> Vec<SocketAddr> {
        let mut public: Vec<SocketAddr> = self.relay.iter().map(|relay| relay.game).collect();
        let bound = Some(self.game).filter(|ip| !ip.is_unspecified());
        for ip in bound.iter().chain(&self.advertised).chain(&self.local) {
            push_new(&mut public, SocketAddr::new(*ip, port));
        }
        public
    }

    /// Where the player who came by `route` is to connect to the game's socket on `port`, best first; never empty, at most
    /// [`TOKEN_ADDRESSES_MAX`], and one of them [`Self::public`].
    pub(crate) fn for_player(&self, route: Route, port: u16) -> Vec<SocketAddr> {
        if let Some(relay) = self.relay {
            return vec![relay.game];
        }
        let bound = self.game;
        let reached = if bound.is_unspecified() { route.local.to_canonical() } else { bound };
        let mut ips = self.advertised.clone();
        if is_global(route.peer) && !is_global(reached) {
            // From outside to an inside address: through a router, and no way for the player to use that address.
            ips.push(reached);
        } else {
            ips.insert(0, reached);
        }
        let mut addresses = Vec::new();
        for ip in ips {
            push_new(&mut addresses, SocketAddr::new(ip, port));
        }
        let public = self.public(port);
        if !addresses.iter().any(|address| public.contains(address)) {
            // An interface that came up after the start; netcode asks for one address that it knows.
            addresses.extend(public.first());
        }
        addresses.truncate(TOKEN_ADDRESSES_MAX);
        addresses
    }

    /// Where that player's time probes are answered: beside the address that it connects to first.
    pub(crate) fn time_for_player(&self, route: Route) -> SocketAddr {
        if let Some(relay) = self.relay {
            return relay.time;
        }
        let first = self.for_player(route, self.time.port()).first().map_or(route.local, SocketAddr::ip);
        let ip = if self.time.ip().is_unspecified() { first } else { self.time.ip() };
        SocketAddr::new(ip, self.time.port())
    }

    /// The address by which guests are invited whose host's HTTP is bound to this one: the first that was advertised, else
    /// one of a local network; `None` where only this machine can come in.
    pub(crate) fn for_guests(&self, bound: IpAddr) -> Option<IpAddr> {
        if let Some(advertised) = self.advertised.first() {
            return Some(*advertised);
        }
        if !bound.is_unspecified() {
            return Some(bound).filter(|ip| !ip.is_loopback());
        }
        let outward = || self.local.iter().copied().filter(|ip| ip.is_ipv4() && !ip.is_loopback());
        let is_private = |ip: &IpAddr| matches!(ip, IpAddr::V4(ip) if ip.is_private());
        outward().find(is_private).or_else(|| outward().next())
    }
}

fn push_new(list: &mut Vec<SocketAddr>, address: SocketAddr) {
    if !list.contains(&address) {
        list.push(address);
    }
}

/// Whether an address is one of the internet, and not of a machine or a local network.
fn is_global(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let carrier_grade = a == 100 && (64..128).contains(&b);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || carrier_grade)
        }
        IpAddr::V6(ip) => {
            !(ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn addresses(bound: &str, advertised: &[&str]) -> Addresses {
        let bound = SocketAddr::new(ip(bound), 7373);
        Addresses {
            game: bound.ip(),
            time: SocketAddr::new(bound.ip(), 7374),
            advertised: advertised.iter().map(|text| ip(text)).collect(),
            local: vec![ip("127.0.0.1"), ip("192.168.1.5")],
            relay: None,
        }
    }

    fn ips(addresses: &Addresses, local: &str, peer: &str) -> Vec<String> {
        let route = Route { local: ip(local), peer: ip(peer) };
        addresses.for_player(route, 7373).iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn the_address_that_the_player_reached_comes_first_then_the_advertised_ones() {
        let addresses = addresses("0.0.0.0", &["203.0.113.7", "192.168.1.5"]);
        assert_eq!(ips(&addresses, "192.168.1.5", "192.168.1.9"), ["192.168.1.5", "203.0.113.7"]);
        assert_eq!(
            ips(&addresses, "::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ["127.0.0.1", "203.0.113.7", "192.168.1.5"]
        );
    }

    #[test]
    fn guests_are_invited_to_where_they_can_come() {
        let invited = |bound: &str, advertised: &[&str]| {
            addresses(bound, advertised).for_guests(ip(bound)).map(|address| address.to_string())
        };
        assert_eq!(invited("0.0.0.0", &[]).as_deref(), Some("192.168.1.5"));
        assert_eq!(invited("0.0.0.0", &["203.0.113.7"]).as_deref(), Some("203.0.113.7"));
        assert_eq!(invited("10.1.2.3", &[]).as_deref(), Some("10.1.2.3"));
        assert_eq!(invited("127.0.0.1", &[]), None);
        assert_eq!(invited("127.0.0.1", &["203.0.113.7"]).as_deref(), Some("203.0.113.7"), "behind a proxy or router");
    }

    #[test]
    fn a_player_who_comes_through_a_router_is_told_the_advertised_address_first() {
        let addresses = addresses("0.0.0.0", &["203.0.113.7"]);
        assert_eq!(ips(&addresses, "192.168.1.5", "198.51.100.4"), ["203.0.113.7", "192.168.1.5"]);
        let route = Route { local: ip("192.168.1.5"), peer: ip("198.51.100.4") };
        assert_eq!(addresses.time_for_player(route), SocketAddr::new(ip("203.0.113.7"), 7374));
    }

    #[test]
    fn a_socket_bound_to_one_address_is_named_by_it() {
        let addresses = addresses("192.168.1.5", &[]);
        assert_eq!(ips(&addresses, "127.0.0.1", "127.0.0.1"), ["192.168.1.5"]);
    }

    #[test]
    fn behind_a_relay_players_are_told_its_addresses_alone() {
        let at = |port| SocketAddr::new(ip("203.0.113.7"), port);
        let relay = Relay { game: at(40_001), time: at(50_002) };
        let addresses = Addresses { relay: Some(relay), ..addresses("0.0.0.0", &["198.51.100.1"]) };
        let route = Route { local: ip("127.0.0.1"), peer: ip("127.0.0.1") };
        assert_eq!(addresses.for_player(route, 7373), [relay.game]);
        assert_eq!(addresses.time_for_player(route), relay.time);
        assert!(addresses.public(7373).contains(&relay.game), "netcode lets them in");
    }

    #[test]
    fn an_interface_that_came_up_later_is_joined_by_an_address_that_netcode_knows() {
        let addresses = addresses("0.0.0.0", &[]);
        assert_eq!(ips(&addresses, "10.8.0.1", "10.8.0.2"), ["10.8.0.1", "127.0.0.1"]);
    }
}
